# What makes another server, and what doesn't: who differs in what a server can't take over from each caller has its own.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use constant RLIMIT_STACK => 3;

my $script = script(core_language());
my @words = ('--', @{$script->{interpreter}}, $script->path, 'count');

sub nonce (%o) {
	my $options = delete $o{options} // [];
	my $r = client([@$options, @words], %o);
	is_result($r, {status => 0, out => qr/\A[0-9a-f]{16}\n\z/, err => ''}, "served: @$options") or return '';
	return $r->{out};
}

# Both are called twice, so that neither is just the newest.
sub another ($name, %o) {
	my $usual = nonce();
	my $other = nonce(%o);
	isnt($other, $usual, "$name: another server");
	is(nonce(), $usual, "$name: the usual one stays");
	is(nonce(%o), $other, "$name: so does the other");
	return;
}

# A process's own file of /proc or of a cgroup, written before the client starts.
sub writing ($path, $text) {
	return in_child => sub {
		open my $h, '>', $path or die "$path: $!\n";
		syswrite $h, $text =~ s/PID/$$/r or die "$path: $!\n";
		close $h;
	};
}

# A new cgroup: its folder, or nothing with the reason in $!.
sub new_cgroup() {
	my ($own) = read_file('/proc/self/cgroup') =~ m{^(?:0:|\d+:[^:]*\bpids\b[^:]*|\d+:name=[^:]*):(.*)$}m or return;
	for my $root (grep { -w "$_/cgroup.procs" } map { ("$_$own", $_) } glob('/sys/fs/cgroup /sys/fs/cgroup/*')) {
		my $path = "$root/prefork-test-$$";
		return $path if mkdir $path;
	}
	return;
}

is(nonce(), nonce(), 'alike: the same server');
is(nonce(umask => 077, cwd => '/', env => {OTHER => 'x'}), nonce(), 'umask, directory, other variables: the same server');
another('OOM score', writing('/proc/self/oom_score_adj', '500'));
another('soft stack limit', limits => {RLIMIT_STACK() => 4 << 20});
another('-G', options => ['-G', 'one']);
another('-E', options => ['-E', 'OTHER']);
another('--max-servers', options => ['--max-servers=3']);
another('HOME', env => {HOME => '/'});
isnt(nonce(options => ['-G', 'one']), nonce(options => ['-G', 'two']), '-G: each string its own');
isnt(nonce(options => ['-E', 'OTHER'], env => {OTHER => 1}), nonce(options => ['-E', 'OTHER'], env => {OTHER => 2}),
	'-E: each value its own');
isnt(nonce(options => ['-E', 'OTHER'], env => {OTHER => ''}), nonce(options => ['-E', 'OTHER']),
	'-E: an empty value is not the same as none');
isnt(nonce(options => ['--max-servers=3']), nonce(options => ['--max-servers=4']), '--max-servers: each number its own');

if (my $cgroup = new_cgroup()) {
	another('cgroup', writing("$cgroup/cgroup.procs", 'PID'));
	quiet_down();
	ok(wait_for(sub { return rmdir $cgroup }), 'nothing stays in the cgroup');
} else {
	need_missing('another cgroup', "none can be made: $!");
}

finish();
