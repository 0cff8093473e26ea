# Stopping and continuing: the client is seen to do what its script does, and what is sent to it reaches the script.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use POSIX qw(:sys_wait_h mkfifo);

use constant WCONTINUED => 8;
use constant CONTINUED  => 0xffff;

use constant ROUNDS => 20;

my %TEXT = (
	perl => <<'PERL',
use Proc::Prefork::Interp;
prefork_initialisation_complete();
open my $h, '>', "$ARGV[0].new" or die;
print {$h} "$$\n";
close $h;
rename "$ARGV[0].new", $ARGV[0];
open my $fifo, '<', $ARGV[1] or die "$!\n";
exit 5;
PERL
	python => <<'PYTHON',
import os, sys
import prefork_interp
prefork_interp.initialisation_complete()
with open(sys.argv[1] + ".new", "w") as file:
    print(os.getpid(), file=file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
open(sys.argv[2]).close()
sys.exit(5)
PYTHON
	tcl => <<'TCL',
package require prefork_interp
prefork_interp::initialisation_complete
lassign $argv path fifo
set file [open $path.new w]
puts $file [pid]
close $file
file rename $path.new $path
close [open $fifo]
exit 5
TCL
);

# Wait for a change of the client's that its parent sees: the raw wait status.
sub change_of ($p) {
	my $status;
	wait_for(sub { return waitpid($p->{pid}, WNOHANG | WUNTRACED | WCONTINUED) == $p->{pid} && defined($status = $?) });
	return $status;
}

sub is_stopped ($p) { return ((proc_stat($p->{pid}))[2] // '') eq 'T' }

# A call that waits for the fifo: (process, its executor's pid).
sub waiting ($script, $folder) {
	unlink "$folder/pid";
	my $p = $script->start(["$folder/pid", "$folder/fifo"]);
	chomp(my $pid = wait_for_file("$folder/pid") // 0);
	return ($p, $pid);
}

sub finish_waiting ($p, $folder, $name) {
	# Whether or not somebody is there to read.
	sysopen my $fifo, "$folder/fifo", 2 or die "fifo: $!\n";
	is_result(end($p), {status => exited(5), out => '', err => ''}, $name);
	return;
}

each_language(sub ($language) {
	my $script = script($language, text => $TEXT{$language});
	my $folder = private_directory("stopping-$language");
	mkfifo("$folder/fifo", 0600) or die "fifo: $!\n";

	for my $n (1 .. 2) {
		my ($p, $executor) = waiting($script, $folder);
		kill STOP => $executor;
		my $status = change_of($p);
		ok(defined $status && WIFSTOPPED($status), "round $n: the script is stopped, so is the client");
		kill CONT => $executor;
		is(change_of($p), CONTINUED, 'the script is continued, so is the client');
		finish_waiting($p, $folder, 'and leaves with its status');
	}

	my ($p, $executor) = waiting($script, $folder);
	kill TSTP => $p->{pid};
	my $status = change_of($p);
	ok(defined $status && WIFSTOPPED($status), 'SIGTSTP to the client stops it');
	is((proc_stat($executor))[2], 'T', 'and the script');
	kill CONT => $p->{pid};
	ok(wait_for(sub { (proc_stat($executor))[2] ne 'T' }), 'SIGCONT to the client continues the script');
	finish_waiting($p, $folder, 'which ends as usual');

	($p) = waiting($script, $folder);
	for my $round (1 .. ROUNDS) {
		kill TSTP => $p->{pid};
		kill CONT => $p->{pid};
	}
	finish_waiting($p, $folder, 'stopped and continued in quick succession');

	($p) = waiting($script, $folder);
	my $stops = 0;
	for my $round (1 .. ROUNDS) {
		kill TSTP => $p->{pid};
		$stops++ if wait_for(sub { is_stopped($p) });
		kill CONT => $p->{pid};
		wait_for(sub { !is_stopped($p) }) or last;
	}
	is($stops, ROUNDS, 'stopped each time');
	finish_waiting($p, $folder, 'and continued each time');
});

each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("tstp-$language");
	for my $way (qw(plain cold warm)) {
		my $file = "$folder/$way";
		my $p = $way eq 'plain' ? $script->start_plain(['trap', $file, 'TSTP']) : $script->start(['trap', $file, 'TSTP']);
		wait_for_file($file);
		kill TSTP => $p->{pid};
		is_result(end($p), {status => exited(7), out => "got TSTP\n", err => ''}, "$way: a handler of SIGTSTP runs");
	}
}, qw(perl python));

finish();
