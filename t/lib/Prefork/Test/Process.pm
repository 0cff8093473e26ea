# Processes for the tests: exact exec, capture with a deadline, waiting on conditions, and nothing left behind.
package Prefork::Test::Process;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use Errno qw(EAGAIN EINTR EPIPE);
use Fcntl qw(F_SETFD F_SETFL FD_CLOEXEC O_NONBLOCK);
use IO::Select;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

require 'syscall.ph';    ## no critic (defines the numbers of this machine's system calls, in this package)

our @EXPORT_OK = qw(
	spawn finish_process run_process process_gone wait_for wait_ready pidfd_open descendants reap_orphans kill_descendants
	now watch_handle set_limit set_child_subreaper hide_descriptors proc_stat
	system_call DEADLINE
);

use constant {
	DEADLINE               => 30,     # seconds; this is for broken code, not for slow machines
	F_DUPFD_CLOEXEC        => 1030,
	PR_SET_CHILD_SUBREAPER => 36,
	SIG_SETMASK            => 2,
};

my %reaped;      # pid => wait status, of children that were reaped before anyone asked
my %watched;     # fileno => [handle, callback]: read whenever we wait

# Seconds on the monotonic clock.
sub now() { return clock_gettime(CLOCK_MONOTONIC) }

# A system call by name; arguments as perl's syscall().
sub system_call {    ## no critic (the arguments must be the caller's own: the kernel writes into them)
	my $name = shift;
	return syscall __PACKAGE__->can("SYS_$name")->(), @_;
}

# Orphans among our descendants become our children.
sub set_child_subreaper() {
	system_call('prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 or die "prctl: $!\n";
	return;
}

# What we were given above descriptor 2 is not for those that we start.
sub hide_descriptors() {
	opendir my $d, '/proc/self/fd' or die "/proc/self/fd: $!\n";
	for my $fd (grep { /^\d+$/ && $_ > 2 } readdir $d) {
		system_call('fcntl', $fd + 0, F_SETFD, FD_CLOEXEC);
	}
	return;
}

# Set a soft limit of this process (RLIMIT number, value); the hard one stays.
sub set_limit ($resource, $value) {
	my $old = pack 'QQ', 0, 0;
	my $none = 0;
	system_call('prlimit64', 0, $resource + 0, $none, $old) == 0 or die "prlimit: $!\n";
	my $new = pack 'QQ', $value + 0, (unpack 'QQ', $old)[1];
	system_call('prlimit64', 0, $resource + 0, $new, $none) == 0 or die "prlimit: $!\n";
	return;
}

# Call back (handle) when it gets readable while we wait for something else.
sub watch_handle ($handle, $callback) {
	$watched{fileno $handle} = [$handle, $callback];
	return;
}

# Wait until one of FDS (handles or numbers) for reading, or one of WRITERS for writing is ready: (readers, writers).
sub wait_ready ($seconds, $fds, $writers = []) {
	my $r = IO::Select->new(@$fds, map { $_->[0] } values %watched);
	my $w = IO::Select->new(@$writers);
	my ($rr, $ww) = IO::Select->select($r, $w, undef, $seconds < 0 ? 0 : $seconds);
	my @mine;
	for my $h (@{$rr // []}) {
		my $watch = ref $h ? $watched{fileno $h} : undef;
		$watch ? $watch->[1]->($h) : push @mine, $h;
	}
	return (\@mine, $ww // []);
}

# A descriptor number that gets readable when process PID ends; undef when there is no such process.
sub pidfd_open ($pid) {
	my $fd = system_call('pidfd_open', $pid + 0, 0);
	return $fd < 0 ? undef : $fd;
}

# Reap whatever orphan has ended.
sub reap_orphans() {
	while ((my $pid = waitpid -1, WNOHANG) > 0) {
		$reaped{$pid} = $?;
	}
	return;
}

# Wait until the processes behind these pidfds have ended: true, or false after SECONDS.  Closes them when they have.
sub process_gone ($pidfds, $seconds = DEADLINE) {
	my %left = map { $_ => 1 } grep { defined } @$pidfds;
	my $end = now() + $seconds;
	while (%left) {
		my ($ready) = wait_ready($end - now(), [keys %left]);
		reap_orphans();
		for my $fd (@$ready) {
			POSIX::close($fd);
			delete $left{$fd};
		}
		return 0 if !@$ready && now() >= $end;
	}
	return 1;
}

# Wait until CONDITION->() is true: its value; false after SECONDS.  For what no descriptor tells.
sub wait_for ($condition, $seconds = DEADLINE) {
	my $end = now() + $seconds;
	while (1) {
		reap_orphans();
		my $value = $condition->();
		return $value if $value || now() >= $end;
		wait_ready(0.005, []);
	}
}

# One process's (pid, name, state, parent, group, session) from /proc; empty when gone.
sub proc_stat ($pid) {
	open my $h, '<', "/proc/$pid/stat" or return;
	my $line = <$h> // return;
	$line =~ /^(\d+) \((.*)\) (\S) (\d+) (\d+) (\d+)/s or return;
	return ($1, $2, $3, $4, $5, $6);
}

# All our descendants: {pid, name, state, parent, group, session, command} each; their number in scalar context.
sub descendants() {
	my (%all, @found);
	opendir my $d, '/proc' or die "/proc: $!\n";
	for my $pid (grep { /^\d+$/ } readdir $d) {
		my @stat = proc_stat($pid) or next;
		my %p;
		@p{qw(pid name state parent group session)} = @stat;
		$all{$pid} = \%p;
	}
	for my $p (values %all) {
		my $at = $p;
		$at = $all{$at->{parent}} while $at && $at->{pid} != $$ && $at->{parent};
		push @found, $p if $at && $at->{pid} == $$ && $p->{pid} != $$;
	}
	for my $p (@found) {
		my $command = '';
		if (open my $h, '<', "/proc/$p->{pid}/cmdline") {
			local $/ = undef;
			$command = (<$h> // '') =~ tr/\0/ /r;
		}
		$p->{command} = $command;
	}
	@found = sort { $a->{pid} <=> $b->{pid} } @found;    # a sort returned as such is nothing in scalar context
	return @found;
}

# Kill every descendant, by pid, until none is left.
sub kill_descendants() {
	my $end = now() + DEADLINE;
	while (now() < $end) {
		reap_orphans();
		my @left = descendants() or return;
		kill KILL => $_->{pid} for @left;
		wait_ready(0.02, []);
	}
	return;
}

# execve(2) with exactly these bytes; comes back only when it fails.
sub execute ($program, $argv, $environment) {
	my @argv = map { "$_" } @$argv;
	my @environment = map { "$_" } @$environment;
	my $argp = @argv ? pack('p' x @argv . 'J', @argv, 0) : pack('J', 0);
	my $envp = @environment ? pack('p' x @environment . 'J', @environment, 0) : pack('J', 0);
	my $path = "$program";
	system_call('execve', $path, $argp, $envp);
	return;
}

sub set_signals ($ignore, $block) {
	$SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE CHLD FPE);    # Perl itself ignores the last
	$SIG{$_} = 'IGNORE' for @{$ignore // []};
	return if !$block;
	my $bits = 0;
	$bits |= 1 << ($_ - 1) for @$block;
	my $mask = pack 'Q', $bits;
	my $none = 0;
	system_call('rt_sigprocmask', SIG_SETMASK, $mask, $none, 8);
	return;
}

# In the child: descriptors as wanted. TO is number => handle (undef: closed).
sub install_descriptors ($to) {
	my %high;
	for my $n (keys %$to) {
		next if !defined $to->{$n};
		$high{$n} = fcntl($to->{$n}, F_DUPFD_CLOEXEC, 200) or return;
	}
	for my $n (sort { $a <=> $b } keys %$to) {
		if (defined $high{$n}) {
			POSIX::dup2($high{$n} + 0, $n) // return;
		} else {
			POSIX::close($n);
		}
	}
	return 1;
}

sub child_main ($o, $to) {
	POSIX::setpgid(0, 0) if $o->{group};
	POSIX::setsid() if $o->{session};
	$o->{in_child}->() if $o->{in_child};
	umask $o->{umask} if defined $o->{umask};
	set_signals($o->{ignore}, $o->{block});
	install_descriptors($to) or POSIX::_exit(125);
	if (defined $o->{cwd}) {
		chdir $o->{cwd} or POSIX::_exit(124);
	}
	$o->{after_chdir}->() if $o->{after_chdir};
	set_limit($_, $o->{limits}{$_}) for keys %{$o->{limits} // {}};
	execute($o->{program} // $o->{argv}[0], $o->{argv}, $o->{environment});
	my $why = "cannot execute $o->{argv}[0]: $!\n";
	syswrite STDERR, $why;
	POSIX::_exit(126);
	return;
}

# Start a process.  Options:
#   argv, program (if not argv[0]), environment ([NAME=value...], exact), cwd, umask, group (own process group), session,
#   stdin (bytes to send; or a handle to give; default /dev/null), stdout, stderr (a handle; default captured),
#   closed ([0..2]), fds ({number => handle}), ignore ([signal names]), block ([numbers]), limits ({resource => soft}),
#   in_child, after_chdir (called before the exec).
# What comes back is for finish_process(); {pid} is in it.
sub spawn (%o) {
	my %p = (out => '', err => '', feed => undef, readers => {});
	my %to;
	if (ref($o{stdin} // '')) {
		$to{0} = $o{stdin};
	} elsif (defined $o{stdin}) {
		pipe my $r, my $w or die "pipe: $!\n";
		fcntl $w, F_SETFL, O_NONBLOCK;
		($to{0}, $p{to}, $p{feed}) = ($r, $w, $o{stdin});
	} else {
		open $to{0}, '<', '/dev/null' or die "/dev/null: $!\n";
	}
	for my $stream (['out', 1, $o{stdout}], ['err', 2, $o{stderr}]) {
		my ($name, $n, $given) = @$stream;
		if ($given) {
			$to{$n} = $given;
			next;
		}
		pipe my $r, my $w or die "pipe: $!\n";
		$to{$n} = $w;
		$p{readers}{fileno $r} = [$r, $name];
	}
	$to{$_} = $o{fds}{$_} for keys %{$o{fds} // {}};
	$to{$_} = undef for @{$o{closed} // []};
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		child_main(\%o, \%to);
		POSIX::_exit(126);
	}
	delete $reaped{$pid};
	$p{pid} = $pid;
	$p{argv} = $o{argv};
	return \%p;
}

sub feed ($p) {
	my $n = length $p->{feed} ? syswrite $p->{to}, $p->{feed}, 65536 : 0;
	if (defined $n) {
		substr $p->{feed}, 0, $n, '';
	} elsif ($! != EAGAIN && $! != EINTR) {
		$p->{feed} = '';
	}
	close delete $p->{to} if $p->{feed} eq '';
	return;
}

sub drain ($p, $handle) {
	my $n = sysread $handle, my $bytes, 1 << 16;
	my $name = $p->{readers}{fileno $handle}[1];
	if ($n) {
		$p->{$name} .= $bytes;
	} elsif (defined $n || ($! != EINTR && $! != EAGAIN)) {
		delete $p->{readers}{fileno $handle};
		close $handle;
	}
	return;
}

sub status_of ($pid) {
	return delete $reaped{$pid} if exists $reaped{$pid};
	return waitpid($pid, WNOHANG) == $pid ? $? : undef;
}

# Wait until it has ended and its output too: {status, out, err}; status is the raw wait status, or 'timeout' when
# it had to be killed after SECONDS, or 'output held' when others kept its output open so long.  AT_END is called
# between the two ends.
sub finish_process ($p, $seconds = DEADLINE, $at_end = undef) {
	my $end = now() + $seconds;
	my $pidfd = pidfd_open($p->{pid});
	while (!defined $p->{status} || %{$p->{readers}}) {
		my @readers = map { $_->[0] } values %{$p->{readers}};
		push @readers, $pidfd if defined $pidfd;
		my ($r, $w) = wait_ready($end - now(), \@readers, $p->{to} ? [$p->{to}] : []);
		feed($p) if @$w;
		drain($p, $_) for grep { ref } @$r;
		if (!defined $p->{status} && defined($p->{status} = status_of($p->{pid})) && defined $pidfd) {
			POSIX::close($pidfd);
			$pidfd = undef;
			$at_end->() if $at_end;
		}
		next if now() < $end;
		kill KILL => $p->{pid} if !defined $p->{status};
		$p->{status} = defined $p->{status} ? 'output held' : 'timeout';
		last;
	}
	POSIX::close($pidfd) if defined $pidfd;
	return {status => $p->{status}, out => $p->{out}, err => $p->{err}};
}

# spawn() and finish_process() in one; option deadline in seconds.
sub run_process (%o) {
	return finish_process(spawn(%o), $o{deadline} // DEADLINE);
}

1;
