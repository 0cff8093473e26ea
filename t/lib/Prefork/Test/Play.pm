# Terminal cases: the steps of a case are typed into a shell on a pseudo-terminal, in a session with the plain interpreter
# and in others with prefork-interp.  t/parity/README.md has the steps and what is compared.
package Prefork::Test::Play;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use Fcntl qw(O_NONBLOCK O_WRONLY);
use List::Util qw(sum0);
use POSIX qw(mkfifo);
use Prefork::Test;
use Prefork::Test::Case;
use Prefork::Test::Parity;
use Prefork::Test::Terminal;

our @EXPORT = qw(play_run);

use constant {
	PROMPT      => 'ok> ',
	OUR_PLAYS   => 3,     # the first of them without a server
	SETTLE_TIME => 5,     # seconds in which what is to go has gone
	ASKING_TIME => 0.2,   # seconds in which a server that is there answers
};

# A case's shell, by name: its command line, to which the script is added.
my %SHELL = (
	bash  => [qw(/bin/bash --norc --noprofile --noediting +o history +H -i -s)],
	login => [qw(/bin/bash --login --norc --noprofile --noediting +o history +H -i -s)],
	dash  => [qw(/bin/dash -i -s)],
);

my %KEY = (
	'^A' => "\x01", '^C' => "\x03", '^D' => "\x04", '^E' => "\x05", '^K' => "\x0b", '^U' => "\x15", '^V' => "\x16",
	'^Z' => "\x1a", '^\\' => "\x1c", return => "\r", tab => "\t", backspace => "\x7f", escape => "\e",
	up => "\e[A", down => "\e[B", right => "\e[C", left => "\e[D",
);

# What each step does, with the play and the rest of the step's line: false where what it waits for does not come.
my %STEP = (
	q{$}       => \&type_line,
	type       => sub ($play, $text) { typed($play, unescape($text)) },
	key        => sub ($play, $key) { typed($play, $KEY{$key} // die "no key $key\n") },
	expect     => sub ($play, $text) { $play->{terminal}->expect(unescape($text)) },
	ready      => sub ($play, $) { $play->{terminal}->expect('ready') && $play->{terminal}->asleep },
	asleep     => sub ($play, $) { $play->{terminal}->asleep },
	stopped    => sub ($play, $) { $play->{terminal}->stopped },
	continued  => sub ($play, $) { $play->{terminal}->continued },
	finished   => sub ($play, $) { $play->{terminal}->finished },
	foreground => sub ($play, $) { $play->{terminal}->in_foreground },
	file       => sub ($play, $name) { $play->{terminal}->wait_until(sub { -s in_work($play, $name) }) },
	gone       => \&wait_until_gone,
	open       => \&open_fifo,
	again      => \&tell_survivor,
	resize     => sub ($play, $size) { $play->{terminal}->resize(split ' ', $size) },
	hangup     => sub ($play, $) { $play->{terminal}->hangup; 1 },
	end        => sub ($play, $) { $play->{terminal}->ended },
);

# The steps that a case's `type:` lists, as [verb, rest] each.
sub parse_steps ($case) {
	my @steps;
	for my $line (grep { /\S/ } split /\n/, $case->{type}) {
		my ($verb, $rest) = $line =~ /^\s*(\S+) ?(.*)$/;
		die "$case->{path}: no step $verb\n" if !$STEP{$verb};
		push @steps, [$verb, $rest];
	}
	return @steps;
}

# Does the shell end in this case?  Then each play has a session of its own.
sub ends ($case) { return scalar grep { $_->[0] eq 'hangup' || $_->[0] eq 'end' } parse_steps($case) }

# ---- steps

sub in_work ($play, $name) { return "$play->{place}{work}/$name" }

# The prompt is seen; it is, until something is typed.
sub at_prompt ($play) {
	$play->{at_prompt} ||= $play->{terminal}->expect(PROMPT);
	return $play->{at_prompt};
}

sub typed ($play, $bytes) {
	$play->{at_prompt} = 0;
	return $play->{terminal}->type($bytes);
}

# Type a command line at the prompt.  When its echo is there the shell has it.
sub type_line ($play, $line) {
	at_prompt($play) && typed($play, "$line\n") or return 0;
	return !$play->{terminal}->echoes || $play->{terminal}->expect("$line\r\n");
}

# Let go whoever waits to read from this FIFO.
sub open_fifo ($play, $name) {
	return $play->{terminal}->wait_until(sub {
		sysopen my $h, in_work($play, $name), O_WRONLY | O_NONBLOCK or return;
		return close $h;
	});
}

# The process that has written the file NAME is no more.
sub wait_until_gone ($play, $name) {
	my $pid = read_file(in_work($play, $name)) // return 0;
	$pid += 0;
	return $play->{terminal}->wait_until(sub {
		my @stat = proc_stat($pid);
		return !@stat || $stat[2] eq 'Z';
	});
}

# Does the process that has written NAME.pid still act, namely write the file NAME when it gets SIGUSR1?
sub tell_survivor ($play, $name) {
	kill USR1 => read_file(in_work($play, "$name.pid")) // return 0;
	return $play->{terminal}->wait_until(sub { -s in_work($play, $name) });
}

# ---- a session

# Start the case's shell: a play, at its first prompt.
sub open_play ($place) {
	my $case = $place->{case};
	my $terminal = Prefork::Test::Terminal->new(
		argv        => [@{$SHELL{$case->{shell}} // die "$case->{path}: no shell $case->{shell}\n"}, $place->{script}],
		environment => environment_list(
			Prefork::Test::Parity::environment($place),
			PS1                  => PROMPT,
			TERM                 => 'xterm',
			PREFORK_INTERP_DEBUG => $case->{served}{$place->{language}} ? 1 : undef,
		),
		cwd => $place->{work},
	) or return;
	my $play = {terminal => $terminal, place => $place, at_prompt => 0, taken => {}};
	at_prompt($play) or die "$case->{shell} shows no prompt\n";
	return $play;
}

# An empty folder, with the FIFOs that each play has to wait for us.
sub prepare ($folder) {
	system 'find', $folder, '-mindepth', '1', '-delete';
	mkfifo("$folder/$_", 0600) for qw(gate end);
	return;
}

# How many calls servers have taken so far.  Asked for again and again, as after some steps there is nobody to ask.
sub count_served ($play, $seconds = DEADLINE) {
	my $now = Prefork::Test::Parity::ask_servers($play->{place}, $seconds)->{taken};
	my $taken = $play->{taken};
	for my $socket (keys %$now) {
		$taken->{$socket} = $now->{$socket} if $now->{$socket} > ($taken->{$socket} // 0);
	}
	return sum0(values %$taken);
}

# Line ends as programs write them; process numbers are nobody's promise; where the echo of a control character comes
# among what the signal's receiver writes is the kernel's choice.
sub normalised ($case, $text) {
	$text =~ s/\r\n/\n/g;
	$text =~ s/\^[CZ\\]//g;
	$text =~ s/^(\[\d+\]) \d+$/$1 <pid>/gm;
	return Prefork::Test::Parity::mask($case, $text);
}

# Type the case's steps: {failed (the step that did not come true, or ''), seen, settings (of the terminal, which are then
# put back)}.
sub type_steps ($play, $case) {
	my $terminal = $play->{terminal};
	my $from = $terminal->position;
	my $settings = $terminal->settings;
	my $failed = '';
	for my $step (parse_steps($case)) {
		my ($verb, $rest) = @$step;
		count_served($play, ASKING_TIME);
		next if $STEP{$verb}->($play, $rest);
		$failed = "$verb $rest\n";
		last;
	}
	$failed = "the prompt\n" if !$failed && !ends($case) && !at_prompt($play);
	my %result = (
		failed   => $failed,
		seen     => normalised($case, $terminal->output($from)),
		settings => ends($case) ? '' : $terminal->settings,
	);
	$terminal->set_settings($settings);
	kill KILL => $terminal->leader if $failed;
	return \%result;
}

sub one_play ($play) {
	my $place = $play->{place};
	my $before = count_served($play);
	prepare($place->{work});
	my $result = type_steps($play, $place->{case});
	$result->{left} = Prefork::Test::Parity::settle($place, $play->{terminal}->leader);
	$result->{served} = count_served($play) - $before;
	$result->{files} = Prefork::Test::Parity::snapshot($place->{work});
	delete @{$result->{files}}{grep { /\.pid\z/ } keys %{$result->{files}}};
	return $result;
}

# What is there of the session; a daemon is not.
sub left_of_session() {
	my @all = descendants();
	my $daemons = grep { $_->{name} eq 'prefork-server' && $_->{session} == $_->{pid} } @all;
	# Each has its watcher.
	return @all == 2 * $daemons ? () : @all;
}

# The shell leaves, where it is still there, and the terminal is closed: what is left then, after a time; with the
# terminal a server goes.
sub close_play ($play) {
	my $terminal = $play->{terminal};
	if ($play->{at_prompt}) {
		# It leaves at the first if there are no stopped jobs.
		typed($play, "exit\nexit\n");
		$terminal->ended;
	}
	$terminal->hangup;
	my @pidfds = map { pidfd_open($_->{pid}) } left_of_session();
	my $gone = process_gone(\@pidfds, SETTLE_TIME) && wait_for(sub { !left_of_session() }, SETTLE_TIME);
	my @left = $gone ? () : map { "$_->{name}: $_->{command}\n" } left_of_session();
	quiet_down();
	return '' if $gone;
	return join '', "left by the session:\n", @left;
}

# Play the case COUNT times, or until a play differs from PLAIN (undef for a plain play itself): the results.  A session
# that is a play's own begins with a call before the case's, except the first.
sub plays ($place, $count, $plain = undef) {
	my $case = $place->{case};
	my ($play, @results);
	for my $n (1 .. $count) {
		if (!$play) {
			prepare($place->{work});
			$play = open_play($place) or return;
			type_line($play, $case->{warm}) && at_prompt($play) if $n > 1 && $case->{warm} ne 'no';
		}
		push @results, one_play($play);
		my $done = $results[-1]{failed} || ($plain && compare($results[-1], $plain));
		next if !$done && !ends($case) && $n < $count;
		$results[-1]{left} .= close_play($play);
		$play = undef;
		last if $done;
	}
	return @results;
}

# ---- a case

sub compare ($got, $expected) {
	return Prefork::Test::Parity::compare($got, $expected, qw(failed seen settings left));
}

# Play a case in all ways: a list of lines that tell the first differences, empty where there are none.  CLIENT: as for
# parity_run().
sub play_run ($case, $language, $client = Prefork::Test::Parity::compared_client()) {
	my $place = Prefork::Test::Parity::make_place($case, $language);
	mkdir $place->{$_} for qw(work temporary);
	my $plain = plain_play($place) // return;    # no terminal, which was said
	return ("a plain play does not get past: $plain->{failed}", split /^/, $plain->{seen}) if $plain->{failed};
	my $count = $plain->{left} =~ tr/\n// + length($plain->{left} && 1);
	return ("the plain play leaves $count processes, the case says left: $case->{left}", $plain->{left})
		if $count != $case->{left};

	Prefork::Test::Parity::put_script($place, $client);
	my @names = ('cold', map { "warm $_" } 1 .. OUR_PLAYS);
	for my $r (plays($place, OUR_PLAYS, $plain)) {
		my @wrong = compare($r, $plain);
		my $name = shift @names;
		my $expected = $client ? $case->{served}{$language} : 0;
		push @wrong, "a server has served $r->{served} calls, expected $expected"
			if $expected ne "?" && $r->{served} != $expected;
		next if !@wrong;
		my @plain_wrong = compare(plain_play($place), $plain);
		return @plain_wrong ? ('two plain plays differ: the case is not deterministic', @plain_wrong)
			: ("$name play:", @wrong);
	}
	return;
}

sub plain_play ($place) {
	Prefork::Test::Parity::put_script($place, undef);
	my ($result) = plays($place, 1);
	return $result;
}

1;
