# Role: watcher. A daemon with an inotify watch on the socket's path; tied to its server both ways.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
my $script = script(core_language());

# (server, watcher) of the script, as descendants() has them.
sub roles() {
	my $nonce = $script->warm;
	my $pid = server_of($script);
	my @all = descendants();
	my ($server) = grep { $_->{pid} == $pid } @all;
	my @watchers = grep { inotify_watches($_->{pid}) && $_->{pid} != $pid } @all;
	is(scalar @watchers, 1, 'there is one watcher');
	return ($server, $watchers[0]);
}

sub inotify_watches ($pid) {
	return grep { /^inotify wd:/m } map { read_file($_) // '' } glob "/proc/$pid/fdinfo/*";
}

# What a descriptor of a process is.
sub descriptor ($process, $n) { return readlink("/proc/$process->{pid}/fd/$n") // '' }

subtest 'daemonised' => sub {
	my ($server, $watcher) = roles();
	is($watcher->{parent}, $$, 'not the child of whoever started it: it has been orphaned');
	my (undef, undef, undef, undef, undef, $mine) = proc_stat($$);
	isnt($watcher->{session}, $mine, 'in no session of the caller');
	isnt($watcher->{session}, $server->{session}, 'nor of the server');
	is(descriptor($watcher, $_), '/dev/null', "descriptor $_") for 0, 1;
	like(descriptor($watcher, 2), qr/^pipe:/, 'descriptor 2 is a pipe');
	my ($error) = descriptor($watcher, 2) =~ /(\d+)/;
	ok(scalar(grep { (readlink // '') eq "pipe:[$error]" } glob "/proc/$server->{pid}/fd/*"), 'to the server');
};

for my $way (['removed', sub ($path) { unlink $path }],
	['renamed', sub ($path) { rename $path, "$path.away" }],
	['replaced', sub ($path) { rename write_file("$path.new", ''), $path }]) {
	my ($name, $do) = @$way;
	subtest "the socket is $name" => sub {
		my ($server, $watcher) = roles();
		my @watches = map { open_watch($_->{pid}) } $server, $watcher;
		my ($path) = sockets();
		$do->($path);
		ok(process_gone(\@watches), 'watcher and server go');
		unlink $path, "$path.away";
	};
}

subtest 'the sentinel: the server ends' => sub {
	my ($server, $watcher) = roles();
	my @watches = map { open_watch($_->{pid}) } $server, $watcher;
	kill KILL => $server->{pid};
	ok(process_gone(\@watches), 'the watcher goes');
};

subtest 'the watcher ends' => sub {
	my ($server, $watcher) = roles();
	my $watch = open_watch($server->{pid});
	kill KILL => $watcher->{pid};
	ok(process_gone([$watch]), 'the server goes');
	is_result($script->call(['exit', 3]), {status => exited(3), err => ''}, 'the next call starts another');
};

subtest 'its messages' => sub {
	if (my $why = syslog_missing()) {
		need_missing('the watcher\'s messages in the log', $why);
		return;
	}
	my ($server, $watcher) = roles();
	open my $error, '>', "/proc/$watcher->{pid}/fd/2" or die "watcher's error output: $!\n";
	syswrite $error, "something odd\n";
	close $error;
	ok(syslog_wait(qr/watcher: something odd/), 'are logged by the server');
	is(server_of($script), $server->{pid}, 'which goes on');
};

finish();
