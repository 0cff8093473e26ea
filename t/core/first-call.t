# Role: first call over a socketpair. Who starts the server is served without connecting.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use POSIX qw(mkfifo);

my $script = script(core_language());
my $folder = private_directory('fifo');
mkfifo("$folder/fifo", 0600) or die "fifo: $!\n";

# How many sockets have the listening socket's name: itself, and one for each connection accepted from it.
sub named_sockets() {
	my ($path) = sockets();
	return scalar grep { /\s\Q$path\E$/ } split /\n/, read_file('/proc/net/unix');
}

for my $case (['first call', 1], ['later call', 2]) {
	my ($name, $expected) = @$case;
	my $p = $script->start(['wait', "$folder/pid", "$folder/fifo"]);
	wait_for_file("$folder/pid");
	is(named_sockets(), $expected, "$name: $expected of the name");
	open my $fifo, '>', "$folder/fifo" or die "fifo: $!\n";
	close $fifo;
	is_result(end($p), {status => 0, out => '', err => ''}, $name);
	unlink "$folder/pid";
}

finish();
