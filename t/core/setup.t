# Role: setup. Input null, output on the caller's error output, no lock; reaped, and its failure passed on.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
my $script = script(core_language());

# Start a call whose setup hangs: (call, setup as in descendants()).
sub hanging (%with) {
	my $p = $script->start(['args', 'x'], env => {CONTRACT_SETUP => 'hang', %{$with{env} // {}}});
	my $path = quotemeta $script->path;
	my $setup;
	wait_for(sub {
		($setup) = grep { $_->{pid} != $p->{pid} && $_->{command} =~ /$path/ && $_->{name} !~ /^prefork/ } descendants();
		return $setup;
	});
	return ($p, $setup);
}

subtest 'its descriptors' => sub {
	my ($p, $setup) = hanging();
	ok($setup, 'setup runs') or return;
	my %to = map { (s{.*/}{}r) => readlink } glob "/proc/$setup->{pid}/fd/*";
	like($to{$_}, qr/memfd:prefork-setup/, "descriptor $_ is a file in memory") for 0 .. 2;
	my %inodes = map { (stat "/proc/$setup->{pid}/fd/$_")[1] => 1 } 0 .. 2;
	is(scalar(keys %inodes), 3, 'each another one');
	is(join(' ', grep { m{/l[0-9a-f]{32}} } values %to), '', 'no lock');
	my ($lock) = locks();
	ok($lock, 'though there is one');
	kill KILL => $p->{pid};
	end($p);
	ok(wait_for(sub { !descendants() }), 'it goes with its client');
};

subtest 'its arguments' => sub {
	my ($p, $setup) = hanging();
	unlike($setup->{command}, qr/ args x/, 'are not the call\'s');
	kill KILL => $p->{pid};
	end($p);
	wait_for(sub { !descendants() });
};

subtest 'its output' => sub {
	my $r = $script->call(['out', 'x'], env => {CONTRACT_SETUP => 'noise'});
	is_result($r, {status => 0, out => "setup-out\nx", err => "setup-err\n"}, 'goes where it would go');
	quiet_down();
};

subtest 'reaped' => sub {
	my $nonce = $script->warm;
	is(join(' ', map { "$_->{pid} $_->{name}" } grep { $_->{state} eq 'Z' } descendants()), '', 'no zombie');
	quiet_down();
};

subtest 'its failure is passed on' => sub {
	my $failing = script(core_language());
	my $r = $failing->call(['args', 'x'], env => {CONTRACT_SETUP => 'exit3'});
	is_result($r, {status => exited(3), out => '', err => qr/^prefork-interp: [^\n]+\n\z/m}, 'the plain run\'s status, and why');
	is(scalar(sockets()), 0, 'no socket is left');
};

subtest 'the last it has said' => sub {
	my %text = (
		perl   => qq{use Proc::Prefork::Interp;\nwarn "first\\n";\ndie "the last\\n";\nprefork_initialisation_complete();\n},
		python => qq{import sys, prefork_interp\nsys.exit("first\\nthe last")\nprefork_interp.initialisation_complete()\n},
		tcl    => qq{package require prefork_interp\nputs stderr first\nputs stderr "the last"\nexit 1\nprefork_interp::initialisation_complete\n},
	);
	my $failing = script(core_language(), text => $text{core_language()});
	$failing->call([]);
	my $r = $failing->call([]);
	like($r->{err}, qr/plain run: setup exited with status \d+: the last\n/, 'is why, as remembered');
	quiet_down();
	unlink refusals();
};

subtest 'killed' => sub {
	my $killed = $script;
	my ($p, $setup) = hanging(env => {PREFORK_INTERP_DEBUG => 1});
	kill KILL => $setup->{pid};
	my $plain;
	ok(wait_for(sub { ($plain) = grep { $_->{pid} == $p->{pid} && $_->{name} !~ /^prefork/ } descendants(); return $plain }),
		'its client runs plain');
	kill TERM => $p->{pid};
	is_result(end($p), {status => killed_by(15), err => qr/prefork-interp: /}, 'and says why');
};

finish();
