# A terminal session under test: a shell, or any program, as the leader of a session of its own on a new
# pseudo-terminal; what we type, what is seen, and which processes are there.
package Prefork::Test::Terminal;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Prefork::Test::Process qw(now proc_stat process_gone pidfd_open reap_orphans wait_ready);

# ioctl(2) requests, and the size of struct termios.
use constant {
	TCGETS     => 0x5401,
	TCSETS     => 0x5402,
	TIOCGPGRP  => 0x540f,
	TIOCGWINSZ => 0x5413,
	TIOCSWINSZ => 0x5414,
	TERMIOS    => 36,
	ECHO       => 010,    # in c_lflag, its fourth word
};

use constant {
	POLL     => 0.005,    # seconds between two looks at what no descriptor tells
	PATIENCE => 15,       # seconds that whatever is waited for may take
};

# Start a session; nothing where the machine has no terminals.  Options: argv, environment ([NAME=value...]), cwd,
# rows, columns (24, 80).
sub new ($class, %o) {
	my ($master, $slave) = Prefork::Test::terminal() or return;
	my $self = bless {master => $master, output => '', position => 0}, $class;
	fcntl $master, F_SETFL, fcntl($master, F_GETFL, 0) | O_NONBLOCK;
	$self->resize($o{rows} // 24, $o{columns} // 80);
	my $p = Prefork::Test::start($o{argv}, Prefork::Test::on_terminal($slave), stdout => $slave, stderr => $slave,
		environment => $o{environment}, cwd => $o{cwd});
	$self->{leader} = $p->{pid};
	$self->{pidfd} = pidfd_open($p->{pid});
	return $self;
}

# The session's number: the process id of its leader.
sub leader ($self) { return $self->{leader} }

# What was seen so far behind this position, as bytes.
sub output ($self, $position = 0) {
	$self->pump(0);
	return substr $self->{output}, $position;
}

# Where what was expected last ends in the output.
sub position ($self) { return $self->{position} }

# ---- looking

# Take what is there to be seen, waiting for it no longer than SECONDS: false when nothing came.
sub pump ($self, $seconds) {
	my $master = $self->{master};
	if (!$master || $self->{ended}) {
		wait_ready($seconds, []) if $seconds > 0;
		return 0;
	}
	my ($ready) = wait_ready($seconds, [$master]);
	return 0 if !@$ready;
	my $n = sysread $master, $self->{output}, 65536, length $self->{output};
	# Nobody has the terminal open any more; it can be opened again by its name only.
	$self->{ended} = 1 if !defined $n && $!{EIO};
	return $n;
}

# Wait until CONDITION->() is true, with the terminal read meanwhile: its value, false after SECONDS.
sub wait_until ($self, $condition, $seconds = PATIENCE) {
	my $end = now() + $seconds;
	while (1) {
		reap_orphans();
		my $value = $condition->();
		return $value if $value || now() >= $end;
		$self->pump(POLL);
	}
}

# Wait until this text (or pattern) is seen behind what was expected before: true, or false after SECONDS.
sub expect ($self, $what, $seconds = PATIENCE) {
	my $pattern = ref $what ? $what : qr/\Q$what\E/;
	my $end = now() + $seconds;
	while (1) {
		pos($self->{output}) = $self->{position};
		if ($self->{output} =~ /$pattern/g) {
			$self->{position} = pos $self->{output};
			return 1;
		}
		return 0 if $self->{ended} || now() >= $end;
		$self->pump($end - now());
	}
}

# ---- typing

# Type these bytes.
sub type ($self, $bytes) {
	my $end = now() + PATIENCE;
	while (length $bytes && now() < $end) {
		my $n = syswrite $self->{master}, $bytes;
		substr $bytes, 0, $n, '' if $n;
		$self->pump($n ? 0 : POLL);
	}
	return !length $bytes;
}

sub resize ($self, $rows, $columns) {
	my $size = pack 'S4', $rows, $columns, 0, 0;
	return ioctl $self->{master}, TIOCSWINSZ, $size;
}

# Close our end, as a terminal's window that is closed does.
sub hangup ($self) {
	$self->pump(0);
	close delete $self->{master} if $self->{master};
	return;
}

# ---- the terminal's state

# The number of the foreground process group; nothing when there is none.
sub foreground ($self) {
	my $group = pack 'i', 0;
	$self->{master} && ioctl $self->{master}, TIOCGPGRP, $group or return;
	return unpack 'i', $group;
}

# The settings (struct termios), as hexadecimal digits; nothing after a hang-up.
sub settings ($self) {
	my $settings = "\0" x 256;
	$self->{master} && ioctl $self->{master}, TCGETS, $settings or return;
	return unpack 'H*', substr $settings, 0, TERMIOS;
}

sub set_settings ($self, $hex) {
	my $settings = pack 'H*', $hex // return;
	return $self->{master} && ioctl $self->{master}, TCSETS, $settings;
}

# Is what is typed shown?
sub echoes ($self) {
	my $flags = unpack 'x12 L', pack 'H*', $self->settings // return 0;
	return $flags & ECHO;
}

# ---- the session's processes

# The numbers of PID's children.
sub children ($pid) {
	return map { split ' ', Prefork::Test::read_file($_) // '' } glob "/proc/$pid/task/*/children";
}

# The numbers of all processes among which those of a session are.
sub candidates() {
	if (!-e "/proc/$$/task/$$/children") {
		opendir my $d, '/proc' or die "/proc: $!\n";
		return grep { /^\d+$/ } readdir $d;
	}
	# Orphans are our own children.
	my @all = children($$);
	for (my $n = 0; $n < @all; $n++) {
		push @all, children($all[$n]);
	}
	return @all;
}

# All processes of the session: {pid, name, state, parent, group} each.  One that is just about to become an orphan may be
# left out.
sub processes ($self) {
	my @found;
	for my $pid (candidates()) {
		my @stat = proc_stat($pid) or next;
		next if $stat[5] != $self->{leader};
		my %p;
		@p{qw(pid name state parent group)} = @stat;
		push @found, \%p;
	}
	return sort { $a->{pid} <=> $b->{pid} } @found;
}

sub switches ($pid) {
	open my $h, '<', "/proc/$pid/status" or return '';
	return join '', grep { /^voluntary_ctxt_switches/ } <$h>;
}

# What these processes are doing, as text, when each of them sleeps, is stopped or has ended; else nothing.
sub resting (@processes) {
	my $all = '.';
	for my $p (@processes) {
		return if $p->{state} eq 'R' || $p->{state} eq 'D';
		$all .= "$p->{pid} $p->{state} " . switches($p->{pid});
	}
	return $all;
}

# Wait until all processes wait for something, and go on waiting, and CONDITION->(their list) is true of them:
# true, or false after SECONDS.
sub asleep ($self, $condition = undef, $seconds = PATIENCE) {
	my $before = '';
	return $self->wait_until(sub {
		my @all = $self->processes;
		my $now = resting(@all) // '';
		my $same = length $now && $now eq $before && (!$condition || $condition->(@all));
		$before = $now;
		return $same;
	}, $seconds);
}

# Those of PROCESSES that belong to the leader's jobs and have not ended: all but itself, servers and their watchers.
sub of_jobs ($self, @processes) {
	return grep {
		$_->{pid} != $self->{leader} && $_->{state} ne 'Z' && $_->{name} !~ /^prefork-(?:server|watch)\z/
	} @processes;
}

# Wait until every process of a job is stopped.
sub stopped ($self) {
	return $self->asleep(sub (@all) {
		my @jobs = $self->of_jobs(@all);
		return @jobs && @jobs == grep { $_->{state} eq 'T' } @jobs;
	});
}

# Wait until there are jobs, and no process of them is stopped.
sub continued ($self) {
	return $self->asleep(sub (@all) {
		my @jobs = $self->of_jobs(@all);
		return @jobs && !grep { $_->{state} eq 'T' } @jobs;
	});
}

# Wait until there are no jobs.
sub finished ($self) {
	return $self->asleep(sub (@all) { return !$self->of_jobs(@all) });
}

# Wait until a job is in the foreground, and not stopped.
sub in_foreground ($self) {
	return $self->asleep(sub (@all) {
		my $group = $self->foreground // return 0;
		my @there = grep { $_->{group} == $group } @all;
		return @there && !grep { $_->{state} eq 'T' || $_->{pid} == $self->{leader} } @there;
	});
}

# Wait until the leader has ended: true, or false after SECONDS.
sub ended ($self, $seconds = PATIENCE) {
	my $end = now() + $seconds;
	while (defined $self->{pidfd} && now() < $end) {
		$self->pump(POLL);
		delete $self->{pidfd} if process_gone([$self->{pidfd}], 0);
	}
	1 while $self->pump(0);
	return !defined $self->{pidfd};
}

1;
