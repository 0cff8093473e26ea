# Option --split: a Python script's own first statements run once, ahead of its calls, where no call can tell; and where one
# could, or they have an effect, all of the script runs in each call.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

my $AHEAD = 'import posix; process = posix.getpid()';
my $TELLS = 'import os, sys; print("ahead" if process != os.getpid() else "itself", file=sys.stderr)';

# Statements above the guard that are not to run ahead, and why.
my %REFUSED = (
	arguments    => ['import sys; x = sys.argv[1:]',                            qr/^sys\.argv \(line 4\)/],
	environment  => ['import os; x = dict(os.environ)',                         qr/^the whole environment/],
	columns      => ['import os; x = os.environ.get("COLUMNS")',                qr/^reads COLUMNS/],
	directory    => ['import os; x = os.getcwd()',                              qr/^getcwd/],
	process      => ['from os import getpid; x = getpid()',                     qr/^getpid/],
	terminal     => ['import sys; x = sys.stdout.isatty()',                     qr/^standard stream: isatty/],
	input        => ['x = input()',                                             qr/^(builtins\.input|standard stream)/],
	fileno       => ['import sys; x = sys.stdin.fileno()',                      qr/^standard stream: fileno/],
	clock        => ['import time; x = time.time()',                            qr/^time/],
	noise        => ['import os; x = os.urandom(4)',                            qr/^urandom/],
	relative     => ['import os; x = os.path.exists("x")',                      qr/^looks at a relative path/],
	file         => ['open("FILE", "a").write("once\n")',                       qr/^opens a descriptor or a file to write/],
	folder       => ['import os; os.mkdir("FILE")',                             qr/^os\.mkdir/],
	child        => ['import os; os.system("echo once >>FILE")',                qr/^os\.system/],
	program      => ["import subprocess\nsubprocess.call(['sh', '-c', 'echo once >>FILE'])", qr/^subprocess\.Popen \(line 5\)/],
	copy         => ["import os\nif os.fork() == 0:\n    open('FILE', 'a').write('once\\n')\n    os._exit(0)\nos.wait()", qr/^os\.fork/],
	thread       => ["import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()", qr/^_?(thread\.)?start_/],
	connection   => ["import socket\ns = socket.socket()\ntry:\n    s.connect(('127.0.0.1', 9))\nexcept OSError:\n    pass\ns.close()", qr/^socket\.connect/],
	open_socket  => ['import socket; s = socket.socket()',                      qr/descriptor \d+ can't be shared|socket/],
	fifo         => ['import os; os.mkfifo("FILE")',                            qr/^mkfifo/],
	leaves       => ['import os; os._exit(5)',                                  qr/^_exit/],
	late_thread  => ["from _thread import *\nstart_new_thread(int, ())", qr/^start_new_thread/],
	caught       => ["try:\n    import sys; x = sys.argv[1]\nexcept BaseException:\n    x = 0", qr/^sys\.argv/],
	exits        => ['import sys; sys.exit(3)',                                 qr/^the script ends before/],
	fails        => ['1/0',                                                     qr/^the script ends before/],
	drawn        => ['import random; x = random.random(); del x',               qr/random numbers|urandom/],
	module       => ['import looks',                                            qr/^getcwd, in looks \(line 4\)/],
	main         => ['import __main__',                                         qr/^imports __main__/],
);

# What is known of the script whose file this is.
sub reason ($script) {
	my $path = $script->path;
	for my $file (glob run_directory() . '/k*') {
		return $1 if (read_file($file) // '') =~ /^--split\t([^\t]*)\t\Q$path\E /m;
	}
	return '';
}

# What a script has made of a file, which is then gone.
sub take_effect ($file) {
	my $what = -d $file ? 'a folder' : -p $file ? 'a FIFO' : read_file($file);
	-d $file ? rmdir $file : unlink $file;
	return $what;
}

sub of ($above, $below = 'print(__name__)') {
	return script('python', options => '--min-gain=-1 --split',
		text => "import os, posix\nprocess = posix.getpid()\n$above\nif __name__ == '__main__':\n    $TELLS\n    $below\n");
}

each_language(sub ($language) {
	subtest 'what runs ahead' => sub {
		my $script = script('python', options => '--min-gain=-1 --split', text => <<"SCRIPT");
'''The documentation.'''
from __future__ import annotations
$AHEAD
import json, os, signal, sys, warnings
def f(x: nothing, out=sys.stdout): return sys._getframe().f_back
class C: pass
print("above", json.dumps([1]), __doc__, __annotations__)
HERE = os.path.dirname(os.path.abspath(__file__))
value = os.environ.get("LOOKED_AT")
os.environ["OF_SCRIPT"] = "set"
signal.signal(signal.SIGUSR1, lambda *a: print("handled"))
if "__main__" == __name__ and value != 1:
    os.kill(os.getpid(), signal.SIGUSR1)
    print(sys.argv, value, HERE, f.__annotations__, f(1).f_lineno, C.__module__, list(globals()))
    os.system("echo \$OF_SCRIPT \$LOOKED_AT")
    if "see" in sys.argv:
        print("ahead" if process != os.getpid() else "itself", file=sys.stderr)
    import inspect
    print(len(inspect.stack()), sys._getframe().f_lineno, sorted(vars(__builtins__)), sys.gettrace(), type(sys.argv))
    warnings.warn("here")
    if "fail" in sys.argv:
        raise ValueError("\\u20ac")
    if "exit" in sys.argv:
        sys.exit(4)
print("below", __name__, list(sys.modules), type(os.environ._data), sys.stdout.isatty.__class__)
SCRIPT
		is_result($script->call(['see']), {status => 0, err => qr/^ahead\n/m}, 'a first call already finds it');
		for my $words ([], ['a'], ['fail'], ['exit'], ['a b', '']) {
			same_result($script, $words, "words @$words");
		}
		for my $value (qw(a b a)) {
			my %with = (env => {LOOKED_AT => $value, OF_SCRIPT => $value eq 'b' ? 'set' : 'of caller'});
			my $p = $script->plain([], %with);
			is_result($script->call([], %with), $p, "a variable that it reads: $value") for 1 .. 2;
		}
		is(reason($script), '', 'nothing speaks against it');
		write_file($script->path, read_file($script->path) =~ s/print\("above"/print("changed"/r, 0755);
		is_result($script->call([]), {status => 0, out => qr/^changed/m}, 'a changed script');
		quiet_down();
	};

	subtest 'what does not' => sub {
		my $place = private_directory('effects');
		for my $name (sort keys %REFUSED) {
			my ($text, $why) = @{$REFUSED{$name}};
			my $file = "$place/$name";
			my $script = of($text =~ s/FILE/$file/gr);
			my $folder = $script->path =~ s{/[^/]*\z}{}r;
			write_file("$folder/looks.py", "import os\nx = os.getcwd()\n");
			my %o = (env => {PREFORK_INTERP_DEBUG => undef});
			my $plain = $script->plain(['a'], %o);
			my $made = take_effect($file);
			for my $call (1 .. 3) {
				my $r = $script->call(['a'], %o);
				is($r->{out}, $plain->{out}, "$name: output of call $call");
				is($r->{status}, $plain->{status}, 'and status');
				is($r->{err} =~ s/^ahead$/itself/mr, $plain->{err}, 'and what is written to standard error');
				is(take_effect($file), $made, 'and its effect, once');
			}
			like(reason($script), $why, "$name: why it does not run ahead");
			ok(scalar(sockets()), 'it is served all the same');
			quiet_down();
		}
	};

	subtest 'no boundary' => sub {
		my $script = script('python', options => '--min-gain=-1 --split', text => "$AHEAD\ndef main():\n    if __name__ == '__main__':\n        $TELLS\nmain()\n");
		is_result($script->call([]), {status => 0, err => "itself\n"}, 'a guard within a function is none') for 1 .. 2;
		$script = script('python', text => "$AHEAD\nif __name__ == '__main__':\n    $TELLS\n");
		is_result($script->call([]), {status => 0, err => "itself\n"}, 'without the option nothing is divided') for 1 .. 2;
	};

	quiet_down();
}, 'python');

finish();
