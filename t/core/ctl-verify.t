# preforkctl verify tells a command that is the same when it is served from one that is not, by status, output and files;
# it leaves nothing behind, and the working directory as it was.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use POSIX qw(mkfifo);

my $ctl = install_path() . '/preforkctl';
my $work = private_directory('work');
my $temporary = private_directory('tmp');

# Run it with these words, in a folder that is to stay empty but for what is in it.
sub verify (@words) {
	my %o = ref $words[-1] ? %{pop @words} : ();
	return run([$ctl, 'verify', '--', @words], cwd => $work, %o, env => {environment(), %{$o{env} // {}}});
}

sub environment() { return (TMPDIR => $temporary, PREFORK_INTERP_RUNDIR => undef, PREFORK_INTERP_DEBUG => undef) }

sub entries_of ($folder) {
	opendir my $d, $folder or die "$folder: $!\n";
	return join ' ', sort grep { !/^\.\.?\z/ } readdir $d;
}

sub nothing_is_left ($name) {
	is(entries_of($temporary), '', "$name: no private folder is left");
	is(join(' ', map { $_->{command} } descendants()), '', "$name: no process is left");
	return;
}

# A script that is not enabled.
sub plain_script ($language, $text, %o) {
	state $count = 0;
	my $line = $o{line} // interpreter_path($language);
	return write_file(private_directory("verify" . ++$count) . '/' . script_name($language), "#!$line\n$text", 0755);
}

# For each language: what tells in the script whether a server has forked it.
my %SERVED = (
	perl => <<'END',
use Proc::Prefork::Interp;
prefork_initialisation_complete();
open my $h, '<', '/proc/' . getppid() . '/comm' or die;
my $served = <$h> =~ /^prefork-/ ? 1 : 0;
END
	python => <<'END',
import os, sys
with open("/proc/%d/comm" % os.getppid()) as h:
    served = 1 if h.read().startswith("prefork-") else 0
END
	tcl => <<'END',
proc read_all {name} { set h [open $name]; set text [read $h]; close $h; return $text }
regexp {\(.*\) . (\d+)} [read_all /proc/self/stat] - parent
set served [string match prefork-* [read_all /proc/$parent/comm]]
END
);

# Good in all ways: arguments, input, environment, files, name, directory.
my %GOOD = (
	perl => <<'END',
use Proc::Prefork::Interp;
prefork_initialisation_complete();
use JSON::PP ();
open my $h, '<', '/proc/self/comm' or die;
print "@ARGV|", <STDIN>, "|$ENV{THING}|", <$h>;
print STDERR "to stderr\n";
open my $out, '>', 'made' or die;
print $out JSON::PP->new->canonical->encode({a => 1, old => -s 'old'});
END
	python => <<'END',
import json, os, sys
with open("/proc/self/comm") as h:
    print(" ".join(sys.argv[1:]), sys.stdin.read(), os.environ["THING"], h.read(), sep="|")
print("to stderr", file=sys.stderr)
with open("made", "w") as h:
    json.dump({"a": 1, "old": os.path.getsize("old")}, h)
END
	tcl => <<'END',
package require msgcat
set h [open /proc/self/comm]
puts "$argv|[read stdin]|$env(THING)|[read $h]"
puts stderr "to stderr"
set out [open made w]
puts $out [file size old]
close $out
END
);

write_file("$work/old", "old\n");
each_language(sub ($language) {
	my $path = plain_script($language, $GOOD{$language});
	my %o = (stdin => "in\nput\n", env => {THING => 'some thing'});
	my $same = "3 of 3 calls were served\nsame: status, stdout, stderr, files\n";
	is_result(verify($path, 'a b', '--kill', \%o), {status => 0, out => $same, err => ''}, 'a good script');
	is_result(run([$ctl, 'enable', $path], env => {environment()}), {status => 0, err => ''}, 'is enabled');
	is_result(verify($path, 'a b', '--kill', \%o), {status => 0, out => $same, err => ''}, 'and good again');
	is(entries_of($work), 'old', 'what it writes is not in the working directory');
	nothing_is_left('good');

	my $served = $SERVED{$language};
	my %bad = (
		status => ['status differs', {
			perl => 'exit 3 * $served;', python => 'sys.exit(3 * served)', tcl => 'exit [expr {3 * $served}]'}],
		stdout => ['stdout differs in line 2', {
			perl => 'print "one\n$served\n";', python => 'print("one\n%d" % served)', tcl => 'puts "one\n$served"'}],
		stderr => ['stderr differs in line 1', {
			perl => 'print STDERR "$served\n";', python => 'print(served, file=sys.stderr)', tcl => 'puts stderr $served'}],
		'a file' => ['file made differs in line 1', {
			perl => 'open my $f, ">", "made"; print $f $served;', python => 'open("made", "w").write(str(served))',
			tcl => 'set f [open made w]; puts $f $served; close $f'}],
		'a mode' => ['file old differs', {
			perl => 'chmod 0644 - $served, "old";', python => 'os.chmod("old", 0o644 - served)',
			tcl => 'file attributes old -permissions [expr {420 - $served}]'}],
		'a missing file' => ['file old differs', {
			perl => 'unlink "old" if $served;', python => 'served and os.unlink("old")',
			tcl => 'if {$served} {file delete old}'}],
	);
	for my $name (sort keys %bad) {
		my ($said, $text) = @{$bad{$name}};
		my $r = verify(plain_script($language, "$served$text->{$language}\n"));
		is_result($r, {status => exited(1), err => '', out => qr/^cold: \Q$said\E\n  plain: .*\n  cold: .*\n/m}, "$name: cold");
		like($r->{out}, qr/^warm: \Q$said\E\n(?:  plain: .*\n  warm: .*\n)/m, "$name: warm");
		unlike($r->{out}, qr/same:/, "$name: is not the same");
	}
	is(read_file("$work/old"), "old\n", 'the working directory is as it was');
	nothing_is_left('bad');
});

subtest 'what differs by itself' => sub {
	my $language = core_language();
	my %number = (perl => 'print "one\n$$\nthree\n";', python => "import os\nprint('one', os.getpid(), 'three', sep='\\n')",
		tcl => 'puts "one\n[pid]\nthree"');
	my $r = verify(plain_script($language, "$number{$language}\n"));
	is_result($r, {status => 0, err => '', out => qr/^stdout differs in 1 line between plain runs: not compared\nsame: /m},
		'is said, and no difference');
};

# By chance, as it were: the plain runs before and after agree, but more of them do not.
each_language(sub ($language) {
	my $counter = private_directory('counter') . '/file';
	my $path = plain_script($language, <<"SCRIPT");
with open("$counter", "a+") as h:
    h.write("x")
    print("ab"[h.tell() in (3, 4, 5, 7, 9)])
SCRIPT
	my $r = verify($path);
	is_result($r, {status => 0, err => '', out => qr/^stdout differs in 1 line between plain runs: not compared\nsame: /m},
		'more plain runs are looked at');
	is(-s $counter, 9, 'nine runs in all');
}, 'python');

# Read by setup's executor in the first call, preloaded by the server after it: only a verify that waits for that sees it.
each_language(sub ($language) {
	my $path = plain_script($language, "import os, ahead\nprint(ahead.process == os.getpid())\n");
	write_file(($path =~ s{[^/]*\z}{}r) . 'ahead.py', "import posix; process = posix.getpid()\n");
	my $r = verify($path);
	is_result($r, {status => exited(1), err => '', out => qr/^warm: stdout differs in line 1\n  plain: True\n  warm: False\n/m},
		'what is seen only when the server has learned');
	unlike($r->{out}, qr/^cold:/m, 'not before');
}, 'python');

# A server knows of folders and files there, and stays as long as they do: also when a call has changed others.
each_language(sub ($language) {
	my $path = plain_script($language, <<'SCRIPT');
use lib 'below';
use File::Basename;
open my $h, '<', 'below/file' or die;
print basename('a/b'), <$h>;
close $h;
open $h, '>>', 'below/file' or die;
print $h "more\n";
unlink 'other';
symlink 'link', 'new';
mkdir 'folder';
chmod 0600, 'mode';
unlink 'link';
SCRIPT
	my $here = private_directory('here');
	mkdir "$here/$_" or die "$_: $!\n" for 'below', 'empty';
	write_file("$here/$_", "$_\n") for 'below/file', 'other', 'mode';
	symlink 'nowhere', "$here/link" or die "link: $!\n";
	is_result(verify($path, {cwd => $here}), {status => 0, err => '',
		out => "3 of 3 calls were served\nsame: status, stdout, stderr, files\n"}, 'each run finds the directory as it was');
	is(entries_of($here), 'below empty link mode other', 'which itself is not touched');
}, 'perl');

subtest 'a directory with too much in it' => sub {
	my $large = private_directory('large');
	open my $h, '>', "$large/file" or die "$large: $!\n";
	truncate $h, 65 << 20 or die "$large: $!\n";
	close $h;
	my $path = plain_script(core_language(), $GOOD{core_language()});
	write_file("$large/old", "old\n");
	my $r = verify($path, {cwd => $large, env => {THING => 1}});
	is_result($r, {status => 0, err => '', out => qr/^files are not compared, .*: there is too much in it$/m}, 'is said');
	like($r->{out}, qr/^same: status, stdout, stderr$/m, 'the rest is compared');
	is(entries_of($large), 'file made old', 'it has run there');
	nothing_is_left('large');
};

subtest 'in the folder of its own private folder' => sub {
	my $path = plain_script(core_language(), $GOOD{core_language()});
	write_file("$temporary/old", "old\n");
	is_result(verify($path, {cwd => $temporary, env => {THING => 1}}), {status => 0, err => '', out => qr/^same: .*, files$/m}, 'same');
	unlink "$temporary/old";
	nothing_is_left('private');
};

# Its servers are of the terminal's session then.
subtest 'on a terminal' => sub {
	my ($master, $slave) = terminal() or return;
	my $path = plain_script(core_language(), $GOOD{core_language()});
	my $r = verify($path, {on_terminal($slave), env => {THING => 1}});
	is_result($r, {status => 0, err => '', out => qr/\A3 of 3 calls were served\nsame: /}, 'same');
	nothing_is_left('terminal');
};

subtest 'nobody reads what it says' => sub {
	pipe my $reader, my $writer or die "pipe: $!\n";
	close $reader;
	my $path = plain_script(core_language(), $GOOD{core_language()});
	is_result(verify($path, {stdout => $writer, env => {THING => 1}}), {status => killed_by(13), err => ''}, 'it dies of that');
	nothing_is_left('pipe');
};

subtest 'a script that no plugin serves' => sub {
	my $path = write_file(private_directory('sh') . '/script', "#!/bin/sh\necho \$0\n", 0755);
	is_result(verify($path), {status => 0, err => '', out => qr/\A0 of 3 calls were served: no plugin .*\nsame: /}, 'is told');
};

subtest 'by name' => sub {
	my $path = plain_script(core_language(), $GOOD{core_language()});
	my ($folder, $name) = $path =~ m{^(.*)/(.*)$};
	is_result(verify($name, {env => {PATH => "$folder:$ENV{PATH}", THING => 1}}), {status => 0, err => ''}, 'in PATH');
};

subtest 'what can not be run' => sub {
	my $one_line = qr/\Apreforkctl: verify: [^\n]+\n\z/;
	my %wrong = (
		'nothing there'  => "$work/none",
		'no name'        => 'no-such-command',
		'no script'      => '/bin/true',
		'not executable' => write_file(private_directory('not') . '/script', "#!/bin/sh\n", 0644),
		'no interpreter' => write_file(private_directory('nor') . '/script', "#!/nowhere/x\n", 0755),
	);
	for my $name (sort keys %wrong) {
		is_result(verify($wrong{$name}), {status => exited(2), out => '', err => $one_line}, $name);
	}
	nothing_is_left('not run');
};

# The plain run waits, and so does the call.
subtest 'a signal' => sub {
	my $language = 'python';
	for my $when ('plain', 'served') {
		my $condition = $when eq 'plain' ? '' : 'if served: ';
		my $folder = private_directory("signal$when");
		mkfifo("$folder/fifo", 0600) or die "fifo: $!\n";
		my $path = plain_script($language, "$SERVED{$language}${condition}open('$folder/here', 'w'), open('$folder/fifo')\n");
		my $p = start([$ctl, 'verify', $path], cwd => $work, env => {environment()});
		wait_for_file("$folder/here");
		kill TERM => $p->{pid};
		is_result(end($p), {status => killed_by(15), out => '', err => qr/\A(?:preforkctl: verify: interrupted\n)?\z/},
			"while the $when run waits: it dies of it");
		ok(wait_for(sub { !descendants() }), 'what it ran ends');
		nothing_is_left($when);
	}
} if grep { $_ eq 'python' } languages();

finish();
