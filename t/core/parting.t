# Role: session. What is sent to the process group while both client and executor are in it reaches the script once.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my $lib = "$FindBin::Bin/../lib";
my $script = script('perl', options => '--session=own', text => <<'SCRIPT');
use Proc::Prefork::Interp;
my $signals = 0;
$SIG{USR1} = sub { $signals++ };
prefork_initialisation_complete();
readline *STDIN;
print "$signals\n";
SCRIPT

# A client in a process group of its own, which is no session's leader: it gets the signal of the group, passes it on,
# and then says that it has left.
my $client = write_file(private_directory('client') . '/client.pl', <<'CLIENT');
use v5.30;
use Prefork::Test::Wire;
my ($script) = @ARGV;
system "$script </dev/null >/dev/null" and die "no first call\n";
setpgrp 0, 0;
local $SIG{USR1} = 'IGNORE';
my ($path) = glob "$ENV{PREFORK_INTERP_RUNDIR}/s*";
my $s = wire_connect($path) or die "no server\n";
wire_read_greeting($s) or die "no greeting\n";
pipe my $in, my $go;
my @request = wire_request(script => $script, environment => [map { "$_=$ENV{$_}" } keys %ENV]);
wire_send($s, wire_message(REQUEST, @request), $in, *STDOUT, *STDERR);
my $m = wire_read_message($s);
die "not started\n" if !$m || $m->{type} != STARTED;
kill USR1 => -getpgrp;
wire_send($s, wire_message(SIGNAL, SIGNUMBER, wire_u32(10)));
wire_send($s, wire_message(PARTED));
close $in;
syswrite $go, "\n";
$m = wire_read_message($s);
die "no status\n" if !$m || $m->{type} != STATUS;
CLIENT

my $r = run(['/bin/sh', '-c', '"$@"; exit $?', 'sh', $^X, "-I$lib", $client, $script->path], session => 1);
is_result($r, {status => 0, out => "1\n"}, 'a signal of the group, passed on as well, is one');

quiet_down();
finish();
