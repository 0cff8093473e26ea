# Role: accept loop. Idle time-out, watcher, reaping, limit on concurrent calls, failures to syslog.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use POSIX qw(mkfifo);
use Prefork::Test::Wire;

my $folder = private_directory('fifo');

# A call that runs until let_go().
sub occupy ($script, $name, %o) {
	mkfifo("$folder/$name", 0600) or die "fifo: $!\n" if !-e "$folder/$name";
	unlink "$folder/$name.pid";
	my $p = $script->start(['wait', "$folder/$name.pid", "$folder/$name"], %o);
	wait_for_file("$folder/$name.pid");
	return $p;
}

sub let_go ($p, $name) {
	open my $fifo, '>', "$folder/$name" or die "fifo: $!\n";
	close $fifo;
	return is_result(end($p), {status => 0, out => '', err => ''}, 'a call that ran meanwhile');
}

subtest 'idle time-out' => sub {
	my $script = script(core_language(), options => '--idle-timeout=1');
	my $watch = open_watch(server_of($script));
	ok(process_gone([$watch]), 'it goes');
	ok(wait_for(sub { !sockets() && !descendants() }), 'with socket and watcher');
	quiet_down();
};

subtest 'watcher' => sub {
	my $script = script(core_language());
	my $watch = open_watch(server_of($script));
	my $p = occupy($script, 'watcher');
	unlink sockets();
	is_result($script->call(['exit', 3]), {status => exited(3), out => '', err => ''}, 'a new call has a new server');
	let_go($p, 'watcher');
	ok(process_gone([$watch]), 'the old one goes when its calls are done');
	quiet_down();
};

subtest 'reaping' => sub {
	my $script = script(core_language());
	my $server = server_of($script);
	$script->call(['exit', $_]) for 1 .. 20;
	ok(wait_for(sub { !grep { $_->{parent} == $server } descendants() }), 'no child is left of 20 calls');
	quiet_down();
};

for my $way (['option of the #! line', '--max-servers=2', {}], ['option of the script', '', {CONTRACT_MAX_SERVERS => 2}]) {
	my ($name, $options, $env) = @$way;
	subtest "limit on concurrent calls: $name" => sub {
		my $script = script(core_language(), options => $options);
		my $nonce = $script->warm(env => $env);
		my ($path) = sockets();
		my @busy = map { [$_, occupy($script, $_, env => $env)] } 'one', 'two';

		my $since = now();
		my $s = wire_connect($path);
		my $greeting = wire_read_greeting($s);
		my $m = wire_read_message($s);
		is($greeting && $greeting->{banner}, "PFI\n", 'one more is greeted');
		is($m && $m->{type}, DECLINED, 'and declined');
		cmp_ok(now() - $since, '>', 0.15, 'after the queueing time');
		like($m->{fields}{+REASON}, qr/limit/, 'with the reason');
		ok(wire_at_end($s), 'and hung up');
		is_result($script->call(['exit', 3], env => $env), {status => exited(3), err => qr/\Aprefork-interp: [^\n]*limit[^\n]*\n\z/},
			'a client runs plain then');

		# Who queues is served when there is room.
		$s = wire_connect($path);
		let_go($busy[0][1], 'one');
		is(wire_read_greeting($s)->{banner}, "PFI\n", 'one that waits is greeted when there is room');
		close $s;
		is($script->warm(env => $env), $nonce, 'then calls are served again');
		let_go($busy[1][1], 'two');
		quiet_down();
	};
}

subtest 'no limit' => sub {
	my $script = script(core_language(), options => '--max-servers=-1');
	$script->warm;
	my @calls = map { $script->start(['spawn', "$folder/many$_"]) } 1 .. 80;
	wait_for_file("$folder/many$_") for 1 .. 80;
	my %executor = map { (split ' ', read_file("$folder/many$_"))[0] => 1 } 1 .. 80;
	my %parents = map { $_->{parent} => 1 } grep { $executor{$_->{pid}} } descendants();
	is(scalar keys %parents, 1, '80 calls at once, of one server');
	kill TERM => $_->{pid} for @calls;
	is(join(' ', grep { $_ ne 15 } map { end($_)->{status} } @calls), '', 'all end as asked');
	quiet_down();
};

subtest 'failures to syslog' => sub {
	if (my $why = syslog_missing()) {
		need_missing('the log', $why);
		return;
	}
	my $script = script(core_language());
	my $nonce = $script->warm;
	my ($path) = sockets();
	my $s = wire_connect($path);
	wire_read_greeting($s);
	wire_send($s, "rubbish rubbish rubbish");
	my $message = syslog_wait(qr/prefork-interp.*longer than the protocol allows/);
	ok($message, 'a message');
	cmp_ok($message->{severity}, '<=', 4, 'of an error');
	is($message->{facility}, 1, 'of facility user');
	is($script->warm, $nonce, 'the server goes on');
	quiet_down();
};

finish();
