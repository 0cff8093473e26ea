# The harness: a private run directory and home for each test file, scripts to call, and checks at its end that nothing
# was left behind.  A test file uses it, tests, and calls finish().
package Prefork::Test;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use Fcntl qw(:flock :mode);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use Prefork::Test::Process qw(:DEFAULT reap_orphans run_process spawn finish_process process_gone wait_for
	pidfd_open descendants kill_descendants now set_limit set_child_subreaper hide_descriptors
	proc_stat DEADLINE);
use Prefork::Test::Script;
use Prefork::Test::Syslog qw(syslog_start syslog_messages syslog_missing);
use Test::More ();

our @EXPORT = qw(
	languages each_language script core_language base_environment environment_list run_directory home_directory
	private_directory write_file read_file run start end same_result is_result exited killed_by client need_missing
	client_path install_path runtime_path source_path interpreter_path script_name
	learned forget sockets locks refusals drop_sockets quiet_down server_of open_watch expect_syslog syslog_wait finish
	wait_for wait_for_file process_gone pidfd_open descendants proc_stat now spawn finish_process DEADLINE
	syslog_missing terminal on_terminal
);

# ioctl(2) requests.
use constant {
	TIOCSPTLCK => 0x40045431,
	TIOCGPTN   => 0x80045430,
	TIOCSCTTY  => 0x540e,
};

my ($main_pid, $directory, %directories, @expected_syslog, $finished);
my %EXTENSION = (perl => 'pl', python => 'py', tcl => 'tcl');
my %INTERPRETER = (
	perl   => $ENV{PREFORK_PERL} // 'perl',
	python => $ENV{PREFORK_PYTHON} // 'python3',
	tcl    => $ENV{PREFORK_TCLSH} // 'tclsh',
);
my %PATH_VARIABLE = (perl => 'PERL5LIB', python => 'PYTHONPATH', tcl => 'TCLLIBPATH');

sub import ($class) {
	strict->import;
	warnings->import;
	feature->import(':5.30', 'signatures');
	warnings->unimport('experimental::signatures');
	my $caller = caller;
	no strict 'refs';    ## no critic
	*{"${caller}::$_"} = \&{$_} for @EXPORT;
	for my $name (grep { $_ ne 'done_testing' } @Test::More::EXPORT) {
		*{"${caller}::$name"} = \&{"Test::More::$name"} if $name =~ /^\w/;
	}
	start_up() if !$main_pid;
	return;
}

sub start_up() {
	$main_pid = $$;
	# Ending by a signal too, the END block below cleans up.
	for my $name (qw(HUP INT TERM)) {
		$SIG{$name} = sub { exit 1 };
	}
	$SIG{PIPE} = 'IGNORE';
	$directory = File::Temp::tempdir('prefork-test-XXXXXX', TMPDIR => 1);
	chmod 0755, $directory;
	set_child_subreaper();
	hide_descriptors();
	set_limit(4, 0);    # no core files of the signals that are tested
	umask 022;
	syslog_start($directory);
	private_directory($_, 0700) for qw(run home);
	$directories{run_directory()} = 1;
	Test::More::BAIL_OUT('PREFORK_BINDIR does not name a staged install: run this by "make check"')
		if !-x client_path();
	return;
}

# ---- where things are

# The folder PREFORK_BINDIR, and what lies relative to it.
sub install_path ($name = '') {
	my $bin = $ENV{PREFORK_BINDIR} // '/nonexistent';
	return length $name ? dirname($bin) . "/$name" : $bin;
}

# The client under test.
sub client_path() { return install_path() . '/prefork-interp' }

# The folder of a language's installed runtime.
sub runtime_path ($language) {
	return ($ENV{PREFORK_RUNTIME} // install_path('lib/prefork-interp/runtime')) . "/$language";
}

# A file of the source tree.
sub source_path ($name) {
	my $source = $ENV{PREFORK_SRC} // dirname(__FILE__) . '/../../..';
	return abs_path($source) . "/$name";
}

sub run_directory() { return "$directory/run" }
sub home_directory() { return "$directory/home" }

# A new folder in the test's own directory.
sub private_directory ($name, $mode = 0755) {
	mkdir "$directory/$name" or die "$directory/$name: $!\n";
	chmod $mode, "$directory/$name";
	return "$directory/$name";
}

# Write a whole file (bytes) in one step, so that nobody sees half of it.
sub write_file ($path, $bytes, $mode = 0644) {
	open my $h, '>:raw', "$path.new" or die "$path.new: $!\n";
	print {$h} $bytes;
	close $h or die "$path.new: $!\n";
	chmod $mode, "$path.new";
	rename "$path.new", $path or die "$path: $!\n";
	return $path;
}

sub read_file ($path) {
	open my $h, '<:raw', $path or return;
	local $/ = undef;
	return scalar <$h>;
}

# ---- languages and scripts

# The languages to test: PREFORK_LANGUAGES.
sub languages() { return split ' ', $ENV{PREFORK_LANGUAGES} // 'perl python tcl' }

# The language for tests of the core, where any will do.
sub core_language() { return (languages())[0] }

# Run CODE->(language) as a subtest for each language; with LANGUAGES only for those of them that are built.
# Each begins without a server.
sub each_language ($code, @only) {
	my %built = map { $_ => 1 } languages();
	for my $language (@only ? @only : languages()) {
		if (!$built{$language}) {
			need_missing("language $language", 'not built');
			next;
		}
		Test::More::subtest($language => sub {
			$code->($language);
			quiet_down();
		});
	}
	return;
}

# The name that a script in LANGUAGE has.
sub script_name ($language) { return "script.$EXTENSION{$language}" }

# The absolute path of the interpreter of LANGUAGE.
sub interpreter_path ($language) {
	my $name = $INTERPRETER{$language};
	return $name if $name =~ m{/};
	my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
	return $path;
}

# The contract's script in LANGUAGE behind a #! line of ours, as a Prefork::Test::Script.  Options:
#   options (words before "--"), arguments (of the interpreter, a list), name (of the file), text (instead of the
#   contract's script, without the #! line), line (the whole #! line after the client's path), client (its path)
sub script ($language, %o) {
	my $interpreter = $INTERPRETER{$language} // die "no language $language\n";
	my $text = $o{text} // read_file(source_path("t/contract/script.$EXTENSION{$language}")) // '';
	Test::More::BAIL_OUT("t/contract/script.$EXTENSION{$language} is missing") if !length $text;
	$text =~ s/\A#!.*\n//;
	my @arguments = @{$o{arguments} // []};
	# Scripts of tests are too small to be served where they do not ask for it.
	my $options = $o{options} // ($text =~ /prefork/i ? '' : '--min-gain=-1');
	my $line = $o{line} // join ' ', grep { length } $options, '--', $interpreter, @arguments;
	state $count = 0;
	my $name = $o{name} // script_name($language);
	my $folder = private_directory('script' . ++$count);
	my $path = write_file("$folder/$name", join('', '#!', $o{client} // client_path(), " $line\n", $text), 0755);
	return Prefork::Test::Script->new(path => $path, language => $language, interpreter => [$interpreter, @arguments],
		text => $text);
}

# The environment that scripts are called with, as {NAME => value}: small, private, and alike for every way of calling.
# PREFORK_INTERP_DEBUG is on, so that a plain run shows in what is compared.
sub base_environment (%changes) {
	my %e = (
		PATH                    => $ENV{PATH},
		HOME                    => home_directory(),
		LANG                    => 'C.UTF-8',
		TMPDIR                  => $directory,
		PREFORK_INTERP_RUNDIR   => run_directory(),
		PREFORK_INTERP_DEBUG    => 1,
		PYTHONDONTWRITEBYTECODE => 1,
		map({ $PATH_VARIABLE{$_} => runtime_path($_) } languages()),
	);
	for my $name (grep { /^[A-Z]+SAN_OPTIONS$|^LD_PRELOAD$/ } keys %ENV) {
		$e{$name} = $ENV{$name};
		$e{$name} .= ":log_path=$directory/sanitizer" if $name ne 'LD_PRELOAD';
	}
	%e = (%e, %changes);
	delete $e{$_} for grep { !defined $e{$_} } keys %e;
	return \%e;
}

# The same as a list of NAME=value for run(); a changed value undef leaves the name out.
sub environment_list (%changes) {
	my $e = base_environment(%changes);
	return [map { "$_=$e->{$_}" } sort keys %$e];
}

# ---- running

# Run ARGV to its end; options as Prefork::Test::Process's spawn(), and env ({NAME => value}: changes of the base
# environment), deadline: {status, out, err}.
sub run ($argv, %o) {
	return end(start($argv, %o), $o{deadline} // DEADLINE);
}

# Start ARGV; end() waits for it.
sub start ($argv, %o) {
	$o{environment} //= environment_list(%{$o{env} // {}});
	return spawn(%o, argv => $argv);
}

sub end ($process, $seconds = DEADLINE) {
	return finish_process($process, $seconds);
}

# Run the client itself with these words.
sub client ($words, %o) {
	return run([client_path(), @$words], %o);
}

# The wait status of exit N, and of death by signal number N.
sub exited ($n) { return $n << 8 }
sub killed_by ($n) { return $n }

sub shown ($value) {
	return 'undef' if !defined $value;
	$value =~ s/([^\n\t -~])/sprintf '\\x%02x', ord $1/ge;
	return length $value > 2000 ? substr($value, 0, 2000) . '...' : $value;
}

# Did a run end with this status, output and error output?  EXPECTED: {status, out, err}; a part that is missing there
# is not compared, a part that is a pattern is matched.
sub is_result ($got, $expected, $name) {
	my @wrong;
	for my $part (qw(status out err)) {
		next if !exists $expected->{$part};
		my ($g, $e) = ($got->{$part}, $expected->{$part});
		next if ref $e eq 'Regexp' ? $g =~ $e : defined $g && $g eq $e;
		push @wrong, $part;
	}
	my $ok = Test::More::ok(!@wrong, $name);
	if (!$ok) {
		for my $part (@wrong) {
			Test::More::diag("$part: got '", shown($got->{$part}), "'\n$part: expected '", shown($expected->{$part}), "'");
		}
		Test::More::diag('error output: ', shown($got->{err})) if !grep { $_ eq 'err' } @wrong;
	}
	return $ok;
}

# Call SCRIPT plain, cold (option cold) and warm with the same words and options: all alike?  The plain result, or with
# option expect ({status, out, err}) compared with that too.
sub same_result ($script, $arguments, $name, %o) {
	my $cold = delete $o{cold};
	my $expected = delete $o{expect};
	my $before = delete $o{before} // sub { return };    # run before each of the calls
	my %more = $before->();
	my $plain = $script->plain($arguments, %o, %more);
	is_result($plain, $expected, "$name: plain run as expected") if $expected;
	if ($cold) {
		quiet_down();
		%more = $before->();
		is_result($script->call($arguments, %o, %more), $plain, "$name: first call");
	}
	$script->warm;
	%more = $before->();
	is_result($script->call($arguments, %o, %more), $plain, "$name: call");
	return $plain;
}

# ---- servers

sub entries ($kind, $run = run_directory()) {
	opendir my $d, $run or return;
	return map { "$run/$_" } sort grep { /^$kind[0-9a-f]{32}\z/ } readdir $d;
}

# Paths of the sockets, locks and refusals in a run directory.
sub sockets ($run = run_directory()) { return entries('s', $run) }
sub locks ($run = run_directory()) { return entries('l', $run) }
sub refusals ($run = run_directory()) { return entries('n', $run) }

# Ask every server to go, by taking its socket away.
sub drop_sockets() {
	unlink map { sockets($_) } keys %directories;
	return;
}

# Ask every server to go and wait until no process is left; true when they went.
sub quiet_down ($seconds = DEADLINE) {
	return wait_for(sub { drop_sockets(); return !descendants() }, $seconds);
}

# What is known of scripts that are served as they are: the lines of the files, but for each one's first.
sub learned() {
	return join "\n", sort grep { !/^script / } map { split /\n/, read_file($_) // '' } entries('k');
}

# No server is there, nothing is known, nothing refused.
sub forget() {
	quiet_down();
	unlink entries('k'), refusals();
	return;
}

# The process id of the server that answers this script's calls.
sub server_of ($script, %o) {
	my $r = $script->call(['pid'], %o);
	return (split ' ', $r->{out})[1];
}

# A pidfd for the process, to be waited for with process_gone(); fails the test when there is none.
sub open_watch ($pid) {
	my $fd = pidfd_open($pid);
	Test::More::fail("process $pid is there") if !defined $fd;
	return $fd;
}

# Both ends of a new pseudo-terminal: (master, slave); nothing where the machine has none.
sub terminal() {
	my $master;
	open $master, '+<', '/dev/ptmx' or open $master, '+<', '/dev/pts/ptmx' or return need_missing('a terminal', $!);
	my $number = pack 'i', 0;
	ioctl $master, TIOCSPTLCK, $number or die "TIOCSPTLCK: $!\n";
	ioctl $master, TIOCGPTN, $number or die "TIOCGPTN: $!\n";
	my $name = '/dev/pts/' . unpack 'i', $number;
	sysopen my $slave, $name, 2 | 0400 or die "$name: $!\n";    # O_RDWR | O_NOCTTY
	return ($master, $slave);
}

# Options of run() for a process whose controlling terminal, and standard input, is this slave.
sub on_terminal ($slave) {
	return (stdin => $slave, session => 1, in_child => sub { ioctl $slave, TIOCSCTTY, 0 });
}

# Wait until the file is there, and its content.
sub wait_for_file ($path) {
	wait_for(sub { -e $path }) or Test::More::diag("$path did not appear");
	return read_file($path);
}

# ---- syslog

# Messages that match are no failure of this file.
sub expect_syslog (@patterns) {
	push @expected_syslog, @patterns;
	return;
}

# Wait for a syslog message that matches: it, or undef.  It is then no longer unexpected.
sub syslog_wait ($pattern) {
	my $found;
	wait_for(sub { ($found) = grep { $_->{text} =~ $pattern } @{syslog_messages()}; return $found });
	expect_syslog($pattern);
	return $found;
}

# ---- the end

# Skip loudly: WHAT could not be tested, for this reason.
sub need_missing ($what, $why) {
	my $builder = Test::More->builder;
	$builder->skip("$what: $why");
	Test::More::diag("SKIPPED: $what: $why");
	return;
}

# A file in a run directory that has no business there, or a lock that is held: what is wrong.
sub check_run_directory ($run) {
	my @wrong;
	opendir my $d, $run or return;
	for my $name (grep { !/^\.\.?\z/ } readdir $d) {
		if ($name !~ /^[lnk][0-9a-f]{32}\z/) {
			push @wrong, "$run/$name is left";
		} elsif ($name =~ /^l/ && open my $h, '<', "$run/$name") {
			push @wrong, "$run/$name is locked" if !flock $h, LOCK_EX | LOCK_NB;
		}
	}
	return @wrong;
}

sub sanitizer_reports() {
	return map { read_file($_) } glob "$directory/sanitizer.*";
}

sub unexpected_syslog() {
	my @bad;
	for my $m (@{syslog_messages()}) {
		next if $m->{severity} > 4 || grep { $m->{text} =~ $_ } @expected_syslog;
		push @bad, $m->{text};
	}
	return @bad;
}

# Another run directory that finish() looks after.
sub look_after ($run) {
	$directories{$run} = 1;
	return $run;
}

# The last statement of a test file: the checks that every file makes, and the plan.
sub finish() {
	my @left;
	if (!quiet_down()) {
		@left = map { "$_->{pid} $_->{state} parent $_->{parent}: $_->{name}: $_->{command}" } descendants();
	}
	Test::More::is(join("\n", @left), '', 'no process is left');
	Test::More::is(join("\n", map { check_run_directory($_) } sort keys %directories), '',
		'no socket, held lock or other file is left');
	Test::More::is(join("\n", sanitizer_reports()), '', 'no sanitizer report');
	Test::More::is(join("\n", unexpected_syslog()), '', 'nothing unexpected in the log') if !syslog_missing();
	$finished = 1;
	Test::More::done_testing();
	return;
}

END {
	if ($main_pid && $$ == $main_pid) {
		my $status = $?;
		kill_descendants() if !$finished || descendants();
		Test::More::diag('the test file did not reach finish()') if !$finished;
		chdir '/';
		system 'umount', '-R', "$directory/dev" if -d "$directory/dev/pts";
		remove_tree($directory, {safe => 0}) if !$ENV{PREFORK_TEST_KEEP};
		$? = $status;
	}
}

1;
