# A client whose server talks rubbish, half a greeting, nothing, or another version's: the plain run, never a hang.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use POSIX ();
use Prefork::Test::Wire;

my $script = script(core_language());
$script->warm;
my ($path) = sockets();

# Be the server for one call: every connection gets what ANSWER->(connection) does.  The call's result.
sub call_of ($answer) {
	quiet_down();
	unlink $path;
	my $listener = wire_listen($path);
	my $server = fork // die "fork: $!\n";
	if (!$server) {
		my @kept;
		while (my $s = wire_accept($listener, 120)) {
			$answer->($s) and push @kept, $s;
		}
		POSIX::_exit(0);
	}
	close $listener;
	my $r = $script->call(['args', 'x'], deadline => 60);
	kill KILL => $server;
	waitpid $server, 0;
	unlink $path;
	return $r;
}

my %ANSWERS = (
	'rubbish'                            => "SSH-2.0-OpenSSH_9.2\r\n",
	'zeros'                              => "\0" x 100,
	'another banner'                     => "PFJ\n" . "\0" x 4,
	'half a banner'                      => 'PF',
	'half a length'                      => "PFI\n\0\0",
	'half of its capabilities'           => substr(wire_greeting(2), 0, 12),
	'capabilities that are too long'     => "PFI\n" . pack('N', 1 << 30),
	'malformed capabilities'             => "PFI\n" . pack('N', 9) . "\0\1\0\0\0\0\0\4\0",
	'a capability of another size'       => "PFI\n" . pack('N', 9) . "\0\1\0\0\0\0\0\1\2",
	'a mandatory capability of another version' => wire_greeting(2, 0x8042, 'x'),
	'nothing'                            => '',
);

for my $name (sort keys %ANSWERS) {
	my $r = call_of(sub ($s) { wire_send($s, $ANSWERS{$name}) if length $ANSWERS{$name}; return 0 });
	is_result($r, {status => 0, out => "78\n", err => qr/\A(prefork-interp: [^\n]+\n)+\z/}, "$name, then hung up");
}

# Rubbish is known at once; who says nothing is waited for.
for my $name ('rubbish', 'another banner') {
	my $since = now();
	is_result(call_of(sub ($s) { return wire_send($s, $ANSWERS{$name}) }), {status => 0, out => "78\n"}, "$name, and silence");
	cmp_ok(now() - $since, '<', 9, 'is not waited for');
}
# It is put aside then, and the call served by a fresh server.
is_result(call_of(sub ($s) { return 1 }), {status => 0, out => "78\n", err => ''}, 'silence from the start');

my $declined = wire_message(DECLINED, REASON, "no\nthanks \e[31m");
is_result(call_of(sub ($s) { wire_send($s, wire_greeting(2) . $declined); wire_read_message($s, 5); return 1 }),
	{status => 0, out => "78\n", err => qr/\Aprefork-interp: [^\n\e]+\n\z/}, 'declined, with a reason of more than a line');

# Once the request is sent nothing may run twice.
is_result(call_of(sub ($s) { wire_send($s, wire_greeting(2)); wire_read_message($s); wire_send($s, 'rubbish' x 3); return 1 }),
	{status => exited(127), out => '', err => qr/\Aprefork-interp: [^\n]+\n\z/}, 'rubbish after the request');

# The socket's path is something else.
for my $case (['a file', sub { write_file($path, '') }], ['a folder', sub { mkdir $path }],
	['a dangling link', sub { symlink '/nonexistent', $path }]) {
	my ($name, $make) = @$case;
	quiet_down();
	unlink $path;
	$make->();
	is_result($script->call(['args', 'x']), {status => 0, out => "78\n"}, "$name in the socket's place");
	quiet_down();
	rmdir $path || unlink $path;
}
is_result($script->call(['args', 'x']), {status => 0, out => "78\n", err => ''}, 'and a call is served again');

finish();
