# Role: monitor. Process group, greeting, receive, start, wait for caller or executor, status: one state machine.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;
use POSIX ();

my $script = script(core_language());
my $nonce = $script->warm;
my ($path) = sockets();
my $server = server_of($script);

# Connect and be greeted.
sub greeted() {
	my $s = wire_connect($path);
	return wire_read_greeting($s) && $s;
}

# A pipe for the executor's output: (our end, its end).
sub output() {
	pipe my $r, my $w or die "pipe: $!\n";
	return ($r, $w);
}

open my $null, '+<', '/dev/null' or die "/dev/null: $!\n";

# Send a request that runs the script with these arguments: (socket, output).
sub called (@arguments) {
	my $s = greeted();
	my ($r, $w) = output();
	my @request = wire_request(script => $script->path, arguments => \@arguments, environment => environment_list());
	ok(wire_send($s, wire_message(REQUEST, @request), $null, $w, $null), 'a request is sent');
	close $w;
	return ($s, $r);
}

sub ended ($s, $status, $name) {
	my $m = wire_read_message($s);
	is_deeply($m, {type => STATUS, fields => {WAITSTATUS, wire_u32($status)}}, $name);
	return ok(wire_at_end($s), 'then it hangs up');
}

subtest 'a call from greeting to status' => sub {
	my ($s, $r) = called('args', 'x');
	is(wire_receive($r, 100), "78\n", 'output, to its end');
	ended($s, 0, 'status');
};

subtest 'process group' => sub {
	my ($s, $r) = called('pid');
	my ($pid, $parent, $group, $session) = split ' ', wire_receive($r, 100);
	is($parent, $server, 'the server\'s child');
	isnt($group, $parent, 'in a group of its own');
	isnt($group, getpgrp, 'which is not the caller\'s');
	is($session, $server, 'in the server\'s session');
	ended($s, 0, 'status');
};

subtest 'signals' => sub {
	my $file = private_directory('signals') . '/pid';
	my ($s) = called('spawn', $file);
	my @watches = map { open_watch($_) } split ' ', wait_for_file($file);
	wire_send($s, wire_message(SIGNAL, SIGNUMBER, wire_u32(15)));
	ended($s, killed_by(15), 'status');
	ok(process_gone(\@watches), 'the whole group is gone');
};

# The server continues its client, so that has to be another process than this test.
subtest 'stopped and continued' => sub {
	my $file = private_directory('stopped') . '/pid';
	my ($told, $tell) = output();
	my $client = fork // die "fork: $!\n";
	if (!$client) {
		my $s = greeted();
		my @request = wire_request(script => $script->path, arguments => ['spawn', $file],
			environment => environment_list());
		wire_send($s, wire_message(REQUEST, @request), $null, $null, $null);
		while (my $m = wire_read_message($s)) {
			syswrite $tell, "$m->{type} ";
		}
		POSIX::_exit(0);
	}
	close $tell;
	my ($pid, $child) = split ' ', wait_for_file($file);
	kill STOP => $pid;
	is(wire_receive($told, length(STOPPED) + 1), STOPPED . ' ', 'the client is told that the script has stopped');
	kill STOP => $client;
	ok(wait_for(sub { (proc_stat($client))[2] eq 'T' }), 'the client is stopped');
	kill CONT => $pid;
	ok(wait_for(sub { (proc_stat($client))[2] eq 'S' }), 'the client is continued');
	kill KILL => $pid, $child;
	is(wire_receive($told, 100), join('', map { "$_ " } CONTINUED, STATUS), 'and told of it');
	waitpid $client, 0;
};

subtest 'the caller hangs up' => sub {
	for my $state ('before the greeting is read', 'before the request', 'in the middle of the request') {
		my $s = $state =~ /read/ ? wire_connect($path) : greeted();
		wire_send($s, substr wire_message(REQUEST, wire_request()), 0, 40) if $state =~ /middle/;
		close $s;
		is($script->warm, $nonce, $state);
	}
	my $file = private_directory('gone') . '/pid';
	my ($s) = called('spawn', $file);
	my @watches = map { open_watch($_) } split ' ', wait_for_file($file);
	close $s;
	ok(process_gone(\@watches), 'while it runs: the whole group is gone');
};

sub report() {
	my $s = greeted();
	wire_send($s, wire_message(CONTROL, VERB, wire_u32(1)));
	my $m = wire_read_message($s);
	return ($m, wire_at_end($s));
}

subtest 'report' => sub {
	# The group of a caller that has gone has its grace time.
	ok(wait_for(sub { unpack('N', (report())[0]{fields}{+RUNNING}) == 0 }), 'no calls run');
	my ($m, $ended) = report();
	is($m->{type}, REPORT, 'an answer');
	ok($ended, 'then it hangs up');
	is(unpack('N', $m->{fields}{+PID}), $server, 'process id');
	cmp_ok(unpack('Q>', $m->{fields}{+SERVED}), '>', 5, 'calls served');
	ok(length $m->{fields}{+IDLE_MS} == 8, 'idle time');
};

is($script->warm, $nonce, 'it is the same server still');

subtest 'drain, quit' => sub {
	for my $case ([2, 'drain'], [3, 'quit']) {
		my ($verb, $name) = @$case;
		my $one = $script->warm;
		my $watch = open_watch(server_of($script));
		my $file = private_directory($name) . '/pid';
		my ($running) = called('spawn', $file);
		my ($pid, $child) = split ' ', wait_for_file($file);
		my $s = greeted();
		wire_send($s, wire_message(CONTROL, VERB, wire_u32($verb)));
		is(wire_read_message($s)->{type}, REPORT, "$name: an answer");
		kill TERM => $pid, $child if $name eq 'drain';
		ended($running, killed_by(15), "$name: the running call's end");
		ok(process_gone([$watch]), "$name: the server goes");
		isnt($script->warm, $one, "$name: the next call has another");
	}
};

finish();
