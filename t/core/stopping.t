# Role: monitor. What stops or continues the script stops or continues its caller, and the other way round.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use POSIX qw(mkfifo);

sub state_is ($pid, $state) {
	return wait_for(sub { ((proc_stat($pid))[2] // '') eq $state });
}

each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("stopping-$language");
	my ($file, $fifo) = ("$folder/pid", "$folder/fifo");
	mkfifo($fifo, 0600) or die "$fifo: $!\n";
	my $client = $script->start(['wait', $file, $fifo]);
	chomp(my $executor = wait_for_file($file));

	for my $round (1, 2) {
		kill STOP => $executor;
		ok(state_is($client->{pid}, 'T'), "round $round: the script is stopped, so is the client");
		kill CONT => $executor;
		ok(state_is($client->{pid}, 'S'), 'continued, so is the client');
	}
	kill TSTP => $client->{pid};
	ok(state_is($executor, 'T') && state_is($client->{pid}, 'T'), 'the client is asked to stop: both do');
	kill CONT => $client->{pid};
	ok(state_is($client->{pid}, 'S') && state_is($executor, 'S'), 'the client is continued: both are');

	# Whichever way such a pair ends, a last SIGCONT has both go on, and the status comes.
	for (1 .. 20) {
		kill TSTP => $client->{pid};
		kill CONT => $client->{pid};
	}
	ok(wait_for(sub { kill CONT => $client->{pid}; (proc_stat($executor))[2] eq 'S' }), 'goes on after many');
	open my $w, '>', $fifo or die "$fifo: $!\n";
	close $w;
	is_result(end($client), {status => 0, err => ''}, 'the script\'s own status');

	# A client that has stopped along is not left so.
	unlink $file;
	my $killed = $script->start(['wait', $file, $fifo]);
	chomp($executor = wait_for_file($file));
	kill STOP => $executor;
	ok(state_is($killed->{pid}, 'T'), 'the script is stopped, so is the client');
	kill KILL => $executor;
	is_result(end($killed), {status => killed_by(9)}, 'killed while it is stopped');

	if ($language ne 'tcl') {
		unlink $file;
		my $trap = $script->start(['trap', $file, 'TSTP']);
		wait_for_file($file);
		kill TSTP => $trap->{pid};
		is_result(end($trap), {status => exited(7), out => "got TSTP\n"}, 'a handler has the stop signal');
	}
});

finish();
