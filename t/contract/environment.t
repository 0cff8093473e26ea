# A script's environment is the caller's, whole: nothing of the server's, nothing added, nothing lost.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my %VALUES = (
	'plain'         => 'value',
	'empty'         => '',
	'equals signs'  => '=a=b=',
	'newline'       => "a\nb\n",
	'UTF-8'         => "\xe2\x82\xac",
	'invalid UTF-8' => "\xff\x80\xc3",
	'every byte'    => join('', map { chr } 1 .. 255),
);

sub hex_line ($bytes) { return unpack('H*', $bytes) . "\n" }

each_language(sub ($language) {
	my $script = script($language);
	for my $name (sort keys %VALUES) {
		my $value = $VALUES{$name};
		my %env = (env => {CONTRACT_VALUE => $value});
		# Tcl has no bytes here, only characters: it takes what is no UTF-8 for Latin 1, alike in every run.
		my %expected = $language eq 'tcl' && $value !~ /^[ -~]*$/ ? () : (out => hex_line($value));
		same_result($script, ['env', 'CONTRACT_VALUE'], $name, %env, cold => $name eq 'every byte',
			expect => {status => 0, %expected, err => ''});
		same_result($script, ['cenv', 'CONTRACT_VALUE'], "$name, in a child", %env,
			expect => {status => 0, out => "$value\n", err => ''});
	}

	# Each call's environment is its own.
	is_result($script->call(['env', 'CONTRACT_VALUE']), {out => "unset\n"}, 'not set in the next call');
	quiet_down();
	$script->warm(env => {CONTRACT_FIRST => 'setup'});
	is_result($script->call(['env', 'CONTRACT_FIRST']), {out => "unset\n"}, 'what setup had is gone');
	is_result($script->call(['cenv', 'CONTRACT_FIRST']), {status => exited(1), out => ''}, 'also for a child');
	same_result($script, ['environ'], 'the whole environment', cold => 1, env => {CONTRACT_ODD => "\xff\n"});
	same_result($script, ['cenv', $_], "$_, in a child") for qw(PATH HOME PERL5LIB PYTHONPATH TCLLIBPATH);
	same_result($script, ['cenv', 'PREFORK_INTERP'], 'nothing of the handshake', expect => {status => exited(1), out => ''});

	my $large = 'x' x 100_000;
	my @large = map { "CONTRACT_LARGE$_=$_$large" } 0 .. 10;
	my @environment = (@{environment_list()}, @large);
	same_result($script, ['cenv', 'CONTRACT_LARGE10'], 'a megabyte', environment => \@environment, cold => 1,
		expect => {status => 0, out => "10$large\n", err => ''});

	# Twice the same name: which one counts is the language's own business, but a call decides as a plain run.
	my @twice = (@{environment_list()}, 'CONTRACT_TWICE=first', 'CONTRACT_TWICE=second');
	same_result($script, ['env', 'CONTRACT_TWICE'], 'a name twice', environment => \@twice);

	# Some entries are no variables at all.
	my @odd = (@{environment_list()}, 'CONTRACT_NO_EQUALS', '=CONTRACT_NO_NAME');
	same_result($script, ['args', 'a'], 'entries that are no variables', environment => \@odd,
		expect => {status => 0, out => "61\n"});
});

finish();
