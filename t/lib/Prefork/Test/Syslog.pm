# A syslog of our own: a private /dev in a private mount namespace, with our socket bound at /dev/log.
package Prefork::Test::Syslog;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use Prefork::Test::Process qw(system_call watch_handle);
use Socket;

our @EXPORT_OK = qw(syslog_start syslog_messages syslog_missing);

use constant CLONE_NEWNS => 0x20000;

my @messages;
my $missing = 'not started';

# The devices that a program expects; the rest of /dev is not there.
my $MOUNT = <<'SH';
set -e
mount --make-rprivate /
mkdir "$1"
mount -t tmpfs -o mode=755 tmpfs "$1"
for name in null zero full random urandom tty; do
	[ -e "/dev/$name" ] || continue
	: >"$1/$name"
	mount --bind "/dev/$name" "$1/$name"
done
for name in pts shm; do
	[ -d "/dev/$name" ] || continue
	mkdir "$1/$name"
	mount --rbind "/dev/$name" "$1/$name"
done
# A bound one would look for pts where it comes from.
mknod -m 666 "$1/ptmx" c 5 2 || ln -s pts/ptmx "$1/ptmx"
ln -s /proc/self/fd "$1/fd"
ln -s /proc/self/fd/0 "$1/stdin"
ln -s /proc/self/fd/1 "$1/stdout"
ln -s /proc/self/fd/2 "$1/stderr"
mount --rbind "$1" /dev
SH

# Only so many at once: whoever waits has a deadline to look at.
sub receive ($handle) {
	for (1 .. 100) {
		defined recv $handle, my $text, 65536, MSG_DONTWAIT or last;
		$text =~ s/[\0\n]+\z//;
		my $priority = $text =~ s/^<(\d+)>// ? $1 : 0;
		push @messages, {severity => $priority & 7, facility => $priority >> 3, text => $text};
	}
	return;
}

# Move this process into a mount namespace whose /dev/log is ours. Needs root. DIRECTORY: where it may make a folder.
sub syslog_start ($directory) {
	if ($> != 0) {
		$missing = 'not root: no private /dev/log';
		return;
	}
	if (system_call('unshare', CLONE_NEWNS) != 0) {
		$missing = "no mount namespace: $!";
		return;
	}
	my $said = qx{sh -c '$MOUNT' sh '$directory/dev' 2>&1};
	if ($? != 0) {
		$missing = "no private /dev: $said";
		return;
	}
	socket my $handle, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!\n";
	bind $handle, pack_sockaddr_un('/dev/log') or die "/dev/log: $!\n";
	chmod 0666, '/dev/log';
	watch_handle($handle, \&receive);
	state $keep = $handle;
	$missing = undef;
	return;
}

# Why there is no capture; undef when there is.
sub syslog_missing() { return $missing }

# The messages so far: {severity (0..7), facility, text} each.  The list is the caller's to empty.
sub syslog_messages() { return \@messages }

1;
