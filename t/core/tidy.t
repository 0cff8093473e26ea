# Role: tidy stale entries. What nobody stands behind goes; never one in use; there is a bound.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Fcntl qw(:flock);
use IO::Select;
use Prefork::Test::Wire;

use constant BOUND => 64;

my $run = run_directory();
my $count = 0;

sub key() { return sprintf '%032x', ++$count + (1 << 40) }

sub stale_socket ($key) {
	close wire_listen("$run/s$key");
	return "$run/s$key";
}

# A fresh script's first call runs the launcher.
sub launch() {
	my $r = script(core_language())->call(['exit', 3]);
	return is_result($r, {status => exited(3), out => '', err => ''}, 'a first call');
}

subtest 'a socket where nobody listens' => sub {
	my $script = script(core_language());
	my $nonce = $script->warm;
	my ($path) = sockets();
	my $server = server_of($script);
	my $watch = open_watch($server);
	kill KILL => $server;
	ok(process_gone([$watch]), 'the server is killed');
	stale_socket($path =~ s{.*/s}{}r) if !-e $path;
	isnt($script->warm, $nonce, 'its script gets another');
	is(scalar(sockets()), 1, 'under the same name');
};

subtest 'entries of others' => sub {
	my @stale = map { stale_socket(key()) } 1 .. 3;
	push @stale, write_file("$run/l" . key(), ''), write_file("$run/m" . key(), 'half');
	my $locked_key = key();
	my $locked = stale_socket($locked_key);
	open my $lock, '>', "$run/l$locked_key" or die "lock: $!\n";
	flock $lock, LOCK_EX;
	my $alive_key = key();
	my $alive = wire_listen("$run/s$alive_key");
	my $other = write_file("$run/README", '');
	launch();
	is(join(' ', grep { -e } @stale), '', 'stale ones go');
	ok(-e $locked, 'one that somebody is busy with stays');
	ok(-e "$run/s$alive_key", 'one where somebody listens stays');
	ok(-e $other, 'what is not ours stays');
	unlink $locked, "$run/l$locked_key", "$run/s$alive_key", $other;
};

# A process that answers REPORT on all the listeners; the number is how long each has been idle, negative: it runs calls.
sub fake_servers ($idle, $listeners) {
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	my $select = IO::Select->new(@$listeners);
	while (1) {
		for my $l ($select->can_read) {
			my $s = wire_accept($l) or next;
			wire_send($s, wire_greeting(2));
			my $m = wire_read_message($s, 5) or next;
			my $ms = $idle->{fileno $l};
			wire_send($s, wire_message(REPORT, PID, wire_u32($$), RUNNING, wire_u32($ms < 0 ? 1 : 0), SERVED, wire_u64(1),
				IDLE_MS, wire_u64($ms < 0 ? 0 : $ms)));
		}
	}
}

subtest 'the bound on servers' => sub {
	quiet_down();
	my (%idle, @listeners, %ms);
	for my $n (1 .. BOUND + 5) {
		my $path = "$run/s" . key();
		push @listeners, wire_listen($path);
		$ms{$path} = $idle{fileno $listeners[-1]} = $n % 10 ? $n * 1000 : -1;
	}
	my $pid = fake_servers(\%idle, \@listeners);
	@listeners = ();
	launch();
	my @gone = sort { $ms{$a} <=> $ms{$b} } grep { !-e } keys %ms;
	my @longest = (grep { $_ > 0 } sort { $a <=> $b } values %ms)[-6 .. -1];
	is_deeply([map { $ms{$_} } @gone], \@longest, 'those idle for longest go, as many as must');
	kill KILL => $pid;
	waitpid $pid, 0;
	unlink keys %ms;
};

subtest 'the bound on refusals' => sub {
	quiet_down();
	my @files = map { write_file("$run/n" . key(), 'x') } 1 .. BOUND + 3;
	my $then = time - 1000;
	utime $then + $_, $then + $_, $files[$_] for 0 .. $#files;
	launch();
	my @gone = grep { !-e $files[$_] } 0 .. $#files;
	is_deeply(\@gone, [0 .. 2], 'those unused for longest go');
	unlink @files;
};

finish();
