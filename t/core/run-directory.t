# The run directory: made private, used only if it is ours and private; where it can't be, a plain run.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use POSIX ();

my $language = core_language();

# A call with this run directory, as {PREFORK_INTERP_RUNDIR => ...}.
sub with_run ($run) { return (env => {PREFORK_INTERP_RUNDIR => $run}) }

sub served ($run, $name) {
	my $script = script($language);
	Prefork::Test::look_after($run);
	is_result($script->call(['exit', 3], with_run($run)), {status => exited(3), out => '', err => ''}, $name);
	is(scalar(sockets($run)), 1, "$name: with a server");
	return;
}

sub plain ($run, $name, $why = qr/./) {
	my $script = script($language);
	my $before = join ' ', map { $_ // '' } (lstat $run)[0 .. 5];
	is_result($script->call(['exit', 3], with_run($run)), {status => exited(3), out => '', err => qr/\Aprefork-interp: .*$why/},
		"$name: plain run");
	is_result($script->call(['exit', 3], env => {PREFORK_INTERP_RUNDIR => $run, PREFORK_INTERP_DEBUG => undef}),
		{status => exited(3), out => '', err => ''}, "$name: of which nothing is said");
	is(join(' ', map { $_ // '' } (lstat $run)[0 .. 5]), $before, "$name: it is left alone");
	ok(!descendants(), "$name: nothing runs");
	return;
}

my $base = private_directory('directories');

served("$base/new", 'a missing one');
is(sprintf('%o', (stat "$base/new")[2] & 07777), '700', 'is made private');
umask 0777;
served("$base/masked", 'a missing one, with a umask of 0777');
umask 022;
is(sprintf('%o', (stat "$base/masked")[2] & 07777), '700', 'is made private all the same');

# sun_path has 108 bytes.
my $long = "$base/" . join '/', ('l' x 50) x 6;
POSIX::mkdir($_, 0700) for map { my $n = $_; "$base/" . join '/', ('l' x 50) x $n } 1 .. 6;
served($long, 'a long path');
my $script = script($language);
my $nonce = $script->warm(with_run($long));
is($script->warm(with_run($long)), $nonce, 'a long path: the server is found again');
my $watch = open_watch((split ' ', $script->call(['pid'], with_run($long))->{out})[1]);
unlink sockets($long);
ok(process_gone([$watch]), 'a long path: its watcher sees the socket go');

quiet_down();

plain('relative/path', 'a relative path', qr/absolute/);
plain('/no/such/place/at/all', 'one that can\'t be made', qr/No such file/);
plain(write_file("$base/file", ''), 'a file', qr/Not a directory|not a directory/);
for my $mode (0755, 0770, 0701, 0777) {
	mkdir "$base/open" or die "mkdir: $!\n";
	chmod $mode, "$base/open";
	plain("$base/open", sprintf('mode %04o', $mode), qr/open to others/);
	rmdir "$base/open";
}
mkdir "$base/private", 0700;
symlink "$base/private", "$base/link" or die "symlink: $!\n";
plain("$base/link", 'a link to a good one');
is(join(' ', glob "$base/private/*"), '', 'nothing is made behind the link');

SKIP: {
	if ($> != 0) {
		need_missing('a run directory of another user', 'not root');
		last SKIP;
	}
	mkdir "$base/other", 0700;
	chown 12345, 12345, "$base/other";
	plain("$base/other", 'one of another user', qr/owned/);
	unreadable();
	defaults();
}

# Somebody without rights: the directory's parent can't be searched.
sub unreadable() {
	my $parent = private_directory('locked', 0700);
	my $one = script($language);
	my $readable = home_directory();
	my $r = $one->call(['exit', 3], with_run("$parent/run"), in_child => sub {
		POSIX::setgid(12345);
		POSIX::setuid(12345);
	});
	is_result($r, {status => exited(3), err => qr/\Aprefork-interp: .*Permission denied/}, 'an unreadable one: plain run');
	return;
}

# Where no run directory is named: the candidates in their order, in a mount namespace with /run and /tmp of its own.
sub defaults() {
	my $stage = install_path('.');
	my $folder = private_directory('namespace');
	my $plain = script($language);
	my $text = read_file($plain->path) =~ s/\A.*\n//r;
	write_file("$folder/script", "#!/run/stage/bin/prefork-interp -- $plain->{interpreter}[0]\n$text", 0755);
	my $commands = <<'SH';
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/stage /run/files
mount --rbind "$1" /run/stage
mount --rbind "$2" /run/files
case $3 in
user) mkdir -p -m 755 /run/user; mkdir -m 700 /run/user/0 ;;
esac
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir /tmp/home
case $3 in
home) mkdir -m 755 /tmp/prefork-interp-0 ;;
esac
HOME=/tmp/home /run/files/script count >/tmp/first
HOME=/tmp/home /run/files/script count >/tmp/second
cmp /tmp/first /tmp/second && echo served
find /run/user /tmp -name 's*' -type s 2>/dev/null | sed 's/s[0-9a-f]*$/SOCKET/'
find /run/user /tmp -name 's*' -type s -delete 2>/dev/null || :
SH
	my $host = (POSIX::uname())[1];
	chomp(my $boot = read_file('/proc/sys/kernel/random/boot_id'));
	my %EXPECTED = (
		user => '/run/user/0/prefork-interp',
		tmp  => '/tmp/prefork-interp-0',
		home => "/tmp/home/.prefork-interp/$host-$boot",
	);
	my $unshare = run(['/usr/bin/env', 'unshare', '-m', 'true']);
	if ($unshare->{status} ne 0) {
		need_missing('the default run directories', "unshare -m: $unshare->{err}");
		return;
	}
	for my $case (qw(user tmp home)) {
		my $r = run(['/usr/bin/env', 'unshare', '-m', 'sh', '-c', $commands, 'sh', $stage, $folder, $case],
			env => {PREFORK_INTERP_RUNDIR => undef, map({ $_ => undef } qw(PERL5LIB PYTHONPATH TCLLIBPATH TMPDIR))});
		is_result($r, {status => 0, out => "served\n$EXPECTED{$case}/SOCKET\n", err => ''}, "by default: $EXPECTED{$case}");
	}
	return;
}

finish();
