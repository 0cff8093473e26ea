# A script as it is, which gains too little by its server, runs plain from then on, until it changes.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

use File::Basename qw(dirname);

my %TEXT = (perl => q{print "@ARGV\n"}, python => q{import sys; print(*sys.argv[1:])}, tcl => q{puts [join $argv]});
my $CALLS = 40;    # more than it takes to find out, even if something is learned on the way

# Call until a call is plain: how many were served.
sub calls_served ($script) {
	for my $served (0 .. $CALLS) {
		my $r = $script->call(['x'], env => {PREFORK_INTERP_DEBUG => 1});
		is_result($r, {status => 0, out => "x\n", err => qr/\A(?:prefork-interp: [^\n]*: plain run: a server saves too little: [^\n]*\n)?\z/},
			"call $served") or return;
		return $served if $r->{err};
		# What the call has learned is loaded when no call runs.
		wait_for(sub { !grep { wire_is_learning($_) } sockets() });
	}
	return;
}

each_language(sub ($language) {
	subtest 'too little' => sub {
		my $script = script($language, text => "$TEXT{$language}\n", options => '--min-gain=1000000');
		my $served = calls_served($script);
		ok(defined $served && $served >= 3, 'plain after three calls at least');
		is(scalar(refusals()), 1, 'that is remembered');
		is(scalar(sockets()), 0, 'the server has gone');
		is(calls_served($script), 0, 'the next one is plain too');
		write_file($script->path, read_file($script->path) . "\n", 0755);
		ok(calls_served($script), 'a script that has changed is tried again');
		quiet_down();
		unlink refusals(), locks();
	};
	subtest 'enough' => sub {
		my $script = script($language, text => "$TEXT{$language}\n", options => '--min-gain=-1');
		is_result($script->call(['x'], env => {PREFORK_INTERP_DEBUG => 1}), {status => 0, out => "x\n"}, 'served') for 1 .. 6;
		quiet_down();
		unlink locks();
	};
});

# A client without its launcher: it reads by itself what is remembered.
subtest 'no launcher is needed to know' => sub {
	my $script = script(core_language(), text => "$TEXT{core_language()}\n", options => '--min-gain=1000000');
	my $tree = private_directory('tree');
	my $prefix = dirname(dirname(client_path()));
	calls_served($script);
	mkdir "$tree/$_" for qw(bin libexec libexec/prefork-interp);
	symlink "$prefix/lib", "$tree/lib";
	write_file("$tree/bin/prefork-interp", read_file(client_path()), 0755);
	my @words = split ' ', (split /\n/, read_file($script->path))[0] =~ s/^#!\S+//r;
	like(run(["$tree/bin/prefork-interp", @words, $script->path, 'x'])->{err}, qr/plain run: a server saves too little/, 'the reason');
};

finish();
