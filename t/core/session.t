# Role: session. Who has a controlling terminal has a server of his own session, that ends with it; all others share one.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Terminal;
use Prefork::Test::Wire;

my $folder = private_directory('sessions');
my $script = script(core_language());
my $shared = script(core_language(), options => '--session=shared');
my $own = script(core_language(), options => '--session=own');
my $file = 0;

# A shell on a terminal of its own.
sub shell() {
	my $terminal = Prefork::Test::Terminal->new(
		argv        => [qw(/bin/bash --norc --noprofile --noediting +o history -i)],
		environment => environment_list(PS1 => 'ok> '),
		cwd         => $folder,
	) // return;
	$terminal->expect('ok> ');
	return $terminal;
}

sub command ($terminal, $line) {
	$terminal->type("$line\n");
	return $terminal->expect('ok> ');
}

# What a call there writes; WORDS behind the script's path.
sub call ($terminal, $s, $words) {
	my $name = 'out' . ++$file;
	command($terminal, "'" . $s->path . "' $words >$name");
	chomp(my $text = read_file("$folder/$name"));
	return $text;
}

sub leave ($terminal) {
	$terminal->type("exit\n");
	return $terminal->ended;
}

# (process id, parent, group, session) of an executor there, and its server's: hashes.
sub roles ($terminal, $s) {
	my (%executor, %server);
	@executor{qw(pid parent group session)} = split ' ', call($terminal, $s, 'pid');
	@server{qw(pid name state parent group session)} = proc_stat($executor{parent});
	return (\%executor, \%server);
}

# No server of a session is left, after a time; COUNT daemons are.
sub daemons_only ($count) {
	return wait_for(sub {
		my @servers = grep { $_->{name} eq 'prefork-server' } descendants();
		return @servers == $count && $count == grep { $_->{session} == $_->{pid} } @servers;
	});
}

my $one = shell();
if (!$one) {
	finish();
	exit;
}
my $two = shell();

subtest 'a server for each terminal, and one for all that have none' => sub {
	my @nonces = (call($one, $script, 'count'), call($two, $script, 'count'), $script->warm);
	my %different = map { $_ => 1 } @nonces;
	is(keys %different, 3, 'three servers');
	is(call($one, $script, 'count'), $nonces[0], 'the first terminal\'s again');
	is(call($two, $script, 'count'), $nonces[1], 'the second terminal\'s again');
	is($script->warm, $nonces[2], 'the daemon again');
	is($script->warm(session => 1), $nonces[2], 'for a caller in another session too');
	is(sockets(), 3, 'each has its socket');

	# The same session, but not the same group and not by its descriptors.
	command($one, '(' . $script->path . ' count </dev/null 2>/dev/null | cat >inner) & wait');
	is(read_file("$folder/inner"), "$nonces[0]\n", 'a background job without the terminal\'s descriptors');
};

subtest 'where the processes are' => sub {
	my ($executor, $server) = roles($one, $script);
	is($executor->{session}, $one->leader, 'the executor is in the shell\'s session');
	isnt($executor->{group}, $one->leader, 'in its job');
	is($server->{session}, $one->leader, 'and so is the server');
	is($server->{group}, $server->{pid}, 'in a group of its own');
	my @watchers = grep { $_->{name} eq 'prefork-watch' } descendants();
	is((grep { $_->{session} == $one->leader } @watchers), 0, 'no watcher is');
	($executor, $server) = roles($one, $shared);
	isnt($executor->{session}, $one->leader, '--session=shared: the executor is not');
	is($server->{session}, $server->{pid}, 'its server is a daemon');
};

subtest '--session=shared on a terminal' => sub {
	my $nonce = $shared->warm;
	is(call($one, $shared, 'count'), $nonce, 'the server is that of callers without a terminal');
	is(call($two, $shared, 'count'), $nonce, 'and of another terminal');
	command($one, 'rm -f trap.pid');
	$one->type($shared->path . ' trap trap.pid INT; echo "status $?"' . "\n");
	wait_for_file("$folder/trap.pid");
	$one->type("\x03");
	ok($one->expect('got INT'), 'Ctrl-C reaches the script') if core_language() ne 'tcl';
	ok($one->expect(core_language() eq 'tcl' ? 'status 77' : 'status 7'), 'once');
	$one->expect('ok> ');
};

subtest '--session=own without a terminal' => sub {
	my $line = '"$1" count; "$1" count; exec 2>/dev/null; "$1" pid';
	my %different;
	for my $n (1, 2) {
		my $r = run(['/bin/sh', '-c', $line, 'sh', $own->path], session => 1);
		my ($first, $second, $last) = split /\n/, $r->{out};
		my ($executor, $parent, $group, $session) = split ' ', $last;
		is($second, $first, 'one server in the session');
		isnt($session, $executor, 'of which the executor is a member');
		$different{$first} = 1;
	}
	is(keys %different, 2, 'another session has another');
	is_result($own->call(['exit', 3], session => 1),
		{status => exited(3), err => qr/leads its session/}, 'the leader itself has none');
};

subtest '--kill puts the own session\'s server aside' => sub {
	my @before = map { call($_, $script, 'count') } $one, $two;
	my $line = client_path() . ' --kill -- ' . join ' ', @{$script->{interpreter}}, $script->path;
	command($one, $line);
	isnt(call($one, $script, 'count'), $before[0], 'this one has a new server');
	is(call($two, $script, 'count'), $before[1], 'the other terminal\'s is untouched');
};

subtest 'a value that is none' => sub {
	my $r = client(['--session=mine', '--', 'perl', '/nonexistent']);
	is_result($r, {status => exited(127), out => '', err => "prefork-interp: --session: mine: not auto, own or shared\n"},
		'is said');
};

subtest 'a server ends with its session' => sub {
	my $nonce = $script->warm;
	my @servers = map { open_watch((roles($_, $script))[1]{pid}) } $one, $two;
	my $count = sockets();
	leave($one);
	ok(process_gone([$servers[0]]), 'the shell leaves: the server does');
	ok(wait_for(sub { sockets() == $count - 1 }), 'with its socket');
	ok(!process_gone([$servers[1]], 0), 'the other terminal\'s is there');

	# What runs there goes on until it has ended.
	command($two, 'mkfifo fifo; ' . $script->path . ' wait running fifo </dev/null >/dev/null 2>&1 & disown');
	chomp(my $running = wait_for_file("$folder/running"));
	my $watch = open_watch($running);
	leave($two);
	$two->hangup;
	ok(wait_for(sub { 2 == grep { wire_connect($_) } sockets() }), 'one that serves a call takes no more');
	ok(!process_gone([$watch], 0), 'and lets it run');
	open my $fifo, '>', "$folder/fifo" or die "fifo: $!\n";
	close $fifo;
	ok(process_gone([$watch, $servers[1]]), 'then both end');
	ok(daemons_only(2), 'only daemons are left');
	is($script->warm, $nonce, 'which have seen nothing of it');
};

finish();
