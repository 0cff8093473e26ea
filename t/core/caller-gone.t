# Role: caller killed, group killed and reaped. Nothing of the call is left, and the server knows.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

my $script = script(core_language());
my $folder = private_directory('gone');
$script->warm;
my ($path) = sockets();
my $server = server_of($script);

# How many calls the server says are running.
sub running() {
	my $s = wire_connect($path);
	wire_read_greeting($s);
	wire_send($s, wire_message(CONTROL, VERB, wire_u32(1)));
	my $m = wire_read_message($s);
	return unpack 'N', $m->{fields}{+RUNNING};
}

my @calls = map { $script->start(['spawn', "$folder/$_"]) } 1 .. 10;
my @pids = map { split ' ', wait_for_file("$folder/$_") } 1 .. 10;
is(scalar @pids, 20, '10 calls with a child each');
is(running(), 10, 'run');
my @watches = map { open_watch($_) } @pids;
kill KILL => $_->{pid} for @calls;
is(join(' ', map { end($_)->{status} } @calls), join(' ', (9) x 10), 'all callers are killed');
ok(process_gone(\@watches), 'all of their groups are gone');
ok(wait_for(sub { !grep { $_->{parent} == $server } descendants() }), 'and reaped');
is(running(), 0, 'the server counts none');
is(server_of($script), $server, 'and goes on');

finish();
