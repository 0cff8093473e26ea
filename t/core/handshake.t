# Role: descriptors by the environment variable.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
my $script = script(core_language(), options => '--idle-timeout=600 --max-servers=7');
my $p = $script->start(['args'], env => {CONTRACT_SETUP => 'hang'});
my $setup;
# The language's runtime takes the variable away, but what the process was started with stays visible.
ok(wait_for(sub {
	($setup) = grep { $_->{pid} != $p->{pid} && $_->{name} !~ /^prefork/ && $_->{command} =~ /script/ } descendants();
	return $setup && read_file("/proc/$setup->{pid}/environ") =~ /PREFORK_INTERP=/;
}), 'setup has the variable');
my ($value) = map { /^PREFORK_INTERP=(.*)/s ? $1 : () } split /\0/, read_file("/proc/$setup->{pid}/environ");
like($value, qr/\Av1,\d+\.\d{9},p2,learned=[0-9a-f]{32} \d+,\d+,\d+,\d+ \S+\z/, 'of the form of version 1');
my ($version, $numbers, $options) = split / /, $value;
my ($time) = $version =~ /^v1,(\d+)/;
cmp_ok(abs($time - time), '<', 60, 'time of the start');
is_deeply([sort split /,/, $options], ['idle_timeout=600', 'max_servers=7'], 'options');
my @fds = map { readlink("/proc/$setup->{pid}/fd/$_") // 'closed' } split /,/, $numbers;
like($fds[$_], qr/^socket:/, "descriptor $_ is a socket") for 0, 1;
like($fds[$_], qr/^pipe:/, "descriptor $_ is a pipe") for 2, 3;
# The order of the peer's client, on which its module relies.
my @access = map { my ($flags) = read_file("/proc/$setup->{pid}/fdinfo/$_") =~ /^flags:\s*(\d+)/m; oct $flags } split /,/, $numbers;
is($access[2] & 3, 1, 'the sentinel\'s write end');
is($access[3] & 3, 0, 'the read end of the watcher\'s messages');
ok($access[$_] & 04000, "descriptor $_ is non-blocking") for 0, 3;
kill KILL => $p->{pid};
end($p);
ok(wait_for(sub { !descendants() }), 'all goes');

for my $language (languages()) {
	my $s = script($language);
	# What a script finds in the environment without having been started by us.
	my $r = $s->plain(['args', 'x'], env => {PREFORK_INTERP => 'garbage', PREFORK_INTERP_DEBUG => undef});
	isnt($r->{status}, 0, "$language: a malformed variable is an error");
	like($r->{err}, qr/PREFORK_INTERP/, "$language: that names it");
	$r = $s->plain(['args', 'x'], env => {PREFORK_INTERP => 'v1,1.000000000 97,98,99,100', PREFORK_INTERP_DEBUG => undef});
	isnt($r->{status}, 0, "$language: descriptors that are not open are an error");
	$r = $s->call(['cenv', 'PREFORK_INTERP'], env => {PREFORK_INTERP => 'garbage'});
	is_result($r, {status => exited(1), out => '', err => ''}, "$language: the client passes none on");
}

finish();
