# Playing a terminal case: its steps typed into a shell's session, and what came of it.  See t/parity/README.md.
package Prefork::Test::Play;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use Fcntl qw(O_NONBLOCK O_WRONLY);
use POSIX qw(mkfifo);
use Prefork::Test::Process qw(descendants proc_stat wait_for DEADLINE);
use Prefork::Test::Terminal;
use Prefork::Test::Wire;

our @EXPORT = qw(play_case server_reports);

use constant PROMPT => 'ok> ';
use constant SETTLE => 5;    # seconds in which processes that are to go have gone

# What stands in the place of @boundary.
my %BOUNDARY = (
	perl   => 'BEGIN { require Proc::Prefork::Interp if exists $ENV{PREFORK_INTERP} } '
		. 'Proc::Prefork::Interp::prefork_initialisation_complete() '
		. 'if defined &Proc::Prefork::Interp::prefork_initialisation_complete;',
	python => 'import os; "PREFORK_INTERP" in os.environ and __import__("prefork_interp").initialisation_complete()',
	tcl    => 'if {[info exists env(PREFORK_INTERP)]} '
		. '{package require prefork_interp; prefork_interp::initialisation_complete}',
);

# A case's shell, by name: its command line, without the script.
my %SHELL = (
	bash => ['/bin/bash', qw(--norc --noprofile --noediting +o history +H -i -s)],
	dash => ['/bin/dash', qw(-i -s)],
);

my %KEY = (
	'^C' => "\x03", '^D' => "\x04", '^Z' => "\x1a", '^\\' => "\x1c", '^A' => "\x01", '^E' => "\x05", '^K' => "\x0b",
	'^U' => "\x15", return => "\r", tab => "\t", backspace => "\x7f", escape => "\e",
	up => "\e[A", down => "\e[B", right => "\e[C", left => "\e[D",
);

# What each step does, with the play and the rest of the step's line: false where what it waits for does not come.
my %STEP = (
	q{$}      => \&type_line,
	type      => sub ($play, $text) { typed($play, unescape($text)) },
	key       => sub ($play, $key) { typed($play, $KEY{$key} // die "no key $key\n") },
	expect    => sub ($play, $text) { $play->{terminal}->expect(unescape($text)) },
	ready     => sub ($play, $) { $play->{terminal}->expect('ready') && $play->{terminal}->asleep },
	asleep    => sub ($play, $) { $play->{terminal}->asleep },
	stopped   => sub ($play, $) { $play->{terminal}->stopped },
	finished  => sub ($play, $) { $play->{terminal}->finished },
	open      => \&open_fifo,
	continued => sub ($play, $) { $play->{terminal}->continued },
	foreground => sub ($play, $) { $play->{terminal}->in_foreground },
	file      => sub ($play, $name) { $play->{terminal}->wait_until(sub { -s "$play->{folder}/$name" }) },
	gone      => \&wait_until_gone,
	resize    => sub ($play, $size) { $play->{terminal}->resize(split ' ', $size) },
	hangup    => sub ($play, $) { $play->{terminal}->hangup; 1 },
	end       => sub ($play, $) { $play->{terminal}->ended },
);

# ---- what a case says

# The steps of a case's `type:` as [verb, rest] each.
sub parse_steps ($text) {
	my @steps;
	for my $line (grep { /\S/ } split /\n/, $text) {
		my ($verb, $rest) = $line =~ /^\s*(\S+) ?(.*)$/;
		die "no step $verb\n" if !$STEP{$verb};
		push @steps, [$verb, $rest];
	}
	return \@steps;
}

sub unescape ($text) {
	my %letter = (n => "\n", r => "\r", t => "\t", e => "\e", '\\' => '\\');
	return $text =~ s/\\(?:x([[:xdigit:]]{2})|([nrte\\]))/defined $1 ? chr hex $1 : $letter{$2}/ger;
}

# Read a case: {name, shell, type (steps), ends, left (names), served, warm, mask ([...]), script ({language => text})}.
sub read_case ($path) {
	my ($name) = $path =~ m{([^/]+)\.case\z};
	my %case = (name => $name, shell => 'bash', left => '', served => 1, mask => [], type => '',
		warm => '"$@" </dev/null >/dev/null 2>&1');
	my ($head, @sections) = split /^--- *(\w+)\n/m, Prefork::Test::read_file($path) // die "$path: $!\n";
	my $key;
	for my $line (grep { !/^#/ && /\S/ } split /\n/, $head) {
		if ($line =~ /^(\w+):\s*(.*)/) {
			$key = $1;
			exists $case{$key} or die "$path: no key $key\n";
			ref $case{$key} ? push(@{$case{$key}}, $2) : ($case{$key} = $2);
		} else {
			$case{$key} .= "\n$line";
		}
	}
	$case{script} = {@sections};
	$case{type} = parse_steps($case{type});
	$case{ends} = grep { $_->[0] eq 'hangup' || $_->[0] eq 'end' } @{$case{type}};
	return \%case;
}

# ---- the session

# Start the shell SHELL with SCRIPT as its "$1": a play, at the first prompt.  FOLDER is where it works.
sub play_open ($shell, $script, $folder, %env) {
	my $terminal = Prefork::Test::Terminal->new(
		argv        => [@{$SHELL{$shell} // die "no shell $shell\n"}, $script],
		environment => Prefork::Test::environment_list(PS1 => PROMPT, TERM => 'xterm', HISTFILE => undef,
			SCRIPT => $script, %env),
		cwd => $folder,
	) or return;
	my $play = {terminal => $terminal, folder => $folder, at_prompt => 0, served => 0};
	at_prompt($play) or die "$shell shows no prompt\n";
	return $play;
}

# The prompt is seen; it is, until something is typed.
sub at_prompt ($play) {
	$play->{at_prompt} ||= $play->{terminal}->expect(PROMPT);
	return $play->{at_prompt};
}

sub typed ($play, $bytes) {
	$play->{at_prompt} = 0;
	return $play->{terminal}->type($bytes);
}

# Let go whoever waits to read from this FIFO.
sub open_fifo ($play, $name) {
	return $play->{terminal}->wait_until(sub {
		sysopen my $h, "$play->{folder}/$name", O_WRONLY | O_NONBLOCK or return;
		return close $h;
	});
}

# Type a command line at the prompt.  When its echo is there the shell has it.
sub type_line ($play, $line) {
	at_prompt($play) && typed($play, "$line\n") or return 0;
	return !$play->{terminal}->echoes || $play->{terminal}->expect("$line\r\n");
}

sub wait_until_gone ($play, $name) {
	my $pid = Prefork::Test::read_file("$play->{folder}/$name") // return 0;
	$pid += 0;
	return $play->{terminal}->wait_until(sub {
		my @stat = proc_stat($pid);
		return !@stat || $stat[2] eq 'Z';
	});
}

# Play STEPS (of play_parse()); without ENDS the shell lives on, and its prompt is waited for at the end.
# {seen, wrong (what did not come, or undef), settings (of the terminal, before they are put back)}
sub play_steps ($play, $steps, $ends) {
	my $terminal = $play->{terminal};
	my $from = $terminal->{position};
	my $settings = $terminal->settings;
	my $wrong;
	for my $n (0 .. $#$steps) {
		my ($verb, $rest) = @{$steps->[$n]};
		count_served($play);
		next if $STEP{$verb}->($play, $rest);
		$wrong = 'step ' . ($n + 1) . ": $verb $rest";
		last;
	}
	$wrong = 'the prompt' if !$ends && !$wrong && !at_prompt($play);
	my %result = (
		seen     => normalised(substr $terminal->output, $from),
		wrong    => $wrong,
		settings => $ends ? '' : $terminal->settings,
	);
	$terminal->set_settings($settings) if !$ends;
	kill KILL => $terminal->leader if $wrong;
	return \%result;
}

# The shell leaves, where it is still there, and the terminal is closed.
sub play_close ($play) {
	my $terminal = $play->{terminal};
	typed($play, "exit\n") if $play->{at_prompt};
	$terminal->ended if $play->{at_prompt};
	$terminal->hangup;
	return;
}

# Line ends as programs write them; process numbers are nobody's promise; where the echo of a control character comes
# among what the signal's receiver writes is the kernel's choice.
sub normalised ($text) {
	$text =~ s/\r\n/\n/g;
	$text =~ s/\^[CZ\\]//g;
	$text =~ s/^(\[\d+\]) \d+$/$1 <pid>/gm;
	$text =~ s/(line \d+: +)\d+ /$1<pid> /g;
	return $text;
}

# ---- servers

# What each server in the run directory says of itself: {pid, running, served}.
sub server_reports() {
	my @reports;
	for my $path (Prefork::Test::sockets()) {
		my $s = wire_connect($path) or next;
		wire_read_greeting($s) or next;
		wire_send($s, wire_message(CONTROL, VERB, wire_u32(1))) or next;
		my $m = wire_read_message($s);
		next if !$m || $m->{type} != REPORT;
		push @reports, {
			pid     => unpack('N', $m->{fields}{+PID}),
			running => unpack('N', $m->{fields}{+RUNNING}),
			served  => unpack('Q>', $m->{fields}{+SERVED}),
		};
	}
	return @reports;
}

# How many calls servers have taken at most: after some steps there is nobody to ask.
sub count_served ($play) {
	my $n = 0;
	$n += $_->{running} + $_->{served} for server_reports();
	$play->{served} = $n if $n > $play->{served};
	return $play->{served};
}

# ---- what is left

# Processes of ours that are neither the shell nor a server's.
sub left_over ($play) {
	my %server = map { $_->{pid} => 1 } server_reports();
	return grep {
		$_->{pid} != $play->{terminal}->leader && !$server{$_->{pid}} && $_->{name} !~ /^prefork-(?:launch|watch)\z/
	} descendants();
}

# Wait for exactly these (names, in order, separated by blanks) to be left: the names; ends them.
sub settle ($play, $names) {
	my @left;
	$play->{terminal}->wait_until(sub {
		@left = left_over($play);
		return $names eq join ' ', sort map { $_->{name} } @left;
	}, SETTLE);
	for my $p (@left) {
		kill KILL => $p->{pid};
	}
	$play->{terminal}->wait_until(sub { !left_over($play) });
	return join ' ', sort map { $_->{name} } @left;
}

# ---- a case

# The lines of FOLDER's files: name, mode, what is in it.
sub files ($folder) {
	my @lines;
	for my $path (sort grep { !-p } glob "$folder/*") {
		my ($name) = $path =~ m{([^/]+)\z};
		next if $name =~ /\.pid\z/;
		push @lines, sprintf "%s %o: %s", $name, (stat $path)[2], Prefork::Test::read_file($path);
	}
	return join '', @lines;
}

# Each play begins with these FIFOs, to wait for us.
sub prepare ($folder) {
	unlink glob "$folder/*";
	mkfifo("$folder/$_", 0600) for qw(gate end);
	return;
}

sub one_play ($case, $play) {
	my $before = count_served($play);
	prepare($play->{folder});
	my $result = play_steps($play, $case->{type}, $case->{ends});
	$result->{left} = settle($play, $case->{left});
	$result->{files} = files($play->{folder});
	$result->{served} = count_served($play) - $before;
	return $result;
}

# Play the case COUNT times with the script as it is now: the results.
sub plays ($case, $script, $folder, $way, $count) {
	my (@results, $play);
	for my $n (1 .. $count) {
		prepare($folder);
		$play //= play_open($case->{shell}, $script, $folder) or return;
		if ($way eq 'ours' && $case->{ends} && $n > 1) {
			$STEP{q{$}}->($play, $case->{warm}) && at_prompt($play);
		}
		push @results, one_play($case, $play);
		last if $results[-1]{wrong};
		if ($case->{ends}) {
			play_close($play);
			$results[-1]{left} .= servers_left();
			$play = undef;
		}
	}
	if ($play) {
		play_close($play);
		$results[-1]{left} .= servers_left();
	}
	return @results;
}

# With its terminal a server goes.
sub servers_left() {
	return '' if wait_for(sub { !descendants() }, SETTLE);
	my $left = ' and ' . join ', ', map { "$_->{name} ($_->{command})" } descendants();
	Prefork::Test::quiet_down();
	return $left;
}

# Where two texts part: the lines before that, and one line of each.
sub first_difference ($got, $expected) {
	my @got = split /^/, $got;
	my @expected = split /^/, $expected;
	my $n = 0;
	$n++ while $n < @got && $n < @expected && $got[$n] eq $expected[$n];
	my $from = $n > 3 ? $n - 3 : 0;
	return map { Prefork::Test::shown($_) =~ s/\n?\z/\n/r } (map { "  $_" } @got[$from .. $n - 1]),
		'- ' . ($expected[$n] // '(end)'), '+ ' . ($got[$n] // '(end)');
}

sub differences ($got, $expected) {
	my @lines;
	for my $part (qw(wrong seen settings files left)) {
		my ($g, $e) = ($got->{$part} // '', $expected->{$part} // '');
		push @lines, map { "$part: $_" } first_difference($g, $e) if $g ne $e;
	}
	return @lines;
}

sub write_script ($case, $language, $path, $line) {
	my $text = $case->{script}{$language};
	$text =~ s/^\@boundary$/$BOUNDARY{$language}/m or $text = "$BOUNDARY{$language}\n$text";
	Prefork::Test::write_file($path, "#!$line\n$text", 0755);
	return $path;
}

# Play the case at PATH in all its languages.
sub play_case ($path) {
	my $case = read_case($path);
	for my $language (grep { $case->{script}{$_} } Prefork::Test::languages()) {
		my $name = "$case->{name} $language";
		my $folder = Prefork::Test::private_directory("terminal-$case->{name}-$language");
		my $work = Prefork::Test::private_directory("terminal-$case->{name}-$language/work");
		my $interpreter = Prefork::Test::interpreter_path($language);
		my $client = Prefork::Test::client_path() . ' -- ';
		$client = '' if $ENV{PREFORK_PARITY_PLAIN};
		my $script = write_script($case, $language, "$folder/script", $interpreter);
		my @plain = plays($case, $script, $work, 'plain', 2);
		write_script($case, $language, $script, "$client$interpreter");
		my @ours = plays($case, $script, $work, 'ours', 3);
		my @wrong = $plain[0]{wrong} ? ("plain: does not get as far as $plain[0]{wrong}\n",
			"seen: '" . Prefork::Test::shown($plain[0]{seen}), "'\n") : ();
		push @wrong, "plain: left is '$plain[0]{left}'\n" if $plain[0]{left} ne $case->{left};
		my @names = ('plain, again', 'cold', 'warm', 'warm, again');
		for my $result ($plain[1], @ours) {
			my $which = shift @names;
			push @wrong, "$which: $result->{served} calls were served, not $case->{served}\n"
				if $result->{served} != ($which =~ /^plain/ || !$client ? 0 : $case->{served});
			push @wrong, map { "$which: $_" } join '', differences($result, $plain[0]);
			pop @wrong if $wrong[-1] eq "$which: ";
		}
		Test::More::ok(!@wrong, $name);
		Test::More::diag(@wrong) if @wrong;
		Test::More::note(Prefork::Test::shown($plain[0]{seen}), "\n", $plain[0]{files});
	}
	return;
}

1;
