# The forms that Python programs have: where a script looks for its modules, archives, environments of their own.
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Path qw(make_path);
use Prefork::Test;
use Prefork::Test::Wire;

# A module that can be told from one which the call has loaded itself: posix.getpid is no tripwire.
my $AHEAD = "import posix; process = posix.getpid()\n";
my $TELLS = 'print("ahead" if ahead.process != os.getpid() else "itself")';

# A script with files beside it: its folder too.
sub with_files ($text, %files) {
	my $script = script('python', text => $text);
	my $folder = $script->path =~ s{/[^/]*\z}{}r;
	while (my ($name, $content) = each %files) {
		my ($below) = "$folder/$name" =~ m{^(.*)/};
		make_path($below);
		write_file("$folder/$name", $content);
	}
	return ($script, $folder);
}

# A call when the server has loaded what it was told.
sub later_call ($script, $words = [], %o) {
	wait_for(sub { !grep { wire_is_learning($_) } sockets() }) or diag('it is still learning');
	return $script->call($words, %o);
}

each_language(sub ($language) {
	subtest 'a folder that the script puts into its path' => sub {
		my ($script, $folder) = with_files(<<"SCRIPT", 'library/ahead.py' => $AHEAD, 'library/json.py' => '');
import os, sys
sys.path.insert(0, sys.path[0] + "/library")
import ahead, json
$TELLS
print(json.__file__, hasattr(json, "dumps"))
SCRIPT
		my $json = "$folder/library/json.py False\n";
		is_result($script->call([]), {status => 0, out => "itself\n$json"}, 'a first call loads its modules itself');
		is_result(later_call($script), {status => 0, out => "ahead\n$json"}, 'later ones find them');
		unlink "$folder/library/json.py";
		is_result($script->call([]), {status => 0, out => qr/^itself\n\S+ True\n\z/}, 'the library\'s when that is gone');
	};

	subtest 'a folder that only some calls have' => sub {
		my ($script, $folder) = with_files(<<"SCRIPT", 'ahead.py' => $AHEAD, 'other/unrelated.py' => '', 'shadow/ahead.py' => "process = 0\n");
import os, sys
sys.path[:0] = sys.argv[1:]
import ahead
$TELLS
print(ahead.__file__)
SCRIPT
		$script->call([]);
		is_result(later_call($script), {out => "ahead\n$folder/ahead.py\n"}, 'none');
		is_result($script->call(["$folder/other"]), {out => "ahead\n$folder/ahead.py\n"}, 'one that has nothing of that name');
		is_result($script->call(["$folder/shadow"]), {out => "ahead\n$folder/shadow/ahead.py\n"}, 'one that has');
		is_result($script->call(['no such folder', '']), {out => "ahead\n$folder/ahead.py\n"}, 'relative ones, with nothing there');
		write_file("$folder/other/ahead.py", "process = -1\n");
		is_result($script->call(["$folder/other"]), {out => "ahead\n$folder/other/ahead.py\n"}, 'where it has come to be');
	};

	subtest 'what is found anew is not taken for known' => sub {
		my ($script, $folder) = with_files(<<"SCRIPT", 'user.py' => "try:\n    import optional\nexcept ImportError:\n    optional = None\n");
import user
print(user.optional and user.optional.argument)
SCRIPT
		is_result($script->call(['a']), {out => "None\n"}, 'not there');
		is_result(later_call($script, ['b']), {out => "None\n"}, 'nor later');
		quiet_down();
		write_file("$folder/optional.py", "import sys\nargument = sys.argv[-1]\n");
		is_result(later_call($script, [$_]), {out => "$_\n"}, "a server that knew that it was not there: call $_") for qw(c d e);
	};

	subtest 'a folder of some calls has what a module does without' => sub {
		my ($script, $folder) = with_files(<<"SCRIPT", 'user.py' => "try:\n    from optional import value\nexcept ImportError:\n    value = None\n", 'extra/optional.py' => "value = 1\n");
import sys
sys.path += sys.argv[1:]
import user
print(user.value)
SCRIPT
		$script->call([]);
		is_result(later_call($script), {out => "None\n"}, 'none');
		is_result(later_call($script, ["$folder/extra"]), {out => "1\n"}, 'one that has it');
	};
	subtest 'an archive' => sub {
		my ($script, $folder) = with_files("pass\n", map { /^(\S+)\n(.*)/s } split /^--- /m, <<'FILES');
app/__main__.py
import os, sys
import ahead, package.part
def fail():
    raise ValueError(*sys.argv[1:])
print("out", file=sys.stderr if "err" in sys.argv else sys.stdout)
if "see" in sys.argv:
    print("ahead" if ahead.process != os.getpid() else "itself", file=sys.stderr)
if "exit" in sys.argv:
    sys.exit("why")
if "interrupt" in sys.argv:
    raise KeyboardInterrupt
if "fail" in sys.argv:
    fail()
print(list(globals()), __file__, __loader__, __spec__, __package__, __doc__, sys.argv, sys.path, sys.flags)
print(list(sys.modules), list(sys.path_importer_cache), ahead.__file__, ahead.__loader__, sys.excepthook)
frame = sys._getframe()
while frame:
    print(frame.f_code.co_filename, frame.f_code.co_name)
    frame = frame.f_back
--- app/ahead.py
import posix; process = posix.getpid()
--- app/package/__init__.py
--- app/package/part.py
import json
FILES
		my $line = read_file($script->path) =~ s/^#!(.*)\n.*/$1/sr;
		is(run([interpreter_path('python'), '-m', 'zipapp', "$folder/app", '-p', $line, '-o', $script->path])->{status}, 0, 'is made');
		for my $words ([], ['a b', ''], ['exit'], ['interrupt'], ['fail'], ['err']) {
			same_result($script, $words, "words @$words");
		}
		is_result(later_call($script, ['see']), {status => 0, err => "ahead\n"}, 'its modules are loaded ahead');
		write_file("$folder/app/ahead.py", "process = 0\nprint('changed')\n");
		run([interpreter_path('python'), '-m', 'zipapp', "$folder/app", '-p', $line, '-o', $script->path]);
		is_result($script->call([]), {status => 0, out => qr/^changed\n/}, 'a changed one');
	};

	subtest 'an environment of its own' => sub {
		my $folder = private_directory('environments');
		for my $name (qw(one two)) {
			is(run([interpreter_path('python'), '-m', 'venv', '--without-pip', "$folder/$name"])->{status}, 0, "$name is made");
			my ($site) = glob "$folder/$name/lib/python*/site-packages";
			write_file("$site/of_environment.py", "$AHEAD\nname = '$name'\n");
		}
		my $text = "import os, sys, of_environment as ahead\nprint(ahead.name, sys.prefix, sys.base_prefix, sys.executable, sys.path)\n"
			. "print(os.environ.get('VIRTUAL_ENV'), list(sys.modules))\nif sys.argv[1:]: $TELLS\n";
		for my $name (qw(one two)) {
			my $script = script('python', text => $text, line => "--min-gain=-1 -- $folder/$name/bin/python3");
			my $plain = run(["$folder/$name/bin/python3", $script->path]);
			like($plain->{out}, qr/^$name /, "the plain run's module is that of $name");
			is_result($script->call([]), {out => $plain->{out}}, "$name, named by the first line: call $_") for 1 .. 2;
			is_result(later_call($script, ['see']), {out => qr/^ahead$/m}, 'its modules are loaded ahead');
		}
		my $script = script('python', text => $text, line => '--min-gain=-1 -- python3');
		for my $name (qw(one two one two)) {
			my %active = (env => {VIRTUAL_ENV => "$folder/$name", PATH => "$folder/$name/bin:$ENV{PATH}"});
			my $r = later_call($script, [], %active);
			is_result($r, {status => 0, out => qr{^$name \Q$folder/$name\E .*\n\Q$folder/$name\E \[}}, "$name, found by PATH");
		}
	};

	quiet_down();
}, 'python');

finish();
