# The command line: options, help, and what is said when it is wrong.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
my $one_line = qr/\Aprefork-interp: [^\n]+\n\z/;
my %quiet = (env => {PREFORK_INTERP_DEBUG => undef});

my $help = client(['--help']);
is_result($help, {status => 0, err => '', out => qr/\Ausage: /}, '--help');
like($help->{out}, qr/^  \Q$_\E\b/m, "--help names $_") for qw(-U -f --kill -E -G -g --idle-timeout --max-servers);
is_result(client(['--version']), {status => 0, err => '', out => qr/\Aprefork-interp \d+\.\d+\S*\n\z/}, '--version');

is_result(client($_), {status => exited(127), out => '', err => $one_line}, "wrong: @$_")
	for [], ['--'], ['--frobnicate', '--', 'perl'], ['-Z', 'perl'], ['-G'], ['--idle-timeout'],
	['--idle-timeout=', 'perl', 'x'], ['--max-servers=many', 'perl', 'x'], ['--max-servers=0', 'perl', 'x'],
	['no-such-interpreter', 'x'], ['/no/such/interpreter', 'x'], ['/etc/passwd', 'x'], ['/etc', 'x'], ['', 'x'];
like(client(['--frobnicate', 'perl'])->{err}, qr/frobnicate/, 'the message names the option');
like(client(['no-such-interpreter', 'x'])->{err}, qr/no-such-interpreter.*No such file/, 'the message names the interpreter');

each_language(sub ($language) {
	my $script = script($language);
	my ($interpreter) = @{$script->{interpreter}};
	my $path = $script->path;
	is_result(client(['--', $interpreter, $path, 'args', '-f', '--kill']), {status => 0, out => "2d66\n2d2d6b696c6c\n", err => ''},
		'a command line');
	is_result(client([$interpreter, $path, 'exit', 4]), {status => exited(4), out => '', err => ''}, 'without --');
	is(scalar(sockets()), 1, 'by one server');

	my $plain = run([$interpreter, '/no/such/script'], program => which($interpreter), %quiet);
	is_result(client(['--', $interpreter, '/no/such/script'], %quiet), $plain, 'a script that is not there');
	is_result(client(['--', $interpreter], stdin => '', %quiet), {status => 0}, 'no script: input is the script');
	$plain = run([$interpreter, '/'], program => which($interpreter), %quiet);
	is_result(client(['--', $interpreter, '/'], %quiet), $plain, 'a directory as script');
	quiet_down();

	# What tells servers apart.
	my @words = ('--', $interpreter, $path, 'count');
	my $count = sub ($options, %env) { return client([@$options, @words], env => \%env)->{out} };
	my $usual = $count->([]);
	like($usual, qr/^[0-9a-f]{16}$/, 'a server');
	is($count->([], CONTRACT_X => 1), $usual, 'a variable does not matter');
	isnt($count->(['-E', 'CONTRACT_X'], CONTRACT_X => 1), $count->(['-E', 'CONTRACT_X'], CONTRACT_X => 2), 'unless -E names it');
	isnt($count->(['-E', 'CONTRACT_X'], CONTRACT_X => ''), $count->(['-E', 'CONTRACT_X']), 'set to nothing and not set differ');
	is($count->(['-E', 'CONTRACT_X'], CONTRACT_X => 1), $count->(['-E', 'CONTRACT_X'], CONTRACT_X => 1), 'the same value is the same');
	isnt($count->(['-G', 'a']), $count->(['-G', 'b']), '-G tells apart');
	isnt($count->(['-G', 'a', '-G', 'b']), $count->(['-G', 'ab']), 'each by itself');
	is($count->(['-G', 'a']), $count->(['-G', 'a']), 'the same is the same');
	isnt($count->([], HOME => '/tmp'), $usual, 'HOME is part of the key');
	isnt($count->([], LC_ALL => 'C'), $usual, 'so is the locale');
	is($count->(['-g', 'name'], HOME => '/tmp'), $count->(['-g', 'name']), '-g replaces the key');
	isnt($count->(['-g', 'name']), $count->(['-g', 'other']), 'by its name');
	is($count->([]), $usual, 'and the usual one is still there');
});

sub which ($name) {
	return $name if $name =~ m{/};
	my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
	return $path;
}

finish();
