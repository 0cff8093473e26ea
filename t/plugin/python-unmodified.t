# Python scripts as they are: what is loaded ahead of a call can't tell one call from another, and a call finds no more of it
# than it has imported itself.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

# What a module does while it is imported, and the reason for which it is then not loaded ahead.
my %SEEN_IN_CALL = (
	arguments     => ['import sys; x = sys.argv[:]',                          qr/^sys\.argv/],
	all_arguments => ['from sys import argv',                                 qr/^sys\.argv/],
	environment   => ['import os; x = dict(os.environ)',                      qr/^the whole environment/],
	columns       => ['import os; x = os.environ.get("COLUMNS")',             qr/^reads COLUMNS/],
	directory     => ['import os; x = os.getcwd()',                           qr/^getcwd/],
	absolute      => ['import os; x = os.path.abspath("x")',                  qr/^getcwd/],
	process       => ['from os import getpid; x = getpid()',                  qr/^getpid/],
	mask          => ['import os; os.umask(os.umask(0))',                     qr/^umask/],
	terminal      => ['import os; x = os.isatty(1)',                          qr/^isatty/],
	stream        => ['import sys; x = sys.stdout.isatty()',                  qr/^standard stream: isatty/],
	reading       => ['import sys; x = sys.stdin.read()',                     qr/^standard stream: read/],
	size          => ['import shutil; x = shutil.get_terminal_size()',        qr/^(reads COLUMNS|standard stream)/],
	clock         => ['import time; x = time.time()',                         qr/^time/],
	zone          => ['import time; x = time.localtime(0)',                   qr/^localtime/],
	noise         => ['import os; x = os.urandom(4)',                         qr/^urandom/],
	relative      => ['import os; x = os.path.exists("x")',                   qr/^looks at a relative path/],
	relative_open => ["try:\n    open('no such file')\nexcept OSError: pass",  qr/^looks at a relative path/],
	listing       => ['import os; x = os.listdir(".")',                       qr/^lists a relative path/],
	writing       => ['import os; open(os.devnull, "w").close()',             qr/^opens a descriptor or a file to write/],
	folder        => ["import os\ntry:\n    os.mkdir('/')\nexcept OSError: pass", qr/^os\.mkdir/],
	child         => ['import os; os.system("true")',                         qr/^os\.system/],
	program       => ['import subprocess; subprocess.call(["true"])',         qr/^subprocess\.Popen/],
	host          => ['import socket; x = socket.gethostname()',              qr/^socket\.gethostname/],
	main          => ['import __main__',                                      qr/^imports __main__/],
	importer      => ['import arguments',                                     qr/^$/],
);
my %SEEN_WHEN_LOADED = (
	thread    => ["import threading, time\nthreading.Thread(target=lambda: time.sleep(60), daemon=True).start()", qr/threads are running/],
	output    => ['import sys; sys.stdout.write("")' . "\n" . 'sys.stdout.write("x\n")', qr/^something was printed/],
	handler   => ['import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)', qr/^changes signal/],
	recursion => ['import sys; sys.setrecursionlimit(1500)',       qr/^changes recursion limit/],
	hook      => ['import sys; sys.excepthook = lambda *a: None',  qr/^changes sys\.excepthook/],
	xpath     => ['import sys; sys.path.append("/nowhere")',       qr/^changes sys\.path/],
	builtin   => ['import builtins; builtins.of_module = 1',       qr/^changes builtins/],
	collector => ['import gc; gc.set_threshold(5)',                qr/^changes garbage collection/],
	socket_   => ['import socket; x = socket.socket()',            qr/^descriptor \d+ can't be shared/],
	warning   => ['import warnings; warnings.warn("x", DeprecationWarning, stacklevel=1)', qr/^warns/],
	drawn     => ['import random; x = random.random()',            qr/^(changes random numbers|imports random)/],
	failing   => ['raise ValueError("no")',                        qr/^raises ValueError/],
);

# What was learned: {module => reason}.
sub reasons() {
	my %reasons;
	for my $file (glob run_directory() . '/k*') {
		my $text = read_file($file) // next;
		$reasons{$1} = $2 while $text =~ /^([\w.]+)\t([^\t]*)\t/mg;
	}
	return \%reasons;
}

sub with_modules ($text, %modules) {
	my $script = script('python', text => $text);
	my $folder = $script->path =~ s{/[^/]*\z}{}r;
	while (my ($name, $code) = each %modules) {
		my ($below) = "$folder/$name" =~ m{^(.*)/};
		mkdir $below;
		write_file("$folder/$name.py", "$code\n");
	}
	return $script;
}

# Call until what was learned is loaded: the last call's result.
sub call_until ($script, $words, $wanted, %o) {
	my $r;
	wait_for(sub { $r = $script->call($words, %o); return $r->{out} =~ $wanted }, DEADLINE)
		or diag("output: $r->{out}\nerror output: $r->{err}");
	return $r;
}

# The same by what the calls write to standard error.
sub call_until_error ($script, $wanted) {
	my $r;
	wait_for(sub { $r = $script->call([]); return $r->{err} =~ $wanted }, DEADLINE)
		or diag("output: $r->{out}\nerror output: $r->{err}");
	return $r;
}

each_language(sub ($language) {
	# A module that can be told from one which the call has loaded itself: posix.getpid is no tripwire.
	my $ahead = 'import posix; process = posix.getpid()';

	my $script = with_modules(<<'SCRIPT', map { $_ => "$SEEN_IN_CALL{$_}[0]" } keys %SEEN_IN_CALL);
import sys
for name in sys.argv[1:]:
    if name != "count":
        print(name, __import__(name).__name__)
SCRIPT
	same_result($script, [sort keys %SEEN_IN_CALL], 'modules that look at their call', cold => 1,
		expect => {status => 0, err => ''});
	my $learned = reasons();
	like($learned->{$_}, $SEEN_IN_CALL{$_}[1], "noted: $_") for sort keys %SEEN_IN_CALL;
	quiet_down();
	unlink glob run_directory() . '/k*';

	$script = with_modules(<<'SCRIPT', map { $_ => $SEEN_WHEN_LOADED{$_}[0] } keys %SEEN_WHEN_LOADED);
import keyword, random, sys
for name in sys.argv[1:]:
    try:
        __import__(name)
    except ValueError as error:
        print(error)
SCRIPT
	my @names = sort keys %SEEN_WHEN_LOADED;
	my $plain = $script->plain(\@names);
	for my $call (1 .. 2) {
		is_result($script->call(\@names), $plain, "modules that change more than themselves: call $call");
	}
	for my $name (sort keys %SEEN_WHEN_LOADED) {
		wait_for(sub { length(reasons()->{$name} // '') }, DEADLINE);
		like(reasons()->{$name}, $SEEN_WHEN_LOADED{$name}[1], "left out: $name");
	}
	is_result($script->call(\@names), $plain, 'and afterwards');
	quiet_down();
	unlink glob run_directory() . '/k*';

	# What a call has not imported it does not find.
	$script = with_modules(<<'SCRIPT', ahead => $ahead, 'package/__init__' => '', 'package/part' => $ahead, 'at_exit' => 'import atexit; atexit.register(print, "module")');
import atexit, os, sys
atexit.register(print, "script")
if "all" in sys.argv:
    import ahead, at_exit, package.part
    print("ahead" if ahead.process != os.getpid() else "itself", file=sys.stderr)
else:
    import package
    print(sorted(vars(package)))
print(list(sys.modules), sorted(sys.path_importer_cache))
SCRIPT
	my %of = map { $_ => $script->plain([$_]) } qw(all some);
	is_result($script->call([$_]), {out => $of{$_}{out}}, "$_: first call") for qw(all some);
	my $loaded;
	wait_for(sub { ($loaded = $script->call(['all']))->{err} =~ /^ahead/ }, DEADLINE);
	is_result($loaded, {status => 0, out => $of{all}{out}, err => "ahead\n"}, 'all: loaded ahead');
	is_result($script->call(['some']), $of{some}, 'some: of the others no trace');

	# A module that comes to lie before one that was loaded
	my $before = private_directory('before');
	my $shadow = with_modules('import ahead, os; print("ahead" if ahead.process != os.getpid() else "itself")', ahead => $ahead);
	my %path = (env => {PYTHONPATH => $before});
	is_result($shadow->call([], %path), {out => "itself\n"}, 'a first call loads its modules itself');
	is(call_until($shadow, [], qr/ahead/, %path)->{out}, "ahead\n", 'later ones find them');
	my $json = with_modules('import json; print(json.__file__)');
	my $was = $json->plain([])->{out};
	is(call_until($json, [], qr/json/)->{out}, $was, 'a module of the library');
	my $own = $json->path =~ s{/[^/]*\z}{}r . '/json.py';
	write_file($own, '');
	is_result($json->call([]), {out => "$own\n"}, 'one of its name beside the script');
	unlink $own;

	# What modules do to others, and to the environment
	$script = with_modules(<<'SCRIPT', patches => "$ahead\nimport keyword, os, sys, lazy\nkeyword.kwlist = ['mine']\nkeyword.added = 1\ndel keyword.iskeyword\nlazy.value\nsys.modules['colorsys'] = keyword\nos.environ['OF_MODULE'] = 'new'\nos.environ.pop('NOT_OF_MODULE', None)", lazy => <<'LAZY');
import os, subprocess, sys
if "all" in sys.argv:
    import colorsys, patches
    print("ahead" if patches.process != os.getpid() else "itself", file=sys.stderr)
import colorsys, keyword, lazy
print(colorsys.__name__, keyword.kwlist[0], hasattr(keyword, "added"), hasattr(keyword, "iskeyword"), sorted(vars(lazy)), "value" in vars(type(lazy)))
print(list(sys.modules)[-9:], os.environ.get("OF_MODULE"), os.environ.get("NOT_OF_MODULE"), list(os.environ))
sys.stdout.flush()
subprocess.call(["/bin/sh", "-c", "echo $OF_MODULE $NOT_OF_MODULE"])
SCRIPT
import sys
class Once:
    def __get__(self, it, kind):
        import colorsys
        it.value = colorsys
        del kind.value
        return colorsys
class Lazy(type(sys)):
    value = Once()
sys.modules[__name__].__class__ = Lazy
LAZY
	my %environment = (env => {NOT_OF_MODULE => 'old'});
	%of = map { $_ => $script->plain([$_], %environment) } qw(all some);
	for my $which (qw(all some)) {
		is_result($script->call([$which], %environment), {out => $of{$which}{out}}, "what modules do, $which: first call");
	}
	wait_for(sub { ($loaded = $script->call(['all'], %environment))->{err} =~ /^ahead/ }, DEADLINE);
	is_result($loaded, {status => 0, out => $of{all}{out}, err => "ahead\n"}, 'what modules do: loaded ahead');
	is_result($script->call(['some'], %environment), $of{some}, 'of what they do no trace in another call');
	quiet_down();

	# A module that fails, and what it had imported till then
	$script = with_modules(<<'SCRIPT', fails => "import colorsys\nraise ImportError('no')", tries => "$ahead\ntry:\n    import fails\nexcept ImportError: pass");
import os, sys
import tries
print("ahead" if tries.process != os.getpid() else "itself", file=sys.stderr)
print(list(sys.modules)[-3:])
SCRIPT
	my $fresh = $script->plain([]);
	is_result($script->call([]), $fresh, 'a module that fails: first call');
	is_result(call_until_error($script, qr/ahead/), {%$fresh, err => "ahead\n"}, 'a module that fails: loaded ahead');

	# A module that acts in its first call only
	my $mark = private_directory('acts') . '/made';
	$script = with_modules(<<'SCRIPT', acts => "$ahead\nimport os\nif not os.path.exists('$mark'): open('$mark', 'w').close()");
import os, sys
import acts
print("ahead" if acts.process != os.getpid() else "itself", file=sys.stderr)
SCRIPT
	is_result($script->call([]), {err => "itself\n"}, 'a module that acts: first call');
	is_result(call_until_error($script, qr/ahead/), {err => "ahead\n"}, 'once it does not, it is loaded ahead');

	# A module that asks the standard streams for their descriptors
	$script = with_modules(<<'SCRIPT', asks => "$ahead\nimport sys\ntry: x = sys.__stdin__.fileno()\nexcept AttributeError: x = None");
import os, sys
import asks
print("ahead" if asks.process != os.getpid() else "itself", file=sys.stderr)
print(asks.x)
SCRIPT
	is_result(call_until_error($script, qr/ahead/), {out => "0\n"}, 'a module that asks for a descriptor');
	is_result(run(['/bin/sh', '-c', 'exec "$0" <&-', $script->path]), {out => "None\n", err => "itself\n"}, 'where it is closed');

	# A changed module
	my $module = $shadow->path =~ s{/[^/]*\z}{}r . '/ahead.py';
	write_file($module, "process = 0 if __name__ else 1\n");
	is_result($shadow->call([], %path), {out => "ahead\n"}, 'a changed module is loaded afresh');

	# Variables that a module has read: another value finds another server
	my $variable = with_modules('import looks; print(looks.value)', looks => 'import os; value = os.environ.get("LOOKED_AT")');
	for my $value (qw(a b a b)) {
		is_result($variable->call([], env => {LOOKED_AT => $value}), {out => "$value\n"}, "a variable that a module reads: $value")
			for 1 .. 2;
	}

	# How a script ends
	my %ends = (
		'sys.exit(3)' => 'an exit status', 'sys.exit("why")' => 'a message', '1/0' => 'an exception',
		'raise KeyboardInterrupt' => 'an interrupt', 'import os, signal; os.kill(os.getpid(), signal.SIGINT)' => 'a signal',
		'def f(:' => 'a syntax error', 'import no_such_module' => 'a missing module', '"\d"; x = 1 is 1' => 'a warning',
	);
	for my $code (sort keys %ends) {
		my $end = script('python', text => "import atexit, sys\natexit.register(print, 'at exit')\nprint('out', flush=False)\n$code\n");
		my %quiet = (env => {PREFORK_INTERP_DEBUG => undef});
		my $p = $end->plain([], %quiet);
		is_result($end->call([], %quiet), $p, "$ends{$code}: call $_") for 1 .. 3;
	}

	# What one call after another has learned is loaded one after another: the streams are still each call's.
	my $more = script('python', text => "import sys\nfor name in sys.argv[1:]: __import__(name)\nprint(sys.argv[1:])\n");
	for my $name (qw(json csv decimal csv)) {
		is_result($more->call([$name]), {status => 0, out => "['$name']\n"}, "$name is loaded");
		ok(wait_for(sub { !grep { wire_is_learning($_) } sockets() }), 'and known');
	}

	# Compiled code is written by the call that imports, not by the server when it loads that ahead.
	my $written = with_modules("import written\nprint(written.x)\n", written => 'x = 1');
	my $cache = $written->path =~ s{/[^/]*\z}{/__pycache__}r;
	my %writes = (env => {PYTHONDONTWRITEBYTECODE => undef});
	$written->call([], %writes);
	ok(scalar(() = glob "$cache/written.*.pyc"), 'the first call keeps compiled code');
	unlink glob "$cache/*";
	ok(wait_for(sub { !grep { wire_is_learning($_) } sockets() }), 'it is loaded ahead');
	like(learned(), qr/^written\t\t/m, 'with nothing against it');
	is(scalar(() = glob "$cache/*"), 0, 'without a trace');
	for my $time ('before that', 'after it') {
		$written->call([], %writes);
		ok(scalar(() = glob "$cache/written.*.pyc"), "what has gone $time the next call keeps again");
		ok(wait_for(sub { !grep { wire_is_learning($_) } sockets() }), 'and is loaded ahead');
		unlink glob "$cache/*";
	}

	# The frames below, and who is the main program
	same_result(script('python', text => <<'SCRIPT'), ['a'], 'frames and main program', cold => 1);
import inspect, sys, warnings, pickle, types
class C: pass
def f(): warnings.warn("here", stacklevel=2)
f()
print(len(inspect.stack()), sys._getframe().f_back, pickle.dumps(C()), type(sys.modules["__main__"]) is types.ModuleType)
print(sorted(globals()), __loader__.path, __spec__, sys.argv, sys.flags, sorted(vars(sys)), sys.meta_path[-1])
print(sys.excepthook is sys.__excepthook__, hasattr(sys, "last_value"), sys.gettrace(), type(sys.argv), type(__import__("os").environ._data))
SCRIPT

	# What is not served
	my %why = ('-S' => qr/-S: the interpreter starts without/, '-x' => qr/-x: the script is a part/);
	my $any = script('python', text => 'pass');
	for my $option (sort keys %why) {
		like(run([client_path(), '--', 'python3', $option, $any->path])->{err}, $why{$option}, "$option is run plain");
	}
}, 'python');

finish();
