# The #! line in all its forms, upstream's too; one that can't be understood is said, with status 127.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
my %ARGUMENT = (perl => '-w', python => '-O');
my $one_line = qr/\Aprefork-interp: [^\n]+\n\z/;

# Is the script served, by this #! line (after the client's path)?
sub served ($language, $line, $name = $line) {
	my $script = script($language, line => $line);
	my $r = $script->call(['args', 'a b', '-x']);
	is_result($r, {status => 0, out => "612062\n2d78\n", err => ''}, "$name: first call");
	my $nonce = $script->warm;
	is($script->warm, $nonce, "$name: served");
	return;
}

each_language(sub ($language) {
	my $interpreter = script($language)->{interpreter}[0];
	served($language, $_) for "-- $interpreter", $interpreter, "--  $interpreter ", "--idle-timeout=60 -- $interpreter",
		"--idle-timeout 60 --max-servers=3 $interpreter", "-U $interpreter", "-U,$interpreter", "-G x -E HOME -- $interpreter",
		"-G x,y $interpreter", "-U,-G,x,$interpreter", "--\t$interpreter";
	if (my $argument = $ARGUMENT{$language}) {
		served($language, $_) for "-- $interpreter $argument", "--idle-timeout=60 -- $interpreter $argument",
			"-U,$interpreter,$argument", "-U $interpreter $argument", "$interpreter $argument";
		my $plain = script($language, line => "-- $interpreter");
		my $with = script($language, line => "-- $interpreter $argument");
		isnt($with->warm, $plain->warm, "$argument: another server");
	}

	my %WRONG = (
		'an unknown option'             => "--frobnicate -- $interpreter",
		'an unknown letter'             => "-Z $interpreter",
		'an option without its value'   => '-G',
		'no words'                      => '',
		'no interpreter'                => '--',
		'a time-out that is no number'  => "--idle-timeout=soon -- $interpreter",
		'a limit of nothing'            => "--max-servers=0 -- $interpreter",
		'an interpreter that is not there' => '-- no-such-interpreter',
		'a line end of two bytes'       => "-- $interpreter\r",
	);
	for my $name (sort keys %WRONG) {
		my $script = script($language, line => $WRONG{$name});
		is_result($script->call(['args'], deadline => 10), {status => exited(127), out => '', err => $one_line}, $name);
	}

	# The kernel reads 256 bytes of it; what is cut must not be run.
	my $long = script($language, line => '-G ' . 'x' x 300 . " -- $interpreter");
	my $r = $long->call(['args', 'x']);
	ok($r->{status} eq exited(127) && $r->{err} =~ $one_line || $r->{status} eq exited(126), 'an over-long line')
		or diag("status $r->{status}, $r->{err}");
	is($r->{out}, '', 'an over-long line runs nothing');
	my $padded = script($language, line => "-- $interpreter" . ' ' x 300);
	$r = $padded->call(['args', 'x']);
	ok($r->{status} eq exited(127) && $r->{err} =~ $one_line || $r->{out} eq "78\n", 'one of blanks')
		or diag("status $r->{status}, $r->{err}");
	ok(wait_for(sub { !grep { $_->{name} =~ /^prefork-l/ } descendants() }), 'no launcher is left');
});

finish();
