# Role: connect and read the greeting.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

my $script = script(core_language());
$script->warm;
my ($path) = sockets();

subtest 'the server greets whoever connects' => sub {
	my $s = wire_connect($path);
	my $greeting = wire_read_greeting($s);
	is($greeting->{banner}, "PFI\n", 'banner');
	is_deeply($greeting->{fields}, {CAP_PROTOCOL, wire_u32(2)}, 'it speaks protocol 2');
	close $s;
	is($script->call(['exit', 3])->{status}, exited(3), 'and serves the next');
};

quiet_down();
my $listener = wire_listen($path);

# Call the script while we are its server: the connection.
sub connected ($arguments) {
	my $p = $script->start($arguments);
	return ($p, wire_accept($listener));
}

subtest 'the client calls a server of protocol 2' => sub {
	my ($p, $s) = connected(['args', 'a', "\xff", '']);
	wire_send($s, wire_greeting(2));
	my $m = wire_read_message($s);
	is($m->{type}, REQUEST, 'request');
	my %f = %{$m->{fields}};
	is($f{+SCRIPT}, $script->path . "\0", 'script');
	is($f{+ARGUMENTS}, "args\0a\0\xff\0\0", 'arguments');
	my $environment = join '', map { "$_\0" } @{environment_list()};
	is($f{+ENVIRONMENT}, $environment, 'environment, in its order');
	is(unpack('N', $f{+UMASK}), 022, 'umask');
	is_deeply([sort { $a <=> $b } unpack 'N*', $f{+DESCRIPTORS}], [0, 1, 2, 0xffffffff], 'descriptors');
	wire_send($s, wire_message(STATUS, WAITSTATUS, wire_u32(exited(42))));
	is_result(end($p), {status => exited(42), out => '', err => ''}, 'status');
};

subtest 'a greeting in pieces, of a later version, with more than we know' => sub {
	my ($p, $s) = connected(['exit', 0]);
	wire_send($s, $_) for split //, wire_greeting(3, 77, 'something');
	is(wire_read_message($s)->{type}, REQUEST, 'request');
	wire_send($s, $_) for split //, wire_message(STATUS, 99, 'news', WAITSTATUS, wire_u32(9));
	is_result(end($p), {status => killed_by(9), out => '', err => ''}, 'status');
};

subtest 'the client calls a server of protocol 1' => sub {
	my ($p, $s) = connected(['args', 'a', "\xff"]);
	wire_send($s, wire_greeting(1));
	is(wire_receive($s, 4), "\0\0\0\0", 'four bytes');
	my $n = unpack 'N', wire_receive($s, 4);
	my ($environment, $arguments) = split /(?<=\0)\0/, wire_receive($s, $n), 2;
	is($environment, join('', map { "$_\0" } @{environment_list()}), 'environment');
	is($arguments, "args\0a\0\xff\0", 'arguments');
	wire_send($s, wire_u32(exited(3)));
	is_result(end($p), {status => exited(3), out => '', err => ''}, 'status');
};

close $listener;
finish();
