# A script as it is, which does not name our module: each call runs it once, with its own arguments and environment.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my %APPEND = (
	perl   => q{open my $f, '>>', $ENV{TRACE} or die; print {$f} "ran @ARGV\n"; print "out\n"; exit 3;},
	python => qq{import os, sys\nopen(os.environ["TRACE"], "a").write(f"ran {' '.join(sys.argv[1:])}\\n")\nprint("out")\nsys.exit(3)},
	tcl    => q{set f [open $env(TRACE) a]; puts $f "ran [join $argv]"; close $f; puts out; exit 3},
);

each_language(sub ($language) {
	my $script = script($language, text => "$APPEND{$language}\n");
	my $folder = private_directory("unmarked-$language");
	for my $call (1 .. 3) {
		is_result($script->call([$call], env => {TRACE => "$folder/$call", PREFORK_INTERP_DEBUG => ''}),
			{status => exited(3), out => "out\n"}, "call $call");
		is(read_file("$folder/$call"), "ran $call\n", 'once, as it should be');
	}
	my $shown = $script->call([4], env => {TRACE => "$folder/4", PREFORK_INTERP_DEBUG => 2});
	like($shown->{err}, qr{^prefork-interp: \S+: served by \S+/s[0-9a-f]{32}(?:; what is known of it:\n.*)?\n\z}s, 'it was served');
	quiet_down();
	unlink locks(), refusals();
});

finish();
