# What setup does to its own process is there in every call, as it is in a plain run; where it can't be, the run is plain.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use constant RLIMIT_NOFILE => 7;

# Setup and call of the first test.  What a language has no means for is missing.
my %STATE = (
	perl => [<<'SETUP', <<'CALL'],
use POSIX ();
require 'syscall.ph';
umask 0027;
chdir '/usr' or die "$!\n";
my ($none, $limit) = (0, pack 'QQ', 0, 0);
syscall SYS_prlimit64(), 0, 7, $none, $limit;
substr $limit, 0, 8, pack 'Q', 60;
syscall SYS_prlimit64(), 0, 7, $limit, $none;
POSIX::sigprocmask(POSIX::SIG_BLOCK, POSIX::SigSet->new(POSIX::SIGUSR1));
alarm 1000;
$ENV{OWN} = 'setup';
delete $ENV{TMPDIR};
SETUP
require Cwd;
printf "umask %04o\n", umask;
print 'directory ', Cwd::getcwd(), "\n";
open my $h, '<', '/proc/self/limits' or die "$!\n";
print grep { s/(open files +\d+).*/$1/ } <$h>;
open $h, '<', '/proc/self/status' or die "$!\n";
print grep { /^SigBlk/ } <$h>;
print 'alarm ', alarm(0) > 900 ? 'set' : 'not set', "\n";
$| = 1;
system 'echo $OWN ${TMPDIR-unset}';
CALL
	python => [<<'SETUP', <<'CALL'],
import os, resource, signal
os.umask(0o027)
os.chdir("/usr")
resource.setrlimit(resource.RLIMIT_NOFILE, (60, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.alarm(1000)
os.environ["OWN"] = "setup"
del os.environ["TMPDIR"]
SETUP
print("umask", os.umask(0))
print("directory", os.getcwd())
print("limit", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print("blocked", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
print("alarm", signal.alarm(0) > 900, flush=True)
os.system("echo $OWN ${TMPDIR-unset}")
CALL
	tcl => [<<'SETUP', <<'CALL'],
cd /usr
set env(OWN) setup
unset env(TMPDIR)
SETUP
puts "directory [pwd]"
puts [exec sh -c {echo $OWN ${TMPDIR-unset}}]
CALL
);

# Setup reads 100 bytes and no more; the call reads 100 more, and so does each.
my %READS = (
	perl => [<<'SETUP', 'sysread $h, my $text, 100; print $text;'],
open my $h, '<', 'FILE' or die "$!\n";
sysread $h, my $first, 100;
SETUP
	python => ["h = open('FILE', 'rb', buffering=0)\nh.read(100)", 'print(h.read(100))'],
	tcl    => ["set h [open FILE]\nfconfigure \$h -buffersize 100\nread \$h 100", 'puts [read $h 100]'],
);

# What can't be each call's own: name => setup.
my %UNSHAREABLE = (
	perl => {
		'standard input from a file'     => 'open STDIN, "<", "FILE";',
		'standard error opened anew'     => 'open my $h, ">>", "/proc/self/fd/2";',
		'a child process'                => 'my $p = fork // die; if (!$p) { sleep 1; POSIX::_exit(0) } use POSIX ();',
		'a socket'                       => 'use Socket; socket my $h, AF_UNIX, SOCK_STREAM, 0;',
		'a pipe'                         => 'pipe my $h, my $w;',
		'a file open for writing'        => 'open my $h, ">", "FILE";',
		'a file open for both'           => 'open my $h, "+<", "FILE";',
	},
	python => {
		'standard input from a file'     => 'import os; os.dup2(os.open("FILE", os.O_RDONLY), 0)',
		'standard error opened anew'     => 'h = open("/proc/self/fd/2", "r+b", 0)',
		'a child process'                => 'import subprocess; h = subprocess.Popen(["sleep", "1"])',
		'shared memory'                  => 'import mmap; h = mmap.mmap(-1, 4096)',
		'a socket'                       => 'import socket; h = socket.socket(socket.AF_UNIX)',
		'a pipe'                         => 'import os; h = os.pipe()',
		'a file open for writing'        => 'h = open("FILE", "w")',
		'a file open for both'           => 'h = open("FILE", "r+")',
	},
	tcl => {
		'a socket'                => 'set h [socket -server list -myaddr 127.0.0.1 0]',
		'a pipe'                  => 'set h [chan pipe]',
		'a file open for writing' => 'set h [open FILE w]',
		'a file open for both'    => 'set h [open FILE r+]',
	},
);

my %HEAD = (perl => 'use Proc::Prefork::Interp;', python => 'import prefork_interp', tcl => 'package require prefork_interp');
my %COMPLETE = (
	perl   => 'prefork_initialisation_complete();',
	python => 'prefork_interp.initialisation_complete()',
	tcl    => 'prefork_interp::initialisation_complete',
);
# A duplicate that setup has made, and what is written to it.
my %DUPLICATE = (
	perl   => ['open my $h, ">&", \*STDERR or die; $h->autoflush;', 'print {$h} "to the duplicate\n";'],
	python => ['import os; h = os.dup(2)', 'os.write(h, b"to the duplicate\n")'],
);
my %HELLO = (perl => 'print "hello\n";', python => 'print("hello")', tcl => 'puts hello');
my %VARIABLE = (
	perl   => ['$ENV{PATH} = "/own:$ENV{PATH}";', 'print "$ENV{PATH}\n";'],
	python => ['import os; os.environ["PATH"] = "/own:" + os.environ["PATH"]', 'print(os.environ["PATH"])'],
	tcl    => ['set env(PATH) "/own:$env(PATH)"', 'puts $env(PATH)'],
);

sub of_two ($language, $setup, $call) {
	return script($language, text => join "\n", $HEAD{$language}, $setup, $COMPLETE{$language}, $call, '');
}

each_language(sub ($language) {
	my $folder = private_directory("own-$language");
	my $script = of_two($language, @{$STATE{$language}});
	my $plain = same_result($script, [], 'state of the process', cold => 1, expect => {status => 0, err => ''});
	like($plain->{out}, qr{directory /usr\n}, 'the directory is setup\'s');
	like($plain->{out}, qr/^setup unset$/m, 'the environment is setup\'s');
	same_result($script, [], 'another caller\'s', cwd => $folder, umask => 077, limits => {RLIMIT_NOFILE() => 200});

	my $variable = of_two($language, @{$VARIABLE{$language}});
	$plain = same_result($variable, [], 'a variable made of the caller\'s', cold => 1, expect => {status => 0, err => ''});
	is($plain->{out}, "/own:$ENV{PATH}\n", 'has the right value');
	is(scalar(sockets()), 1, 'one server');
	for my $n (1 .. 2) {
		is_result($variable->call([], env => {PATH => "$folder:$ENV{PATH}"}),
			{status => 0, out => "/own:$folder:$ENV{PATH}\n", err => ''}, "another value of another caller: call $n");
		is(scalar(sockets()), 2, 'another server');
		is_result($variable->call([], env => {OTHER => 1}), $plain, 'another variable is no matter');
		is(scalar(sockets()), 2, 'no third server');
	}

	write_file("$folder/lines", join '', map { "line $_\n" } 1 .. 5000);
	my $reads = of_two($language, map { s/FILE/$folder\/lines/r } @{$READS{$language}});
	$plain = same_result($reads, [], 'a file open for reading', cold => 1, expect => {status => 0, err => '', out => qr/line/});
	is_result($reads->call([]), $plain, "each call reads on from setup's place") for 1 .. 2;

	if ($DUPLICATE{$language}) {
		my $script = of_two($language, @{$DUPLICATE{$language}});
		same_result($script, [], 'a duplicate of standard error', cold => 1, expect => {status => 0, err => "to the duplicate\n"});
	}
	for my $name (sort keys %{$UNSHAREABLE{$language}}) {
		write_file("$folder/file", 'x');
		my $with = of_two($language, $UNSHAREABLE{$language}{$name} =~ s/FILE/$folder\/file/r, $HELLO{$language});
		# Only the first sees what setup said; the next know from it that there is no server.
		is_result($with->call([]), {status => 0, out => "hello\n", err => qr/initialisation.*^[^\n]*plain run: [^\n]*\n\z/ms},
			"$name: plain run");
		is_result($with->call([]), {status => 0, out => "hello\n", err => qr/\A[^\n]*plain run: [^\n]*\n\z/},
			"$name: plain run again");
	}
});

finish();
