# Role: status back, reproduced; what can't be reproduced is said, with status 127.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

my $script = script(core_language());
$script->warm;
my ($path) = sockets();
quiet_down();
my $listener = wire_listen($path);

# What the client makes of this end of a call.
sub answered ($bytes, $protocol = 2) {
	my $p = $script->start(['exit', 0]);
	my $s = wire_accept($listener);
	wire_send($s, wire_greeting($protocol));
	$protocol == 2 ? wire_read_message($s) : wire_receive($s, 8);
	wire_send($s, $bytes) if length $bytes;
	close $s;
	return end($p);
}

sub status ($n) { return wire_message(STATUS, WAITSTATUS, wire_u32($n)) }

is(answered(status(exited($_)))->{status}, exited($_), "exit $_") for 0, 1, 127, 128, 255;
is(answered(status($_))->{status}, $_, "signal $_") for 1, 2, 9, 11, 13, 15, 34, 64;
is(answered(status($_ | 0x80))->{status} & 0x7f, $_, "signal $_ with a core file") for 3, 6, 11;

my $one_line = qr/\Aprefork-interp: [^\n]+\n\z/;
my %ODD = (
	'stopped'                          => status(0x137f),
	'continued'                        => status(0xffff),
	'no such signal'                   => status(0x41),
	'a signal that kills nobody'       => status(17),
	'bits above'                       => status(0x10000),
	'no status'                        => '',
	'half a status'                    => substr(status(0), 0, 10),
	'a status without its field'       => wire_message(STATUS),
	'a field that is too short'        => wire_message(STATUS, WAITSTATUS, "\0\0"),
	'a message that is not permitted'  => wire_message(REQUEST),
	'a message that is too long'       => pack('NN', STATUS, 1 << 20),
	'a mandatory field of another age' => wire_message(STATUS, WAITSTATUS, wire_u32(0), 0x8fff, ''),
);
is_result(answered($ODD{$_}), {status => exited(127), out => '', err => $one_line}, $_) for sort keys %ODD;

is(answered(wire_u32(exited(3)), 1)->{status}, exited(3), 'protocol 1: exit 3');
is(answered(wire_u32(9), 1)->{status}, 9, 'protocol 1: signal 9');
is_result(answered("\0\0", 1), {status => exited(127), err => $one_line}, 'protocol 1: half a status');

is_result(answered(wire_message(DECLINED, REASON, 'not today')), {status => 0, err => qr/\Aprefork-interp: [^\n]*not today\n\z/},
	'declined after the request: runs plain');

close $listener;
finish();
