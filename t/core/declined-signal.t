# A signal that was passed on to a server that then declines is not lost: it has its effect on the plain run.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

my $script = script(core_language());
my $folder = private_directory('declined');
$script->warm;
my ($path) = sockets();

# A call to a fake server that has the request: (process, connection).
sub requested (@words) {
	quiet_down();
	unlink $path;
	my $listener = wire_listen($path);
	my $p = $script->start(\@words);
	my $s = wire_accept($listener) // die "no connection\n";
	wire_send($s, wire_greeting(2));
	is(wire_read_message($s)->{type}, REQUEST, 'the request is there');
	unlink $path;
	return ($p, $s);
}

my $declined = wire_message(DECLINED, REASON, 'no thanks');

my ($p, $s) = requested('args', 'x');
kill TERM => $p->{pid};
is(wire_read_message($s)->{type}, SIGNAL, 'SIGTERM is passed on');
wire_send($s, $declined);
is_result(end($p), {status => killed_by(15), out => ''}, 'and ends the client when the server declines');

# The other way round: both are there when the client looks.
($p, $s) = requested('args', 'x');
kill STOP => $p->{pid};
ok(wait_for(sub { (proc_stat($p->{pid}))[2] eq 'T' }), 'the client is stopped');
wire_send($s, $declined);
kill TERM => $p->{pid};
kill CONT => $p->{pid};
is_result(end($p), {status => killed_by(15), out => ''}, 'SIGTERM and the refusal at once: SIGTERM counts');

($p, $s) = requested('args', 'x');
kill WINCH => $p->{pid};
is(wire_read_message($s)->{type}, SIGNAL, 'SIGWINCH is passed on');
wire_send($s, $declined);
is_result(end($p), {status => 0, out => "78\n"}, 'and does no harm to the plain run');

finish();
