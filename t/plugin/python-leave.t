# How Python's executors leave: as by the interpreter's own end, and without it only where nothing of that can be seen.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

# What a script does, and why the interpreter is finalised then; undef: it is not.
my %REASON = (
	nothing            => ['pass', undef],
	exception          => ['1/0', undef],
	status             => ['import sys; sys.exit(3)', undef],
	message            => ['import sys; sys.exit("why")', undef],
	many_modules       => ['import argparse, asyncio, concurrent.futures, json, logging.config, subprocess, tempfile, urllib.request', undef],
	classes            => ["import abc, enum, dataclasses\nclass A(abc.ABC): pass\n\@dataclasses.dataclass\nclass B(A):\n    x: int = 1\nB()", undef],
	functions_at_exit  => ["import atexit, logging\natexit.register(print, 'a')\natexit.register(print, 'b')\nlogging.warning('x')", undef],
	failing_at_exit    => ["import atexit\natexit.register(divmod, 1, 0)", undef],
	thread             => ['import threading, time; threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()', undef],
	pool               => ["import concurrent.futures as f\npool = f.ThreadPoolExecutor()\nprint(list(pool.map(str, range(3))))", undef],
	unflushed_file     => ['f = open(path, "w"); f.write("text\n")', undef],
	unflushed_binary   => ['f = open(path, "w+b"); f.write(b"text\n")', undef],
	two_files          => ["f = open(path, 'w'); g = open(path + '2', 'w'); f.write('f'); g.write('g')", undef],
	in_memory          => ['import io; f = io.TextIOWrapper(io.BytesIO()); g = io.StringIO(); f.write("x")', undef],
	read_file          => ['f = open(__file__); f.readline()', undef],
	open_socket        => ['import socket; a, b = socket.socketpair(); a.send(b"x")', undef],
	finished_generator => ["def g(): yield 1\na, b = g(), g()\nprint(list(a))", undef],
	cycle              => ["class C: pass\nc = C(); c.c = c; del c", undef],
	del_of_object      => ["class C:\n    def __del__(self): print('del')\nc = C()", qr/with __del__.*: C$/],
	del_in_cycle       => ["class C:\n    def __del__(self): print('del')\nc = C(); c.c = c; del c", qr/with __del__.*: C$/],
	del_inherited      => ["class B:\n    def __del__(self): print('del')\nclass C(B): pass\nx = [C()]", qr/with __del__.*: C$/],
	del_of_number      => ["class C(int):\n    __slots__ = ()\n    def __del__(self): print('del')\nc = C(3)", qr/with __del__.*: C$/],
	del_of_class       => ["class M(type):\n    def __del__(self): print('del')\nclass C(metaclass=M): pass", qr/with __del__.*: M$/],
	callback           => ["import sys, weakref\nclass C: pass\nc = C()\nsys.callback = weakref.ref(c, lambda r: print('gone'))", qr/weak reference/],
	finalize           => ["import weakref\nclass C: pass\nc = C()\nweakref.finalize(c, print, 'finalised')", undef],
	finalize_not       => ["import weakref\nclass C: pass\nc = C()\nweakref.finalize(c, print, 'finalised').atexit = False", qr/weak reference/],
	generator          => ["def g():\n    try: yield 1\n    finally: print('finally')\na = g()\nnext(a)", qr/suspended generator/],
	coroutine          => ["async def f(): pass\nc = f()", qr/with __del__.*: coroutine$/],
	async_generator    => ["async def f(): yield 1\nc = f()", qr/with __del__.*: async_generator$/],
	event_loop         => ["import asyncio\nloop = asyncio.new_event_loop()", qr/with __del__/],
	temporary_folder   => ["import tempfile\nd = tempfile.TemporaryDirectory()", undef],
	temporary_file     => ["import tempfile\nd = tempfile.NamedTemporaryFile(dir=path.rpartition('/')[0])", qr/with __del__/],
	own_file_type      => ["import io\nclass F(io.FileIO):\n    def close(self): print('close'); super().close()\nf = F(path, 'w')", qr/interpreter's own types: F$/],
	own_raw_type       => ["import io\nclass F(io.RawIOBase):\n    def writable(self): return True\n    def write(self, b): print(bytes(b)); return len(b)\nf = io.BufferedWriter(F()); f.write(b'x')", qr/interpreter's own types/],
	compressed         => ["import gzip\nf = gzip.GzipFile(path, 'wb', mtime=0); f.write(b'text')", qr/interpreter's own types: GzipFile$|with __del__/],
	one_file_twice     => ["f = open(path, 'a'); g = open(path, 'a'); g.write('g\\n'); f.write('f\\n')", qr/two files write to one/],
	full_device        => ['f = open("/dev/full", "w"); f.write("x")', qr/a file can't be written/],
	full_output        => ['import os; os.dup2(os.open("/dev/full", os.O_WRONLY), 1); print("x")', qr/a standard stream can't be written/],
	replaced_output    => ["import io, sys\nprint('a')\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint('b')", qr/a standard stream was replaced/],
	own_output         => ["import sys\nclass W:\n    def write(self, s): pass\n    def flush(self): sys.__stderr__.write('flush\\n')\nsys.stderr = W()", qr/a standard stream was replaced/],
	no_output          => ['import sys; sys.stdout = None', qr/a standard stream was replaced/],
	resource_warning   => ["import warnings\nwarnings.simplefilter('always')\nf = open(__file__)", qr/a warning may tell/],
	socket_warning     => ["import socket, warnings\nwarnings.simplefilter('always')\na, b = socket.socketpair()\na = [a.detach()]", qr/a warning may tell/],
	connection         => ["import sqlite3\nc = sqlite3.connect(path); c.execute('create table t (a)'); c.commit(); c.execute('insert into t values (1)')", qr/: Connection$/],
	daemon_thread      => ["import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()", qr/there are threads/],
	audit_hook         => ["import sys\nsys.addaudithook(lambda event, a: event.startswith('cpython') and sys.__stdout__ and print(event))", qr/audit hook/],
	trace              => ["import sys\nsys.settrace(lambda *a: None)", qr/trace function/],
	profile            => ["import sys\nsys.setprofile(lambda *a: None)", qr/trace function/],
	gc_callback        => ["import gc\ngc.callbacks.append(lambda phase, info: print(phase))", qr/garbage collector has callbacks/],
	gc_debug           => ["import gc\ngc.set_debug(gc.DEBUG_UNCOLLECTABLE)", qr/garbage collector is being debugged/],
	gc_garbage         => ["import gc\ngc.garbage.append(1)", qr/garbage collector is being debugged/],
	gc_frozen          => ["import gc\nclass C:\n    def __del__(self): print('del')\nc = C()\ngc.freeze()", qr/has frozen/],
	fault_handler      => ['import faulthandler; faulthandler.enable()', qr/the fault handler/],
	memory_traced      => ['import tracemalloc', qr/objects can't be looked at/],
	extension          => ["import sys, types\nm = sys.modules['strange'] = types.ModuleType('strange')\nm.__file__ = '/nowhere/strange.so'", qr/not known to be harmless/],
	known_extension    => ["import sys, types\nm = sys.modules['numpy.x'] = types.ModuleType('x')\nm.__file__ = '/nowhere/strange.so'", undef],
	modules_replaced   => ['import sys; sys.modules = {**sys.modules}', undef],
	exit_functions_run => ["import atexit\natexit.register(print, 'a')\natexit._run_exitfuncs()\nprint('b')", undef],
	collector_off      => ["import gc; gc.disable()\nclass C:\n    def __del__(self): print('del')\nc = C()", undef],
	exits_from_hook    => ["import sys\nclass C:\n    def __del__(self): print('del')\nc = C(); c.c = c\nsys.excepthook = lambda *a: sys.exit(4)\n1/0", undef],
	exit_functions_gone => ["import atexit\natexit.register(print, 'a')\natexit._clear()\nclass C:\n    def __del__(self): print('del')\nc = C(); c.c = c", qr/with __del__/],
	child              => ["import os, sys\nclass C:\n    def __del__(self): print('del')\nif os.fork() == 0:\n    sys.exit('child')\nos.wait()\nc = C()", qr/with __del__/],
);
# Options of the interpreter.
my %OPTION = (
	'-X dev'                => ['pass', qr/-X dev/],
	'-W always'             => ['f = open(__file__)', qr/a warning may tell/],
	'-W error::ResourceWarning' => ['f = open(__file__)', qr/a warning may tell/],
	'-W ignore'             => ['f = open(__file__)', undef],
	'-X faulthandler'       => ['pass', qr/the fault handler/],
	'-u'                    => ['print("x")', undef],
);

my $MARK = <<'SCRIPT';
import os
if "PREFORK_INTERP" in os.environ:
    import prefork_interp; prefork_interp.initialisation_complete()
SCRIPT

# The result of a call without the reason why it finalises the interpreter, and that.
sub split_reason ($r) {
	my $line = qr/^prefork-interp: the interpreter is finalised: (.*)\n/m;
	my @reasons = $r->{err} =~ /$line/g;
	$r->{err} =~ s/$line//g;
	return ($r, $reasons[-1]);
}

# See that calls of CODE leave for REASON and are like a plain run.  Files that it makes are compared.
sub try_code ($name, $code, $reason, %o) {
	state $count = 0;
	my $path = private_directory('files' . ++$count) . '/made';
	my $script = script('python', %o, text => ($o{marked} ? $MARK : '') . "path = '$path'\n$code\n");
	my $files = sub { my %made = map { $_ => read_file($_) } grep { -f } glob "$path*"; unlink glob "$path*"; return \%made };
	my %debug = (env => {PREFORK_INTERP_DEBUG => 'leave'});
	my $plain = $script->plain([], %debug);
	my $made = $files->();
	my ($r, $why);
	for (1 .. 2) {
		($r, $why) = split_reason($script->call([], %debug));
		is_result($r, $plain, "$name: the same");
		is_deeply($files->(), $made, "$name: the same files");
	}
	# A call that notes imports has an audit hook; a server that has loaded them is there when it is ready.
	wait_for(sub {
		($r, $why) = split_reason($script->call([], %debug));
		$files->();
		return ($why // '') !~ /audit hook/ || $code =~ /audithook/;
	}, DEADLINE);
	defined $reason ? like($why, $reason, "$name: finalised") : is($why, undef, "$name: not finalised");
	quiet_down();
	return;
}

each_language(sub ($language) {
	for my $marked (0, 1) {
		my $which = $marked ? 'marked' : 'unmarked';
		try_code("$which: $_", @{$REASON{$_}}, marked => $marked) for sort keys %REASON;
		try_code("$which: $_", @{$OPTION{$_}}, marked => $marked, arguments => [split ' ']) for sort keys %OPTION;
	}
}, 'python');

finish();
