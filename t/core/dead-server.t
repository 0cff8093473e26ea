# A server that is killed takes its calls along; one that is stopped is put aside; a script that leaves its process group
# doesn't hold its server up.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my $ONE_LINE = qr/\Aprefork-interp: [^\n]+\n\z/;

my %LEAVES = (
	perl => <<'PERL',
use POSIX ();
use Proc::Prefork::Interp;
prefork_initialisation_complete();
if (!defined $ARGV[1]) { print getppid(), "\n"; exit 0 }
POSIX::setpgid(0, getpgrp getppid) or die "$!\n";
$SIG{TERM} = 'IGNORE';
open my $h, '>', "$ARGV[1].new" or die "$!\n";
print {$h} "$$\n";
close $h;
rename "$ARGV[1].new", $ARGV[1];
sleep 1000 while 1;
PERL
	python => <<'PYTHON',
import os, signal, sys
import prefork_interp
prefork_interp.initialisation_complete()
if len(sys.argv) < 3:
    print(os.getppid())
    sys.exit(0)
os.setpgid(0, os.getpgid(os.getppid()))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[2] + ".new", "w") as file:
    print(os.getpid(), file=file)
os.rename(sys.argv[2] + ".new", sys.argv[2])
while True:
    signal.pause()
PYTHON
);

each_language(sub ($language) {
	my $folder = private_directory("dead-$language");
	my $script = script($language);
	for my $way (qw(first second)) {
		my $p = $script->start(['spawn', "$folder/$way"]);
		my ($executor) = split ' ', wait_for_file("$folder/$way") // '';
		my $server = (proc_stat($executor))[3];
		my @watches = map { open_watch($_) } $executor, $server;
		kill KILL => $server;
		is_result(end($p), {status => exited(127), out => '', err => $ONE_LINE}, "server killed in its $way call");
		ok(process_gone(\@watches), 'the script is gone with it');
		is_result($script->call(['args', 'x']), {status => 0, out => "78\n", err => ''}, 'the next call is served');
	}
	# What the script has started is in another process's hands.
	for my $left (grep { $_->{command} =~ /^sleep 1000/ } descendants()) {
		kill KILL => $left->{pid};
	}
});

each_language(sub ($language) {
	my $folder = private_directory("leaves-$language");
	my $script = script($language, text => $LEAVES{$language});
	my $server = $script->warm;
	my $p = $script->start(['leave', "$folder/pid"]);
	chomp(my $executor = wait_for_file("$folder/pid") // 0);
	my $watch = open_watch($executor);
	kill KILL => $p->{pid};
	is_result(end($p), {status => killed_by(9)}, 'the client of a script that has left its group is killed');
	is($script->warm, $server, 'the next call is served at once');
	ok(process_gone([$watch]), 'the script is gone after the grace time');
	is($script->warm, $server, 'the server lives on');
}, qw(perl python));

# Once, as the client waits for a greeting.
my $script = script(core_language());
my $nonce = $script->warm;
my $server = server_of($script);
my $watch = open_watch($server);
kill STOP => $server;
is_result($script->call(['args', 'x']), {status => 0, out => "78\n", err => ''}, 'server stopped: the call is served');
my $since = now();
my $fresh = $script->warm;
isnt($fresh, $nonce, 'by a fresh one');
cmp_ok(now() - $since, '<', 5, 'and nobody waits for the stopped one again');
is($script->warm, $fresh, 'the fresh one stays');
kill CONT => $server;
ok(process_gone([$watch]), 'the old one goes when it is continued');
is($script->warm, $fresh, 'the fresh one still stays');

finish();
