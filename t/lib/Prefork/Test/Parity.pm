# Parity cases: each is run by the plain interpreter and through prefork-interp, and all that a caller can see of the
# two is compared.  t/parity/README.md has the format of a case and what is compared.
package Prefork::Test::Parity;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use Prefork::Test;
use Prefork::Test::Case;
use Prefork::Test::Process qw(finish_process);
use Prefork::Test::Wire;

our @EXPORT = qw(parity_folder parity_folder_by parity_run);

use constant {
	WARM_RUNS   => 3,
	SETTLE_TIME => 10,     # seconds that a process has to go away, where the case says that none is left
	NOTED_LINES => 15,     # of what the plain run wrote, with prove -v
	SHOWN_LINES => 6,      # of a difference
	SHOWN_BYTES => 300,    # of a line
	NO_REASON   => '  no reason was given',
};

# ---- the place of a case

# A folder of its own for one case in one language, with a run directory that no other case has.
sub make_place ($case, $language) {
	state $count = 0;
	my $root = private_directory('case' . ++$count);
	my %place = (
		case        => $case,
		language    => $language,
		script      => "$root/" . script_name($language),
		work        => "$root/work",
		temporary   => "$root/tmp",
		run         => Prefork::Test::look_after("$root/run"),
		interpreter => interpreter_path($language),
		arguments   => $case->{scripts}{$language}{arguments},
		calls       => {},
	);
	mkdir $place{run}, 0700 or die "$place{run}: $!\n";
	for my $name (keys %{$case->{files}}) {
		make_path(dirname("$root/$name"));
		write_file("$root/$name", $case->{files}{$name}, $case->{files}{$name} =~ /^#!/ ? 0755 : 0644);
	}
	return \%place;
}

# Put the script there for a way of running it; CLIENT: none for the plain interpreter.
sub put_script ($place, $client) {
	my @words = ($place->{interpreter}, @{$place->{arguments}});
	# Of what follows the program the kernel makes one word.
	my @options = $place->{case}{unmarked} ? '--min-gain=-1' : ();
	my @line = $client ? ($client, @options, '--', @words) : @words > 2 ? ('/usr/bin/env', '-S', @words) : @words;
	write_file($place->{script}, "#!@line\n$place->{case}{scripts}{$place->{language}}{text}", 0755);
	return;
}

# ---- one run

# A file's content; a copy of the script looks like the plain one.
sub content ($path) {
	my $bytes = read_file($path) // 'unreadable';
	return $bytes =~ s{\A#!\S*/prefork-interp (?:--min-gain=-1 )?-- }{#!}r;
}

# What is below a folder: {name => "type mode" and content}.
sub snapshot ($folder, $below = '') {
	my %found;
	opendir my $d, "$folder$below" or return {};
	for my $name (grep { !/^\.\.?\z/ } readdir $d) {
		my $path = "$folder$below/$name";
		my @stat = lstat $path or next;
		my $content = -l _ ? readlink $path : -f _ ? content($path) : '';
		$found{"$below/$name"} = sprintf '%o %s', $stat[2], $content;
		%found = (%found, %{snapshot($folder, "$below/$name")}) if !-l $path && -d _;
	}
	return \%found;
}

# What the server at this socket says of itself: {pid, running, learning, served, idle (ms)}.  Nothing when it does not answer in
# SECONDS, as setup may be under way.
sub server_report ($path, $seconds = DEADLINE) {
	my $fields = wire_report($path, $seconds) or return;
	my %report;
	@report{qw(pid running learning)} = map { unpack 'N', $fields->{$_} } PID, RUNNING, LEARNING;
	@report{qw(served idle)} = map { unpack 'Q>', $fields->{$_} } SERVED, IDLE_MS;
	return \%report;
}

# Ask the servers of this place: {running, served {pid => calls}, taken {pid => calls served or running}}.  A call is
# counted before its caller hears of its end; one whose caller has gone early may take longer.  A server that does not
# answer is left out.
sub ask_servers ($place, $seconds = DEADLINE) {
	my %sum = (running => 0, served => {}, taken => {});
	for my $report (map { server_report($_, $seconds) } sockets($place->{run})) {
		$sum{running} += $report->{running};
		$sum{served}{$report->{pid}} = $report->{served};
		$sum{taken}{$report->{pid}} = $report->{served} + $report->{running};
	}
	return \%sum;
}

# Processes that the script has left: all but servers, their watchers, and SHELL.  Where the case says that some are
# left, each may have its client.
sub left_processes ($place, $shell) {
	my $ours = $place->{case}{left} ? qr/^prefork-(?:server|watch|interp)\z/ : qr/^prefork-(?:server|watch)\z/;
	return grep { $_->{name} !~ $ours && $_->{pid} != $shell && $_->{state} ne 'Z' } descendants();
}

# How many executors of a server have ended and are kept: not counted yet, as their caller has gone, for the grace
# time.
sub kept_executors ($server) {
	my $children = read_file("/proc/$server/task/$server/children");
	my @states = map { (proc_stat($_))[2] // '' } split ' ', $children // '';
	@states = map { $_->{state} } grep { $_->{parent} == $server } descendants() if !defined $children;
	return scalar grep { $_ eq 'Z' } @states;
}

# Calls of each server so far, once none runs: {pid => number}.
sub count_calls ($place) {
	my ($served, %kept);
	wait_for(sub {
		my $before = ask_servers($place)->{served};
		%kept = map { $_ => kept_executors($_) } keys %$before;
		my $report = ask_servers($place);
		$served = $report->{served};
		return !$report->{running} && !grep { $served->{$_} != ($before->{$_} // -1) } keys %$served;
	}, SETTLE_TIME);
	return {map { $_ => $served->{$_} + ($kept{$_} // 0) } keys %$served};
}

# How many calls were served since the last run; servers that have come and gone are not known any more.
sub growth ($place) {
	my $before = $place->{calls};
	my $after = $place->{calls} = count_calls($place);
	my $sum = 0;
	$sum += $after->{$_} - ($before->{$_} // 0) for keys %$after;
	return $sum;
}

# Wait until as many are left, besides SHELL, as the case says, and are asleep: not about to become another program.
# Their names, and an end to them.
sub settle ($place, $shell = 0) {
	my @left;
	wait_for(sub {
		@left = left_processes($place, $shell);
		return @left == $place->{case}{left} && !grep { $_->{state} !~ /[ST]/ } @left;
	}, SETTLE_TIME);
	my @pidfds = map { pidfd_open($_->{pid}) } @left;
	kill KILL => map { $_->{pid} } @left;
	process_gone(\@pidfds);
	return join "\n", sort map { $_->{name} } @left;
}

sub mask ($case, $text) {
	$text =~ s/$_/<masked>/g for @{$case->{mask}};
	# bash tells of a child that a signal has ended, with its number, in a column.
	$text =~ s/^((?:\S*\/)?bash: line \d+:) +\d+ /$1 <pid> /mg;
	return $text;
}

# What is different in the environment of a case, as NAME => value.
sub environment ($place) {
	return (
		PATH                  => source_path('t/parity/bin') . ":$ENV{PATH}",
		PYTHONPATH            => undef,
		PERL5LIB              => undef,
		TCLLIBPATH            => undef,
		PREFORK_INTERP_DEBUG  => undef,
		PREFORK_INTERP_RUNDIR => $place->{run},
		TMPDIR                => $place->{temporary},
		SCRIPT                => $place->{script},
		LANGUAGE_INTERPRETER  => $place->{interpreter},
	);
}

# Run the case's line once: {status, stdout, stderr, files, left, served}.
sub run_once ($place, %changes) {
	my $case = $place->{case};
	for my $folder (@{$place}{qw(work temporary)}) {
		remove_tree($folder);
		mkdir $folder or die "$folder: $!\n";
	}
	my $process = start(
		['bash', '-c', $case->{run}, 'bash', $place->{script}],
		program => '/bin/bash',
		cwd     => $place->{work},
		stdin   => $case->{stdin},
		env     => {environment($place), %changes},
	);
	my $left;
	my $r = finish_process($process, DEADLINE, $case->{left} ? sub { $left = settle($place) } : undef);
	$left //= settle($place);
	return {
		status => $r->{status},
		stdout => mask($case, $r->{out}),
		stderr => mask($case, $r->{err}),
		files  => snapshot($place->{work}),
		left   => $left,
		served => growth($place),
	};
}

# ---- comparing

sub show ($bytes) {
	$bytes = substr($bytes, 0, SHOWN_BYTES) . '...' if length $bytes > SHOWN_BYTES;
	return $bytes =~ s/([^\t -~])/sprintf '\\x%02x', ord $1/ger;
}

sub show_all ($bytes) {
	my @lines = split /(?<=\n)/, $bytes;
	splice @lines, NOTED_LINES, -1, "...\n" if @lines > NOTED_LINES;
	return join "\n", (map { show($_) } @lines), '';
}

# Where two texts begin to differ.
sub show_texts ($what, $got, $expected) {
	return "$what: $got, expected $expected" if "$got$expected" !~ /\D/;
	my @got = split /(?<=\n)/, $got;
	my @expected = split /(?<=\n)/, $expected;
	my $n = 0;
	$n++ while $n < @got && $n < @expected && $got[$n] eq $expected[$n];
	my @lines = ("$what differs in line " . ($n + 1));
	for my $side (['expected', \@expected], ['got     ', \@got]) {
		my ($name, $text) = @$side;
		my $end = $n + SHOWN_LINES > @$text ? $#{$text} : $n + SHOWN_LINES - 1;
		push @lines, map { "  $name: $_" } $n > $#{$text} ? '(end)' : map { show($_) } @{$text}[$n .. $end];
	}
	return @lines;
}

# The lines that tell where two results differ.
sub compare ($got, $expected, @parts) {
	my @wrong;
	for my $part (@parts ? @parts : qw(status stdout stderr left)) {
		push @wrong, show_texts($part, $got->{$part}, $expected->{$part}) if $got->{$part} ne $expected->{$part};
	}
	my %names = map { $_ => 1 } keys %{$got->{files}}, keys %{$expected->{files}};
	for my $name (sort keys %names) {
		my ($g, $e) = map { $_->{files}{$name} // 'none' } $got, $expected;
		push @wrong, show_texts("file $name (mode and content)", $g, $e) if $g ne $e;
	}
	return @wrong;
}

# Why a run was plain: what prefork-interp says when it is asked.
sub reasons ($place) {
	my $r = run_once($place, PREFORK_INTERP_DEBUG => 1);
	my @reasons = $r->{stderr} =~ /^(prefork-interp: .*)$/mg;
	return @reasons ? map { "  $_" } @reasons : NO_REASON;
}

# What is compared with the plain interpreter: PARITY_CLIENT=plain makes it the plain interpreter again.
sub compared_client() { return ($ENV{PARITY_CLIENT} // '') eq 'plain' ? undef : client_path() }

# Run a case in all ways: a list of lines that tell the first differences, empty where there are none.  CLIENT: the
# program to compare with the plain interpreter; undef for another plain interpreter.
sub parity_run ($case, $language, $client = compared_client()) {
	my $place = make_place($case, $language);
	put_script($place, undef);
	my $plain = run_once($place);
	note("status $plain->{status}\n", map { "$_: " . show_all($plain->{$_}) } qw(stdout stderr));
	my @wrong = compare(run_once($place), $plain);
	return ('two plain runs differ: the case is not deterministic', @wrong) if @wrong;
	return "the plain run did not end: $plain->{status}" if $plain->{status} =~ /\D/;
	my $count = $plain->{left} =~ tr/\n// + length($plain->{left} && 1);
	return ("the plain run leaves $count processes, the case says left: $case->{left}", $plain->{left})
		if $count != $case->{left};

	put_script($place, $client);
	for my $run ('cold', map { "warm $_" } 1 .. WARM_RUNS) {
		my $r = run_once($place);
		@wrong = compare($r, $plain);
		my $expected = $client ? $case->{served}{$language} : 0;
		if ($expected ne '?' && $r->{served} != $expected) {
			my @reasons = reasons($place);
			# A server that has been improved goes on with the number of calls that there were when that began.
			push @wrong, "a server has served $r->{served} calls, expected $expected", @reasons
				if !($case->{unmarked} && $reasons[0] eq NO_REASON);
		}
		return ("$run run:", @wrong) if @wrong;
		wait_until_learned($place) if $case->{unmarked};
	}
	quiet_down();
	return;
}

# Until the servers have loaded what this run has told them.
sub wait_until_learned ($place) {
	wait_for(sub { !grep { $_->{learning} } map { server_report($_) } sockets($place->{run}) }, SETTLE_TIME);
	$place->{calls} = count_calls($place);
	return;
}

# ---- a test file

# How many cases there are of each kind, here, and in the table that `make check` shows at its end.
sub write_counts ($folder, $count) {
	my $rows = '';
	for my $language (sort keys %$count) {
		my @row = ($folder, $language, map { $count->{$language}{$_} // 0 } qw(identical different exceptions));
		diag(sprintf '%s in %s: %d identical, %d different, %d known exceptions', @row);
		$rows .= "@row\n";
	}
	my $table = $ENV{PREFORK_PARITY_TABLE} or return;
	open my $h, '>>', $table or die "$table: $!\n";
	print {$h} $rows;
	close $h or die "$table: $!\n";
	return;
}

# Test the cases of a folder in each of these languages, and say how many are identical.
sub parity_folder ($folder, @languages) {
	return parity_folder_by(\&parity_run, $folder, @languages);
}

# The same, with RUN->(case, language) in place of parity_run().
sub parity_folder_by ($run, $folder, @languages) {
	my $exceptions = compared_client() ? parity_exceptions() : {};
	my %count;
	for my $case (parity_cases($folder)) {
		for my $language (grep { $case->{scripts}{$_} } @languages) {
			my @wrong = $run->($case, $language);
			my $reason = $exceptions->{"$case->{name} $language"};
			my $name = "$case->{name} ($language)";
			quiet_down() if @wrong;
			$count{$language}{defined $reason ? 'exceptions' : @wrong ? 'different' : 'identical'}++;
			if (defined $reason) {
				ok(scalar @wrong, "$name: a known exception") or diag('it is identical: take it out of docs/parity.md');
			} elsif (!ok(!@wrong, $name)) {
				diag($case->{about} // '');
				diag($_) for @wrong;
			}
		}
	}
	write_counts($folder, \%count);
	ok(1, 'no case is asked for') if !%count;
	return;
}

1;
