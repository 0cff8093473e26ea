# A script under test, and the ways to call it.
package Prefork::Test::Script;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

sub new ($class, %self) { return bless \%self, $class }

sub path ($self) { return $self->{path} }
sub language ($self) { return $self->{language} }

# Through its #! line, to its end: {status, out, err}.  Options as Prefork::Test::run().
sub call ($self, $arguments, %o) {
	return Prefork::Test::run([$self->{path}, @$arguments], %o);
}

# Through its #! line; Prefork::Test::end() waits for it.
sub start ($self, $arguments, %o) {
	return Prefork::Test::start([$self->{path}, @$arguments], %o);
}

# By the plain interpreter, as the #! line would without us; the script's name may be spelt otherwise.
sub plain ($self, $arguments, %o) {
	return Prefork::Test::end($self->start_plain($arguments, %o), $o{deadline} // Prefork::Test::DEADLINE());
}

sub start_plain ($self, $arguments, %o) {
	my $program = $self->{interpreter}[0];
	if ($program !~ m{/}) {
		($program) = grep { -x } map { "$_/$program" } split /:/, $ENV{PATH};
	}
	return Prefork::Test::start([@{$self->{interpreter}}, $o{spelt} // $self->{path}, @$arguments], %o,
		program => $program);
}

# See that a server is there: which one it is (the nonce of its setup).
sub warm ($self, %o) {
	my $r = $self->call(['count'], %o);
	chomp(my $nonce = $r->{out});
	return $nonce;
}

1;
