use POSIX;
my %population=(aachen=>249070,bonn=>336465, duren => 93323 );
sub largest{ my($towns)=@_; my @sorted=sort{$towns->{$b}<=>$towns->{$a}}keys %$towns;
return $sorted[0]; }
foreach my $name (sort keys %population) { if($population{$name}>100000) { printf "%s has %d\n",$name,floor($population{$name}) }
   else { print "$name is small\n" } }
print largest(\%population), "\n";
