# Role: listening socket. Private, in place before the script starts, and the server's alone.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
my $script = script(core_language());
my $p = $script->start(['args'], env => {CONTRACT_SETUP => 'hang'});
ok(wait_for(sub { sockets() }), 'there is a socket while setup runs');
kill KILL => $p->{pid};
end($p);
ok(wait_for(sub { !descendants() && !sockets() }), 'which goes with setup');

umask 0;
$script->warm;
umask 022;
my ($path) = sockets();
is(sprintf('%o', (stat $path)[2] & 07777), '600', 'mode of the socket, whatever the umask');
is(sprintf('%o', (stat run_directory())[2] & 07777), '700', 'mode of the directory');
is((stat $path)[4], $>, 'owner');

my ($inode) = map { (split)[6] } grep { /\s\Q$path\E$/ } split /\n/, read_file('/proc/net/unix');
my @holders;
for my $process (descendants()) {
	push @holders, $process->{pid} if grep { (readlink // '') eq "socket:[$inode]" } glob "/proc/$process->{pid}/fd/*";
}
my $server = server_of($script);
is_deeply(\@holders, [$server], 'the server holds it and nobody else');
my ($fd) = grep { (readlink // '') eq "socket:[$inode]" } glob "/proc/$server/fd/*";
my ($flags) = read_file("/proc/$server/fdinfo/" . ($fd =~ s{.*/}{}r)) =~ /^flags:\s*(\d+)/m;
ok(oct($flags) & 04000, 'it is non-blocking');
ok(oct($flags) & 02000000, 'and close-on-exec');

finish();
