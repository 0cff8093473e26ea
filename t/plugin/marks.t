# A script marks its boundary by loading the runtime's module and calling it.  One that only mentions the module is no such
# script: taken for one it would run as setup to its end, and then once more.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

# What each script does first, so that its runs can be counted.
my %COUNT = (
	perl   => 'BEGIN { open my $h, ">>", "%s" or die; syswrite $h, "run\n"; close $h }',
	python => 'open("%s", "a").write("run\n")',
	tcl    => 'set h [open "%s" a]; puts $h run; close $h',
);

my %MARKED = (
	perl => {
		'use'         => "use Proc::Prefork::Interp;\nprefork_initialisation_complete();",
		'behind if'   => "BEGIN { require Proc::Prefork::Interp if exists \$ENV{PREFORK_INTERP} }\n"
			. "if (defined &Proc::Prefork::Interp::prefork_initialisation_complete) {\n"
			. "\tProc::Prefork::Interp::prefork_initialisation_complete();\n}",
		'use if'      => "use if exists \$ENV{PREFORK_INTERP}, 'Proc::Prefork::Interp';\n"
			. 'prefork_initialisation_complete() if defined &prefork_initialisation_complete;',
		'behind text' => "my \$n = \$#INC; # it's\n\n=pod\n\nuse it\n\n=cut\n\nuse Proc::Prefork::Interp ();\n"
			. 'Proc::Prefork::Interp::prefork_initialisation_complete();',
	},
	python => {
		'import'        => "import prefork_interp\nprefork_interp.initialisation_complete()",
		'one of many'   => "import os, prefork_interp as p, sys; p.initialisation_complete()",
		'from'          => "from prefork_interp import initialisation_complete as done\ndone()",
		'behind if'     => "import os\nif 'PREFORK_INTERP' in os.environ: import prefork_interp; prefork_interp.initialisation_complete()",
		'by a function' => "from importlib import import_module\nimport_module('prefork_interp').initialisation_complete()",
		'__import__'    => '__import__("prefork_interp").initialisation_complete()',
		'in a function' => "def main():\n\timport prefork_interp\n\tprefork_interp.initialisation_complete()\nmain()",
		'behind text'   => "'''It's \\''' a \"text\"''' # it's\nx = 'a\\'b' \"\" r'\\\\'\nimport prefork_interp\nprefork_interp \\\n.initialisation_complete()",
	},
	tcl => {
		'package'   => "package require prefork_interp\nprefork_interp::initialisation_complete",
		'behind if' => "if {[info exists env(PREFORK_INTERP)]} {package  require prefork_interp; prefork_interp::initialisation_complete}",
		'in catch'  => "if {![catch {package require prefork_interp}]} {\n\tprefork_interp::initialisation_complete\n}",
	},
);

my %MENTIONED = (
	perl => {
		'a comment'         => "# use Proc::Prefork::Interp;\nmy \$x; # prefork_initialisation_complete",
		'a text'            => 'my $x = "not use Proc::Prefork::Interp, nor prefork_initialisation_complete";',
		'documentation'     => "=head1 NAME\n\nuse Proc::Prefork::Interp;\nprefork_initialisation_complete();\n\n=cut\n",
		'what is behind it' => "exit;\n__END__\nuse Proc::Prefork::Interp;\nprefork_initialisation_complete();",
		'no call of it'     => "BEGIN { require Proc::Prefork::Interp if exists \$ENV{PREFORK_INTERP} }",
		'another module'    => "{ package Proc::Prefork::Interpreter; \$INC{'Proc/Prefork/Interpreter.pm'} = 1 }\n"
			. "require Proc::Prefork::Interpreter;\nsub prefork_initialisation_complete { }",
	},
	python => {
		'a comment'      => "# import prefork_interp\n# prefork_interp.initialisation_complete()",
		'a text'         => 'x = "import prefork_interp; prefork_interp.initialisation_complete()"',
		'a doc string'   => "def f():\n\t'''Use it so:\n\nimport prefork_interp\nprefork_interp.initialisation_complete()\n'''",
		'a name'         => 'initialisation_complete = prefork_interp = 1',
		'no call of it'  => 'import importlib.util; importlib.util.find_spec("prefork_interp") and __import__("prefork_interp")',
		'another module' => "import os.path as prefork_interp\nfrom os import path as initialisation_complete",
	},
	tcl => {
		'a comment'       => "# package require prefork_interp\n# prefork_interp::initialisation_complete",
		'a text'          => 'set x "the package prefork_interp and initialisation_complete"',
		'no call of it'   => 'catch {package require prefork_interp}',
		'another package' => "package provide prefork_interp_not 1\npackage require prefork_interp_not\nproc initialisation_complete {} {}",
	},
);

sub lines ($path) {
	return scalar(() = (read_file($path) // '') =~ /\n/g);
}

each_language(sub ($language) {
	my $file = private_directory("marks-$language") . '/runs';
	my $count = sprintf $COUNT{$language}, $file;
	for my $how (sort keys %{$MARKED{$language}}) {
		my $script = script($language, text => "$count\n$MARKED{$language}{$how}\n");
		$script->call([]) for 1 .. 2;
		is(lines($file), 1, "marked by $how: what is before runs once");
		unlink $file;
	}
	for my $what (sort keys %{$MENTIONED{$language}}) {
		my $script = script($language, text => "$count\n$MENTIONED{$language}{$what}\n");
		$script->call([]);
		is(lines($file), 1, "mentioned in $what: a call runs once");
		$script->call([]);
		is(lines($file), 2, 'and the next one');
		unlink $file;
	}
	quiet_down();
});

finish();
