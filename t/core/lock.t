# Role: lock. One launcher at a time makes a key's server; the lock comes back however a launcher ends.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Fcntl qw(:flock);

my $script = script(core_language());
$script->warm;
my ($socket) = sockets();
my $lock = $socket =~ s{/s([0-9a-f]+)\z}{/l$1}r;

# Hold the key's lock, without a server.
sub hold() {
	quiet_down();
	open my $h, '>>', $lock or die "$lock: $!\n";
	flock $h, LOCK_EX or die "$lock: $!\n";
	return $h;
}

# Does a process wait for the lock?
sub waiting() {
	my ($device, $inode) = (stat $lock)[0, 1];
	return grep { /->.*:$inode / } split /^/, read_file('/proc/locks');
}

subtest 'a first call waits for the lock' => sub {
	my $h = hold();
	my $p = $script->start(['exit', 3]);
	ok(wait_for(\&waiting), 'its launcher waits');
	is(scalar(sockets()), 0, 'and makes nothing');
	close $h;
	is_result(end($p), {status => exited(3), out => '', err => ''}, 'then it is served');
};

subtest 'nobody holds it when the server is there' => sub {
	my @held = grep { my $i = (stat $lock)[1]; defined $i && /:$i / } split /^/, read_file('/proc/locks');
	is("@held", '', 'not the server, nor the watcher');
};

subtest 'a client that is killed while its launcher waits' => sub {
	my $h = hold();
	my $p = $script->start(['exit', 3]);
	ok(wait_for(\&waiting), 'its launcher waits');
	kill KILL => $p->{pid};
	end($p);
	ok(wait_for(sub { !descendants() }), 'the launcher goes while the lock is held');
	close $h;
};

subtest 'a launcher that is killed holding it' => sub {
	quiet_down();
	my %with = (env => {CONTRACT_SETUP => 'hang', PREFORK_INTERP_DEBUG => undef});
	my $p = $script->start(['exit', 3], %with);
	my ($launcher, $setup);
	ok(wait_for(sub {
		($setup) = grep { $_->{pid} != $p->{pid} && $_->{name} !~ /^prefork/ && $_->{command} =~ /script/ } descendants();
		return $setup;
	}), 'a setup that hangs');
	($launcher) = grep { $_->{pid} == $setup->{parent} } descendants();
	my $watch = open_watch($setup->{pid});
	kill KILL => $launcher->{pid};
	kill KILL => $setup->{pid};
	process_gone([$watch]);
	my $hanging;
	ok(wait_for(sub { ($hanging) = grep { $_->{pid} == $p->{pid} && $_->{name} !~ /^prefork/ } descendants(); return $hanging }),
		'its client runs plain');
	kill KILL => $p->{pid};
	end($p);
	is_result($script->call(['exit', 3]), {status => exited(3), out => '', err => ''}, 'the next call gets the lock');
};

subtest 'a lock that is not to be had in time' => sub {
	my $h = hold();
	my $since = now();
	is_result($script->call(['exit', 3], deadline => 60), {status => exited(3), out => '', err => qr/^prefork-interp: .*lock/},
		'the call runs plain');
	cmp_ok(now() - $since, '>', 20, 'after some time');
	close $h;
};

finish();
