# A script may call itself, and deeper than its server's limit on concurrent calls.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

each_language(sub ($language) {
	my $script = script($language);
	my %deepest = (status => exited(5), out => "bottom\n");
	is_result($script->call(['nest', 20]), {%deepest, err => ''}, 'first call, 20 deep');
	is_result($script->call(['nest', 20]), {%deepest, err => ''}, 'call, 20 deep');
	is_result($script->call(['nest', 0]), {%deepest, err => ''}, 'none');

	# The limit is reached at once; what is deeper runs plain, for which nothing is said.
	my $limited = script($language, options => '--max-servers=1');
	my %quiet = (env => {PREFORK_INTERP_DEBUG => undef});
	is_result($limited->call(['nest', 20], %quiet, deadline => 60), {%deepest, err => ''}, '20 deep with a limit of 1');
	is_result($limited->call(['nest', 3], %quiet), {%deepest, err => ''}, 'again');
	my $r = $limited->call(['nest', 1]);
	is_result($r, {%deepest, err => qr/\A[^\n]*prefork-interp[^\n]*\n\z/}, 'PREFORK_INTERP_DEBUG says why it runs plain');
	is($limited->warm, $limited->warm, 'the server lives on');
});

finish();
