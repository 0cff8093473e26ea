# Command-line programs as their packages have them: each command line is run by the plain interpreter and through
# prefork-interp, in several contexts, and all that a caller can see of the two is compared.  t/cli/README.md has the
# format of a program's file, the contexts, and what is compared.
package Prefork::Test::Cli;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use List::Util qw(uniq);
use Prefork::Test;
use Prefork::Test::Parity;
use Prefork::Test::Wire qw(wire_connect);
use Text::ParseWords qw(shellwords);

our @EXPORT = qw(cli_folder);

use constant {
	RUN_TIME      => 60,               # seconds that a run may take
	LEARNING_TIME => 60,               # seconds that a server may take to load what was learned
	REST          => 30,               # milliseconds without a call after which it has begun to, if it will
	OLD           => 1_700_000_000,    # the time of a program's input files
	TERMINAL      => '40x100',
};

my %INTERPRETER = (python => '/usr/bin/python3', perl => '/usr/bin/perl', tcl => '/usr/bin/tclsh');

# Where a command line is run.  What differs between "here" and "there" is each call's own: one server can answer both.
# A server's language and home are those of its first caller: another one answers "elsewhere".
my %CONTEXT = (
	here      => {home => 'home', environment => {LANG => 'C.UTF-8', TZ => 'UTC'}},
	there     => {home => 'home', environment => {LANG => 'C.UTF-8', TZ => 'Asia/Tokyo', COLUMNS => 60}, terminal => 1},
	elsewhere => {home => 'other-home', environment => {LANG => 'C', TZ => 'America/New_York', COLUMNS => 132}},
);

# The runs of a command line: [context, plain or the name of the call, how many].  The first plain run in a context is what
# all other runs there are compared with.  "Here", where they are timed, plain and warm ones take turns: they meet the
# same weather.
my @RUNS = (
	[here => 'plain', 2], [here => 'first', 1], [here => 'warm', 2],
	map({ ([here => 'plain', 1], [here => 'warm', 1]) } 1 .. 3),
	[there => 'plain', 2], [there => 'first', 1], [there => 'warm', 2], [here => 'back', 1],
	[elsewhere => 'plain', 2], [elsewhere => 'first', 1], [elsewhere => 'warm', 2],
);

# ---- a program's file

my %FIELD = map { $_ => 1 } qw(package program interpreter version help job files stdin mask unlike sorted environment plain another);

# Its fields, as {name => [values]}, and its files, as {name => bytes}.
sub read_fields ($path) {
	my ($header, %files) = split /^--- (.*)\n/m, read_file($path) // die "$path: $!\n";
	my %field;
	for my $line (grep { /\S/ } split /\n/, $header) {
		next if $line =~ /^#/;
		my ($name, $value) = $line =~ /^(\w+): *(.*)$/;
		$FIELD{$name // ''} or die "$path: what is this: $line\n";
		push @{$field{$name}}, $value;
	}
	for my $word (map { split ' ' } @{$field{files} // []}) {
		my ($name, $from) = split /=/, $word;
		$from //= $name;
		$files{$name} = read_file(source_path("t/cli/files/$from")) // die "t/cli/files/$from: $!\n";
	}
	return (\%field, \%files);
}

# The interpreter and its arguments, as the program's first line has them.
sub interpreter_words ($language, $program) {
	my ($line) = (read_file($program) // '') =~ /\A#! *([^\n]*)/ or return;
	my ($path, @arguments) = split ' ', $line;
	shift @arguments if $path =~ m{/env\z};
	return ($INTERPRETER{$language}, @arguments);
}

# The program in this file.
sub read_program ($language, $path) {
	my ($field, $files) = read_fields($path);
	my %program = (
		name        => basename($path),
		language    => $language,
		package     => $field->{package}[0] // die("$path: no package\n"),
		program     => $field->{program}[0] // '/usr/bin/' . basename($path),
		stdin       => $field->{stdin}[0],
		sorted      => $field->{sorted}[0],
		unlike      => [map { qr/\A(?:$_)\z/ } @{$field->{unlike} // []}],
		masks       => [map { qr/$_/m } @{$field->{mask} // []}],
		environment => {map { split /=/, $_, 2 } @{$field->{environment} // []}},
		plain       => $field->{plain}[0],
		another     => $field->{another}[0],
		files       => $files,
	);
	my $interpreter = $field->{interpreter}[0];
	$program{interpreter} = [$interpreter ? split ' ', $interpreter : interpreter_words($language, $program{program})];
	for my $kind (qw(version help job)) {
		push @{$program{lines}}, map { {kind => $kind, words => [shellwords($_)]} } @{$field->{$kind} // ["--$kind"]};
	}
	return \%program;
}

# Does PROGRAMS name this one?  It has patterns, "black py*".
sub is_wanted ($name) {
	my @patterns = map { quotemeta($_) =~ s/\\[*]/.*/gr =~ s/\\[?]/./gr } split ' ', $ENV{PROGRAMS} || '*';
	return scalar grep { $name =~ /\A(?:$_)\z/ } @patterns;
}

# ---- a program's place

# Folders of its own for a program, among them a run directory that no other has.
sub make_place ($program) {
	state $count = 0;
	my $root = private_directory('program' . ++$count);
	my %place = (
		program => $program,
		root    => $root,
		run     => Prefork::Test::look_after("$root/run"),
		case    => {left => 0},
		at_rest => {},
	);
	mkdir $place{run}, 0700 or die "$place{run}: $!\n";
	mkdir "$root/$_" or die "$root/$_: $!\n" for written_folders();
	return \%place;
}

# Those that a run may write to.
sub written_folders() { return (sort(keys %CONTEXT), 'home', 'other-home', 'tmp') }

# As they are before each run: the same folders with only the program's files in them, and homes as they were left.
sub tidy ($place) {
	my $program = $place->{program};
	remove_tree("$place->{root}/$_", {keep_root => 1, safe => 0}) for sort(keys %CONTEXT), 'tmp';
	for my $folder (map { "$place->{root}/$_" } keys %CONTEXT) {
		for my $name (keys %{$program->{files}}) {
			my $bytes = $program->{files}{$name};
			make_path(dirname("$folder/$name"));
			write_file("$folder/$name", $bytes, $bytes =~ /^#!/ ? 0755 : 0644);
			utime OLD, OLD, "$folder/$name";
		}
	}
	return;
}

# ---- who answers

# What the server at this socket says of itself; nothing when there is none.  One that has just been improved hangs up on who
# has come to the one before.
sub report ($path) {
	my $report;
	wait_for(sub { return ($report = Prefork::Test::Parity::server_report($path)) || !wire_connect($path) }, LEARNING_TIME);
	return $report;
}

# Calls that each server of the place has answered, as {socket => number}.  One that is made anew has another socket; one
# that is improved keeps it.
sub count_calls ($place) {
	my %count;
	for my $path (sockets($place->{run})) {
		my $inode = (stat $path)[1] // next;
		my $report = report($path);
		$count{"$path $inode"} = $report->{served} if $report;
	}
	return \%count;
}

sub has_children ($pid) {
	my $children = read_file("/proc/$pid/task/$pid/children");
	return length $children if defined $children;
	return scalar grep { $_->{parent} == $pid } descendants();
}

# Has this server done all that it does between calls?  Having been asked once, after some rest, it has begun what there
# is to do; a child does it.
sub is_at_rest ($path) {
	my $before = report($path) // return 1;
	return 0 if $before->{running} || $before->{idle} < REST;
	my $report = report($path);
	return $report && $report->{pid} == $before->{pid} && !has_children($report->{pid});
}

# Wait until what was learned is loaded.
sub rest ($place) {
	wait_for(sub { return !grep { !is_at_rest($_) } sockets($place->{run}) }, LEARNING_TIME)
		or diag("$place->{program}{name}: a server does not come to rest");
	$place->{at_rest} = count_calls($place);
	return;
}

# The servers that have answered a call since then.
sub answered ($place) {
	my $now = count_calls($place);
	return grep { $now->{$_} > ($place->{at_rest}{$_} // 0) } sort keys %$now;
}

# ---- one run

sub masked ($place, $text) {
	$text =~ s/$_/<masked>/g for @{$place->{program}{masks}};
	return $text;
}

# What a run has written.
sub output ($place, $text) {
	$text = masked($place, $text);
	return $place->{program}{sorted} ? join '', sort split /^/, $text : $text;
}

# The files that a run has left, as Prefork::Test::Parity's snapshot.
sub files ($place) {
	my %files;
	for my $folder (written_folders()) {
		my $found = Prefork::Test::Parity::snapshot("$place->{root}/$folder");
		for my $name (keys %$found) {
			my $is_unlike = grep { "$folder$name" =~ $_ } @{$place->{program}{unlike}};
			$files{masked($place, "$folder$name")} = $is_unlike ? 'there' : masked($place, $found->{$name});
		}
	}
	return \%files;
}

# The command line for a run: bench/spawn.c around the program, which tells time and status.
sub command ($place, $context, $line, $client) {
	my $program = $place->{program};
	my @words = ($client ? ($client, '--') : (), @{$program->{interpreter}}, $program->{program}, @{$line->{words}});
	@words = ($ENV{PREFORK_SPAWN}, "$place->{root}/report", 1, 1, 0, ',', 1, @words);
	@words = ('/bin/sh', '-c', 'exec "$@" <"$0"', $program->{stdin}, @words) if defined $program->{stdin};
	@words = (source_path('t/parity/bin/on-terminal'), '-s', TERMINAL, @words) if $CONTEXT{$context}{terminal};
	return @words;
}

sub environment ($place, $context) {
	my %e = (
		PATH                  => '/usr/bin:/bin:/usr/games',
		HOME                  => "$place->{root}/$CONTEXT{$context}{home}",
		TMPDIR                => "$place->{root}/tmp",
		TERM                  => 'xterm-256color',
		PAGER                 => 'cat',
		USER                  => 'user',
		LOGNAME               => 'user',
		PREFORK_INTERP_RUNDIR => $place->{run},
		%{$CONTEXT{$context}{environment}},
		%{$place->{program}{environment}},
	);
	return map { "$_=$e{$_}" } sort keys %e;
}

# Run a command line once: {status, nanoseconds, stdout, stderr, files, left, by (the server that has answered, '' where
# none did)}.
sub run_once ($place, $context, $line, $client, @more) {
	tidy($place);
	unlink "$place->{root}/report";
	rest($place) if $client;
	my $r = run(
		[command($place, $context, $line, $client)],
		cwd         => "$place->{root}/$context",
		environment => [environment($place, $context), @more],
		deadline    => RUN_TIME,
	);
	my @by = $client ? answered($place) : ();
	my $left = Prefork::Test::Parity::settle($place);
	my (undef, $nanoseconds, $status) = split ' ', read_file("$place->{root}/report") // '';
	return {
		status      => $status // "not measured: $r->{status}",
		nanoseconds => $nanoseconds // 0,
		stdout      => output($place, $r->{out}),
		stderr      => output($place, $r->{err}),
		files       => files($place),
		left        => $left,
		by          => join(' and ', @by),
	};
}

# Why a call is plain: what prefork-interp says when it is asked.
sub reason ($place, $context, $line) {
	my $r = run_once($place, $context, $line, client_path(), 'PREFORK_INTERP_DEBUG=1');
	my @reasons = "$r->{stdout}$r->{stderr}" =~ /^prefork-interp: (?:\S+: plain run: )?([^\r\n]*)/mg;
	return join '; ', @reasons ? @reasons : 'no reason was given';
}

# ---- a command line

sub median (@values) {
	my @sorted = sort { $a <=> $b } @values;
	return $sorted[$#sorted / 2];
}

sub label ($line) { return join ' ', $line->{kind}, map { "'$_'" } @{$line->{words}} }

# Run it COUNT times and compare with what the plain interpreter did there: true when nothing differs.
sub runs_alike ($place, $line, $context, $way, $count) {
	my $client = $way eq 'plain' ? undef : client_path();
	my (@wrong, @results);
	for my $n (1 .. $count) {
		my $r = run_once($place, $context, $line, $client);
		push @results, $r;
		my $expected = $line->{expected}{$context} //= $r;
		@wrong = Prefork::Test::Parity::compare($r, $expected) or next;
		@wrong = ("run $n:", @wrong);
		last;
	}
	push @{$line->{results}{$context}{$way}}, @results;
	ok(!@wrong, label($line) . " $context: $way") or diag("$place->{program}{name} ", label($line), ":\n", map { "$_\n" } @wrong);
	return !@wrong;
}

# The calls of a command line in a context, in order of time.
sub calls ($line, $context) { return map { @{$_ // []} } @{$line->{results}{$context}}{qw(first warm back)} }

# Find out which servers have answered the calls of a context and, where most were plain, why.  One may be because of how busy the
# machine is.
sub look_who_answered ($place, $line, $context) {
	my @calls = calls($line, $context);
	$line->{by}{$context} = [uniq grep { $_ ne '' } map { $_->{by} } @calls];
	$line->{plain}{$context} = grep { $_->{by} eq '' } @calls;
	return if $line->{plain}{$context} * 2 <= @calls;
	$line->{by}{$context} = [];
	$line->{why}{$context} = reason($place, $context, $line);
	return;
}

# Has one server answered both here and there?
sub is_same_server ($line) {
	my %here = map { $_ => 1 } @{$line->{by}{here} // []};
	return scalar grep { $here{$_} } @{$line->{by}{there} // []};
}

# Lines that tell which server has answered each call.
sub answers ($line, $context) { return map { "$context: $_->{by}\n" } calls($line, $context) }

# Were the calls served?  That a server would save too little is for prefork-interp to judge; other reasons why none of them can
# be are in the program's file.
sub is_served ($place, $line, $context) {
	my $why = $line->{why}{$context} // '';
	my $known = $place->{program}{plain};
	return @{$line->{by}{$context}} || $why =~ /a server saves too little/ || (defined $known && $why =~ /$known/);
}

# Compare a command line in all contexts; what was found stays in LINE.
sub test_line ($place, $line) {
	for my $run (@RUNS) {
		my ($context, $way, $count) = @$run;
		next if $line->{undecided}{$context};
		# The test is wrong, not the program.
		$line->{undecided}{$context} = 1 if !runs_alike($place, $line, $context, $way, $count) && $way eq 'plain';
	}
	for my $context (grep { !$line->{undecided}{$_} } sort keys %CONTEXT) {
		look_who_answered($place, $line, $context);
		ok(is_served($place, $line, $context), label($line) . " $context: served")
			or diag("$place->{program}{name}: $line->{why}{$context}\n", answers($line, $context));
	}
	my $both = @{$line->{by}{here} // []} && @{$line->{by}{there} // []};
	ok(!$both || is_same_server($line) || $place->{program}{another}, label($line) . ' there: by the same server')
		or diag("$place->{program}{name}:\n", answers($line, 'here'), answers($line, 'there'));
	return;
}

# ---- a program

sub version_of ($package) {
	my $r = run(['/usr/bin/dpkg-query', '-W', '-f', '${Version}', $package]);
	return $r->{out};
}

# How the calls of a context were made.
sub how ($line, $context) {
	my $served = @{$line->{by}{$context} // []};
	return 'plain: ' . ($line->{why}{$context} // 'not run') if !$served;
	my $some_plain = $line->{plain}{$context} ? ", $line->{plain}{$context} plain" : '';
	my $by = $context ne 'there' ? 'served' : is_same_server($line) ? 'same server' : 'another server';
	return "$by$some_plain";
}

# One row of the table for each command line.
sub rows ($program) {
	my @rows;
	for my $line (@{$program->{lines}}) {
		my $here = $line->{results}{here};
		my ($plain, $warm) = map { median(map { $_->{nanoseconds} } @{$here->{$_} // []}) // 0 } qw(plain warm);
		my $first = ($here->{first} // [])->[0]{nanoseconds} // 0;
		push @rows, [$program->{language}, $program->{name}, "$program->{package} $program->{version}",
			join(' ', @{$line->{words}}), $plain, $first, $warm, map { how($line, $_) } qw(here there elsewhere)];
	}
	return @rows;
}

sub test_program ($program) {
	my $place = make_place($program);
	# Fill the caches in its homes.
	for my $context (sort keys %CONTEXT) {
		run_once($place, $context, $_, undef) for @{$program->{lines}};
	}
	test_line($place, $_) for @{$program->{lines}};
	# A server that begins with what an earlier one has learned.
	quiet_down();
	runs_alike($place, $_, 'here', 'again', 1) for grep { !$_->{undecided}{here} } @{$program->{lines}};
	quiet_down();
	remove_tree("$place->{root}/$_") for written_folders();
	return;
}

sub write_rows ($language, @rows) {
	my $folder = $ENV{PREFORK_CLI_TABLE} or return;
	make_path($folder);
	write_file("$folder/$language", join '', map { join("\t", map { s/\s+/ /gr } @$_) . "\n" } @rows);
	return;
}

# Test the programs of a language that are there and PROGRAMS names.
sub cli_folder ($language) {
	my @rows;
	for my $path (sort glob source_path("t/cli/$language/*")) {
		next if !is_wanted(basename($path));
		my $program = read_program($language, $path);
		$program->{version} = version_of($program->{package});
		if (!-e $program->{program}) {
			need_missing($program->{name}, "package $program->{package} is not installed");
			next;
		}
		subtest($program->{name} => sub { test_program($program) });
		push @rows, rows($program);
		write_rows($language, @rows);
	}
	ok(1, 'no program is asked for') if !@rows;
	return;
}

1;
