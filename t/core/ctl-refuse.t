# preforkctl enable leaves alone what it must not rewrite, says why in one line, and does the other files.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Process qw(system_call);

use POSIX qw(mkfifo);

use constant RLIMIT_FSIZE => 1;

my $ctl = install_path() . '/preforkctl';
my $interpreter = interpreter_path(core_language());
my $folder = private_directory('files');

sub ctl (@words) {
	my %o = ref $words[-1] ? %{pop @words} : ();
	return run([$ctl, @words], %o);
}

# All that there is in a folder: names, inode numbers, times, texts.
sub state_of ($where) {
	opendir my $d, $where or die "$where: $!\n";
	my @state;
	for my $name (sort grep { !/^\.\.?\z/ } readdir $d) {
		my @stat = lstat "$where/$name";
		push @state, join ' ', $name, @stat[0 .. 5, 7, 9, 10], -f _ ? read_file("$where/$name") : '';
	}
	return join "\n", @state;
}

# Enabling fails with this reason, and changes nothing.
sub refused ($name, $path, $why, %o) {
	my $before = state_of($folder);
	is_result(ctl('enable', $path, \%o), {status => exited(1), out => '', err => qr/\Apreforkctl: \Q$path\E: $why\n\z/},
		"$name: is refused");
	is(state_of($folder), $before, "$name: nothing is changed");
	return;
}

sub file ($text, $mode = 0755) {
	state $count = 0;
	return write_file("$folder/file" . ++$count, $text, $mode);
}

my $good = "#!$interpreter\n";

refused('no such file', "$folder/none", 'No such file or directory');
refused('a folder', $folder, 'it is not a regular file');
mkfifo("$folder/fifo", 0600) or die "fifo: $!\n";
refused('a pipe', "$folder/fifo", 'it is not a regular file');
refused('a device', '/dev/null', 'it is not a regular file');
symlink 'nowhere', "$folder/dangling" or die "link: $!\n";
refused('a link to nothing', "$folder/dangling", 'No such file or directory');
refused('set-user-id', file($good, 04755), 'it is set-user-id or set-group-id');
refused('set-group-id', file($good, 02755), 'it is set-user-id or set-group-id');

my $linked = file($good);
link $linked, "$linked.other" or die "link: $!\n";
refused('a hard link', $linked, 'it has several names \(hard links\)');

my $foreign = file($good);
if (chown 1, 1, $foreign) {
	refused("another user's", $foreign, 'it belongs to user 1, not to you');
} else {
	need_missing("another user's file", $!);
}
my $capable = file($good);
# Version 2, effective: CAP_NET_BIND_SERVICE.
my $attribute = 'security.capability';
my $capabilities = pack 'V5', 0x02000001, 1 << 10, 0, 0, 0;
if (system_call('setxattr', $capable, $attribute, $capabilities, length $capabilities, 0) == 0) {
	refused('capabilities', $capable, 'it has capabilities');
} else {
	need_missing('file capabilities', $!);
}

refused('no #! line', file("print 1\n"), 'it has no #! line');
refused('nothing at all', file(''), 'it has no #! line');
refused('a binary', file("\x7fELF\x02\x01\x01\0\0\0\n"), 'it has no #! line');
refused('a binary behind a line', file("${good}PK\x03\x04\0\0"), 'it is no text: it has NUL bytes in it');
refused('a shell', file("#!/bin/sh\n"), 'no plugin in \S+ serves /bin/sh');
refused('a shell by env', file("#!/usr/bin/env sh\n"), 'no plugin in \S+ serves \S+/sh');
refused('no such interpreter', file("#!/nowhere/python3\n"),
	'its interpreter can\'t be found: /nowhere/python3: No such file or directory');
refused('a relative path', file("#!python3\n"), 'its #! line names no absolute path');
refused('no program', file("#! \n"), 'its #! line names no program');
refused('a line end of two bytes', file("#!$interpreter\r\n"), 'its #! line holds a control character');
refused('a long line', file("#!$interpreter -" . 'x' x 250 . "\n"), 'its #! line is longer than what the kernel reads');
my $room = 255 - length "#!$interpreter -\n";
refused('a line that gets too long', file("#!$interpreter -" . 'w' x $room . "\n"),
	'its #! line would be longer than the 255 bytes that the kernel reads|no plugin .*');
refused('env with options', file("#!/usr/bin/env -S -i perl\n"), 'no plugin in \S+ serves /usr/bin/env');
refused('words that are one', file("#!$interpreter -x y\n"), 'the kernel gives "-x y" to its interpreter as one word, .*');
if (grep { $_ eq 'python' } languages()) {
	my $python = interpreter_path('python');
	refused('options that python takes for one', file("#!$python -E -s\n"), 'the kernel gives "-E -s" .*');
}

refused('a file that can\'t be written', file($good), 'write a new file: \S+: File too large', limits => {RLIMIT_FSIZE, 10});
if ($> == 0) {
	my $closed = private_directory('closed');
	my $path = write_file("$closed/script", $good, 0755);
	chown 1, 1, $path or die "$path: $!\n";
	is_result(ctl('enable', $path, {in_child => sub { POSIX::setgid(1); POSIX::setuid(1); return }}),
		{status => exited(1), out => '', err => qr/\Apreforkctl: \S+: make a new file beside it: \S+: Permission denied\n\z/},
		'a folder that can\'t be written in');
	is(read_file($path), $good, 'nothing is changed');
} else {
	need_missing('a closed folder', 'not root');
}

subtest 'several files' => sub {
	my @bad = (file("#!/bin/sh\n"), "$folder/none", file('x'));
	my @good = (file($good), file($good));
	my $r = ctl('enable', $bad[0], $good[0], $bad[1], $good[1], $bad[2]);
	is($r->{status}, exited(1), 'some have failed');
	is(join(' ', $r->{out} =~ /^(\S+): enabled/mg), "@good", 'the good ones are enabled');
	is(join(' ', $r->{err} =~ /^preforkctl: (\S+): .+$/mg), "@bad", 'each of the others has its line');
	is($r->{err} =~ tr/\n//, @bad, 'and no more');
	is_result(ctl('disable', @good, @bad), {status => exited(1), out => qr/\A(?:\S+: disabled\n){2}/}, 'disabled');
	is(read_file($_), $good, 'again what it was') for @good;
};

subtest 'lines written by hand' => sub {
	my $path = file('#!' . client_path() . " -U perl\n");
	is_result(ctl('disable', $path), {status => exited(1), out => '', err => qr/written by hand/}, 'with options: refused');
	$path = file('#!' . client_path() . " -- perl -w\n");
	is_result(ctl('disable', $path), {status => 0, err => ''}, 'without: disabled');
	is(read_file($path), "#!/usr/bin/env -S perl -w\n", 'the interpreter is looked for in PATH as before');
};

subtest 'wrong words' => sub {
	my $one_line = qr/\Apreforkctl: [^\n]+\n\z/;
	is_result(ctl(@$_), {status => exited(2), out => '', err => $one_line}, "'@$_'")
		for [], ['enable'], ['disable', '--'], ['verify'], ['frobnicate', 'x'], ['enable', '-x'], ['--frobnicate'];
	is_result(ctl('--help'), {status => 0, out => qr/\Ausage: preforkctl enable /, err => ''}, '--help');
	is_result(ctl('--version'), {status => 0, out => qr/\Apreforkctl \d+\.\d+\.\d+\n\z/, err => ''}, '--version');
};

finish();
