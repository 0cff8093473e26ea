# What bench/run and bench/demo share: the contenders, the measurer, and leaving nothing behind.
#
# A Bench has a private run directory.  The servers that come into being in it are orphans, and this process adopts
# them, so that at the end it can put them aside and wait until they are gone.
package Bench;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp ();
use lib dirname(abs_path(__FILE__)) . '/../../t/lib';
use List::Util qw(min);
use POSIX ();
use Prefork::Test::Process qw(set_child_subreaper wait_for descendants kill_descendants DEADLINE);
use Sys::Hostname qw(hostname);

our @EXPORT_OK = qw(percentile milliseconds LANGUAGES);

# Each language: its name as the tables have it, its interpreter, the variable that names another one, the ending of its
# script, and a program that prints its version.
use constant LANGUAGES => (
	{
		name => 'Python', interpreter => 'python3', variable => 'PREFORK_PYTHON', ending => 'py',
		version => 'import platform; print(platform.python_version())',
	},
	{
		name => 'Perl', interpreter => 'perl', variable => 'PREFORK_PERL', ending => 'pl',
		version => 'printf "%vd\n", $^V',
	},
	{
		name => 'Tcl', interpreter => 'tclsh', variable => 'PREFORK_TCLSH', ending => 'tcl',
		version => 'puts [info patchlevel]',
	},
);

# The peer: the program of the same name in the Debian package chiark-utils-bin, with its Perl module.
use constant PEER => '/usr/bin/prefork-interp';
use constant PEER_MODULES => '/usr/share/perl5';

my $SOURCE = dirname(dirname(abs_path(__FILE__)));

# SCRIPT: which of bench/scripts to run, without the ending.  Dies with one line when prefork-interp, a compiler or a
# directory to work in is missing.
sub new ($class, $script = 'report') {
	my $self = bless {process => $$, peers => [], script => $script}, $class;
	$self->{client} = find_client();
	set_child_subreaper();
	$self->{directory} = File::Temp->newdir('prefork-bench-XXXXXX', TMPDIR => 1);
	$self->{run_directory} = "$self->{directory}/run";
	mkdir $self->{run_directory}, 0700 or die "$self->{run_directory}: $!\n";
	$ENV{PREFORK_INTERP_RUNDIR} = $self->{run_directory};
	delete @ENV{qw(PREFORK_INTERP_DISABLE PREFORK_INTERP_DEBUG)};
	$self->{spawn} = "$self->{directory}/spawn";
	my @compiler = split ' ', $ENV{CC} || 'cc';
	system(@compiler, '-O2', '-o', $self->{spawn}, "$SOURCE/spawn.c") == 0 or die "can't compile $SOURCE/spawn.c\n";
	return $self;
}

sub peer_installed() { return -x PEER && -e PEER_MODULES . '/Proc/Prefork/Interp.pm' }

# PREFORK_BINDIR names the folder with the prefork-interp to measure; without it the first in PATH that is not the peer.
sub find_client() {
	my @folders = $ENV{PREFORK_BINDIR} // split /:/, $ENV{PATH};
	for my $path (map { abs_path("$_/prefork-interp") } grep { -x "$_/prefork-interp" } @folders) {
		return $path if $ENV{PREFORK_BINDIR} || $path ne PEER || !peer_installed();
	}
	die "prefork-interp: not found in @folders (install it, or set PREFORK_BINDIR)\n";
}

sub directory ($self) { return $self->{directory} }

# ---- contenders

# The path of a language's interpreter; undef where there is none.  Wrappers in PATH (pyenv, asdf) are passed over: they
# cost more than the interpreter does, and would make the plain runs look bad.
sub interpreter ($language) {
	my $named = $ENV{$language->{variable}};
	return $named if $named;
	for my $path (grep { -x } map { "$_/$language->{interpreter}" } split /:/, $ENV{PATH}) {
		open my $h, '<:raw', $path or next;
		read $h, my $start, 2;
		return $path if $start ne '#!';
	}
	return;
}

# "Perl 5.36.0", as the interpreter says it; empty where there is none.
sub version ($self, $language) {
	my $interpreter = interpreter($language) // return;
	my $path = $self->executable("version.$language->{ending}", $interpreter, $language->{version});
	open my $from, '-|', $path or die "$path: $!\n";
	chomp(my $version = <$from> // '?');
	close $from;
	return "$language->{name} $version";
}

# A language's script as an executable that runs under the plain interpreter: its path; undef where that is missing.
sub plain ($self, $language) {
	my $interpreter = interpreter($language) // return;
	return $self->executable("plain.$language->{ending}", $interpreter, $self->source($language));
}

# The same under prefork-interp.
sub prefork ($self, $language) {
	my $line = "$self->{client} -- " . interpreter($language);
	return $self->executable("prefork.$language->{ending}", $line, $self->source($language));
}

# The same without what marks the end of its initialisation: a script as most are.
sub unmarked ($self, $language) {
	my $line = "$self->{client} -- " . interpreter($language);
	my @paragraphs = split /^\n/m, $self->source($language);
	return $self->executable("unmarked.$language->{ending}", $line, join "\n", grep { !/prefork/i } @paragraphs);
}

# Perl's under the peer; undef where that is not installed.
sub peer ($self, $language) {
	return if $language->{name} ne 'Perl' || !peer_installed() || $self->{client} eq PEER;

	# It passes the interpreter and the script on as arguments.  It is told its key (-g) so that its files can be found.
	my $text = $self->source($language);
	$text =~ s/^(\s*prefork_initialisation_complete\(\);)$/$1 splice \@ARGV, 0, 2;/m or die "no call to mark\n";
	my $key = "prefork-bench-$$";
	push @{$self->{peers}}, $key;
	return $self->executable('peer.pl', PEER . " -U,-g$key,perl", "use lib '" . PEER_MODULES . "';\n$text");
}

sub source ($self, $language) {
	my $path = "$SOURCE/scripts/$self->{script}.$language->{ending}";
	open my $h, '<:raw', $path or die "$path: $!\n";
	local $/ = undef;
	return scalar <$h>;
}

sub executable ($self, $name, $interpreter, $text) {
	my $path = "$self->{directory}/$name";
	length "#!$interpreter" < 255 or die "$interpreter: too long for a #! line\n";
	open my $h, '>:raw', $path or die "$path: $!\n";
	print {$h} "#!$interpreter\n$text";
	close $h or die "$path: $!\n";
	chmod 0755, $path or die "$path: $!\n";
	return $path;
}

# ---- measuring

# Run commands in alternation and time each run (bench/spawn.c).  Options:
#   rounds, burst, gap (milliseconds), as there
#   commands  [{words => [...], every => as there (1), status => what it should exit with (0)}, ...]
#   output    the file that gets their standard output (/dev/null)
# Returns a hash for each command: nanoseconds => [...] in order of time, wrong => {what came instead => how often}.
sub measure ($self, %o) {
	my $report = "$self->{directory}/report";
	my @words = map { (',', $_->{every} // 1, @{$_->{words}}) } @{$o{commands}};
	my $status = run_to_file($o{output} // '/dev/null', $self->{spawn}, $report, @o{qw(rounds burst gap)}, @words);
	$status == 0 or die "$self->{spawn}: failed with wait status $status\n";
	my @results = map { {nanoseconds => [], wrong => {}} } @{$o{commands}};
	open my $h, '<', $report or die "$report: $!\n";
	while (my $line = <$h>) {
		my ($command, $nanoseconds, $wait_status) = split ' ', $line;
		push @{$results[$command]{nanoseconds}}, $nanoseconds;
		next if $wait_status == ($o{commands}[$command]{status} // 0) << 8;
		$results[$command]{wrong}{$wait_status & 127 ? 'signal ' . ($wait_status & 127) : $wait_status >> 8}++;
	}
	return @results;
}

sub run_to_file ($output, @words) {
	my $child = fork // die "fork: $!\n";
	if (!$child) {
		open STDIN, '<', '/dev/null' and open STDOUT, '>>', $output and exec {$words[0]} @words;
		print STDERR "$words[0]: $!\n";
		POSIX::_exit(127);
	}
	waitpid $child, 0;
	return $?;
}

# Why a call of this command runs plain, as prefork-interp says it; empty when it is served.
sub why_plain ($self, @words) {
	my $child = open(my $from, '-|') // die "fork: $!\n";
	if (!$child) {
		$ENV{PREFORK_INTERP_DEBUG} = 1;
		open STDERR, '>&', \*STDOUT and open STDOUT, '>', '/dev/null' and exec {$words[0]} @words;
		POSIX::_exit(127);
	}
	chomp(my @lines = <$from>);
	close $from;
	return join '; ', @lines;
}

# ---- the end

# Put the servers aside and wait until they and all else that was started are gone.  Returns the process ids of what had
# to be killed.
sub finish ($self) {
	return if !$self->{run_directory} || $self->{finished}++ || $self->{process} != $$;
	my $gone = wait_for(sub {
		unlink glob "$self->{run_directory}/s*";
		remove_peer_files($_) for @{$self->{peers}};
		return !descendants();
	}, DEADLINE);
	my @left = $gone ? () : map { $_->{pid} } descendants();
	kill_descendants() if @left;
	return @left;
}

# The peer keeps its sockets where it was built to.
sub remove_peer_files ($key) {
	my ($home, $host) = ((getpwuid $<)[7], hostname());
	for my $folder ("/run/user/$</prefork-interp", "$home/.prefork-interp/$host") {
		unlink "$folder/s$key", "$folder/l$key";
		rmdir $folder;    # only where nothing else is in it
	}
	rmdir "$home/.prefork-interp";
	return;
}

sub DESTROY ($self) {
	local ($@, $?, $!);
	$self->finish;
	return;
}

# ---- numbers

# The smallest of VALUES that P percent of them don't exceed.
sub percentile ($p, @values) {
	my @sorted = sort { $a <=> $b } @values;
	return $sorted[min($#sorted, POSIX::ceil($p / 100 * @sorted) - 1)];
}

# Nanoseconds as milliseconds, as a table has them.
sub milliseconds ($nanoseconds) {
	return sprintf $nanoseconds < 99.95e6 ? '%.2f' : '%.0f', $nanoseconds / 1e6;
}

1;
