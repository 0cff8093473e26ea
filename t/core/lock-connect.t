# Role: connect again under the lock. Who waited for the lock looks first whether there is a server now.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Fcntl qw(:flock);
use Prefork::Test::Wire;

my $script = script(core_language());
$script->warm;
my ($socket) = sockets();
my $lock = $socket =~ s{/s([0-9a-f]+)\z}{/l$1}r;
quiet_down();

open my $h, '>>', $lock or die "$lock: $!\n";
flock $h, LOCK_EX or die "$lock: $!\n";
my $p = $script->start(['exit', 3]);
my $inode = (stat $lock)[1];
ok(wait_for(sub { read_file('/proc/locks') =~ /->.*:$inode / }), 'a launcher waits for the lock');

# A server appears meanwhile: we are it.
my $listener = wire_listen($socket);
my $bound = (stat $socket)[1];
close $h;
my $served;
while (!$served) {
	my $s = wire_accept($listener) or last;
	wire_send($s, wire_greeting(2));
	my $m = wire_read_message($s) or next;    # the launcher only looked
	$served = $m->{type} == REQUEST;
	wire_send($s, wire_message(STATUS, WAITSTATUS, wire_u32(exited(42))));
}
ok($served, 'the client comes to it');
is_result(end($p), {status => exited(42), out => '', err => ''}, 'and is served by it');
is((stat $socket)[1], $bound, 'its socket was left alone');
close $listener;

finish();
