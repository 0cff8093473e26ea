# The plugin makes the runtime findable in setup alone: a script that could not find it finds it, and sees nothing of that.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my %VARIABLE = (perl => 'PERL5LIB', python => 'PYTHONPATH', tcl => 'TCLLIBPATH');

# Prints the language's search path, a line each.
my %PATHS = (
	perl   => 'print map { "$_\n" } @INC;',
	python => "import sys\nfor path in sys.path: print(path)\n",
	tcl    => 'catch {package require none}; foreach path $auto_path {puts $path}',    # a search adds to it
);
my %COMPLETE = (
	perl   => "use Proc::Prefork::Interp;\nprefork_initialisation_complete();\n",
	python => "import prefork_interp\nprefork_interp.initialisation_complete()\n",
	tcl    => "package require prefork_interp\nprefork_interp::initialisation_complete\n",
);

each_language(sub ($language) {
	my $variable = $VARIABLE{$language};
	for my $value (undef, '', '/nonexistent/somewhere') {
		my $name = !defined $value ? 'not set' : $value eq '' ? 'empty' : 'set';
		my %with = (env => {$variable => $value});
		my $script = script($language);
		is_result($script->call(['args', 'x'], %with), {status => 0, out => "78\n", err => ''}, "$variable $name: first call");
		is($script->warm(%with), $script->warm(%with), "$variable $name: served");
		my $expected = defined $value ? unpack('H*', $value) : 'unset';
		is_result($script->call(['env', $variable], %with), {out => "$expected\n", err => ''}, "$variable $name: as the caller has it");
		is_result($script->call(['cenv', $variable], %with), {status => defined $value ? 0 : exited(1)}, "$variable $name: in a child too");

		# The same script without the library, for the plain run: what a fresh interpreter would search.
		my $path = script($language, text => $COMPLETE{$language} . $PATHS{$language});
		my $bare = script($language, text => $PATHS{$language}, name => 'bare');
		my $got = $path->call([], %with);
		my $native = $bare->plain([], %with);
		s{/script\d+\b}{/scriptN} for $got->{out}, $native->{out};
		is_result($got, $native, "$variable $name: the search path is a fresh run's");
		quiet_down();
	}

	# Where the caller's environment names the runtime itself, that stays.
	my $script = script($language);
	is_result($script->call(['env', $variable]), {out => unpack('H*', runtime_path($language)) . "\n", err => ''},
		'what the caller has set himself stays');
	same_result($script, ['env', $variable], 'as in a plain run', cold => 1);
});

finish();
