# Which variables C code reads, below the language, is noticed: callers with other values have another server.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

if (!grep { $_ eq 'python' } languages()) {
	need_missing('Python', 'it is not among the languages');
	finish();
	exit;
}

my $TEXT = <<'SCRIPT';
import ctypes, os
import prefork_interp
library = ctypes.CDLL(None)
library.getenv.restype = ctypes.c_char_p
CODE
prefork_interp.initialisation_complete()
print(os.getppid(), seen)
SCRIPT

# How many servers answer callers with these values of X, each called twice, and what they have seen.
sub servers ($code, @values) {
	my $script = script('python', text => $TEXT =~ s/CODE/$code/r);
	my (%servers, @seen);
	for my $value (@values, @values) {
		my $r = $script->call([], env => {X => $value, Y => 'y', PREFORK_INTERP_DEBUG => 1});
		is_result($r, {status => 0, out => qr/\A\d+ .*\n\z/}, 'X is ' . (defined $value ? substr $value, 0, 5 : 'not there'));
		my ($server, $seen) = $r->{out} =~ /(\d+) (.*)/;
		$servers{$server} = 1;
		push @seen, $seen;
	}
	quiet_down();
	unlink locks();
	return (scalar(keys %servers), "@seen[0 .. $#values]");
}

is_deeply([servers('seen = library.getenv(b"X")', 'a', 'b', undef)], [3, q(b'a' b'b' None)], 'read: each value has its server');
is_deeply([servers('seen = library.getenv(b"Y")', 'a', 'b', undef)], [1, q(b'y' b'y' b'y')], 'another is read: one server');
is_deeply([servers('seen = b""', 'a', 'b')], [1, q(b'' b'')], 'nothing is read: one server');
is_deeply([servers('seen = len(library.getenv(b"X"))', 'a' x 100_000, 'b')], [2, '100000 1'], 'a long one is read');
is_deeply([servers('library.setenv(b"X", b"set", 1); seen = library.getenv(b"X")', 'a', 'a')], [1, q(b'set' b'set')], 'its own');

# Those servers are one script's: --kill means all of them.
my $script = script('python', text => $TEXT =~ s/CODE/seen = library.getenv(b"X")/r);
my $other = script('python', text => $TEXT =~ s/CODE/seen = 0/r);
$_->[0]->call([], env => {X => $_->[1]}) for [$script, 'a'], [$script, 'b'], [$script, 'c'], [$other, 'a'];
is(scalar(sockets()), 4, 'a server for each value, and another script\'s');
is_result(client(['--kill', '--', @{$script->{interpreter}}, $script->path], env => {X => 'c'}), {status => 0}, '--kill');
is(scalar(sockets()), 1, 'puts all of the script aside, and no other');
quiet_down();
unlink locks();

finish();
