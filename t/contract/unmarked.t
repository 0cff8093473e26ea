# A script that does not name our module is never run as setup: each call runs it once, plain.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my %APPEND = (
	perl   => qq{open my \$f, '>>', \$ENV{TRACE} or die; print {\$f} "ran\\n"; print "out\\n"; exit 3;\n},
	python => qq{import os, sys\nopen(os.environ["TRACE"], "a").write("ran\\n")\nprint("out")\nsys.exit(3)\n},
);

my @others = grep { $_ ne 'tcl' } languages();    # a Tcl script's definitions run ahead, and nothing else
each_language(sub ($language) {
	my $script = script($language, text => $APPEND{$language});
	my $trace = private_directory("unmarked-$language") . '/trace';
	for my $call (1 .. 2) {
		is_result($script->call([], env => {TRACE => $trace}),
			{status => exited(3), out => "out\n", err => qr/\Aprefork-interp: [^\n]*plain run[^\n]*does not name[^\n]*\n\z/},
			"call $call: plain, and why");
		is(read_file($trace), "ran\n" x $call, 'once');
	}
	quiet_down();
	unlink locks(), refusals();
}, @others);

finish();
