# With PREFORK_INTERP_DISABLE set the plain interpreter runs, and nothing is left on disk.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

each_language(sub ($language) {
	my $script = script($language);
	my %with = (env => {PREFORK_INTERP_DISABLE => 1, PREFORK_INTERP_DEBUG => undef});
	my %plain = (env => {PREFORK_INTERP_DEBUG => undef});
	is_result($script->call(['args', 'a', ''], %with), {status => 0, out => "61\n\n", err => ''}, 'arguments');
	is_result($script->call(['exit', 9], %with), {status => exited(9)}, 'status');
	is_result($script->call(['signal', 'TERM'], %with), {status => killed_by(15)}, 'death by a signal');
	is_result($script->call(['script'], %with), $script->plain(['script'], %plain), 'its own name');
	isnt($script->warm(%with), $script->warm(%with), 'each call is a run of its own');
	is(scalar(sockets()) + locks() + refusals(), 0, 'nothing on disk');
	is_result($script->call(['exit', 0], env => {PREFORK_INTERP_DISABLE => 1}),
		{status => 0, err => qr/\Aprefork-interp: [^\n]+\n\z/}, 'PREFORK_INTERP_DEBUG says why');
	is($script->warm(env => {PREFORK_INTERP_DISABLE => ''}), $script->warm, 'empty is not set');
	quiet_down();
	unlink locks(), refusals();
});

finish();
