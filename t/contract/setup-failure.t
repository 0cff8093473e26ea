# A script whose setup fails, prints, never completes or never ends is what a plain run makes of it.
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Prefork::Test;

each_language(sub ($language) {
	my $folder = private_directory("setup-$language");
	for my $failure (qw(die exit3 never)) {
		my $script = script($language);
		my %with = (env => {CONTRACT_SETUP => $failure, PREFORK_INTERP_DEBUG => undef});
		my $plain = $script->plain(['args', 'x'], %with);
		is_result($plain, {out => "78\n", status => 0}, "$failure: plain run as expected") if $failure eq 'never';
		isnt($plain->{status}, 0, "$failure: plain run as expected") if $failure ne 'never';
		is_result($script->call(['args', 'x'], %with), $plain, "$failure: first call");
		is(scalar(sockets()), 0, "$failure: no socket");
		is_result($script->call(['args', 'x'], %with), $plain, "$failure: second call");
		ok(wait_for(sub { !descendants() }), "$failure: no process");
		cmp_ok(scalar(refusals()), '>', 0, "$failure: is remembered");
		write_file($script->path, read_file($script->path) . "\n", 0755);
		is_result($script->call(['count']), {err => '', status => 0}, "$failure: served once the script has changed");
		is($script->warm, $script->warm, "$failure: by a server");
		quiet_down();
	}

	my $again = script($language);
	my %with = (env => {CONTRACT_SETUP => 'die'});
	$again->call(['args', 'x'], %with);
	my $r = $again->call(['args', 'x'], %with);
	like($r->{err}, qr/^prefork-interp: [^\n]*$/m, 'PREFORK_INTERP_DEBUG says why it runs plain');

	noise($language);
	hang($language, $_) for qw(TERM KILL);
});

sub noise ($language) {
	my $script = script($language);
	my %with = (env => {CONTRACT_SETUP => 'noise'});
	same_result($script, ['out', 'text'], 'what setup prints is seen in each call', cold => 1, %with,
		expect => {status => 0, out => "setup-out\ntext", err => "setup-err\n"});
	quiet_down();
	return;
}

sub hang ($language, $signal) {
	my $script = script($language);
	my $p = $script->start(['args', 'x'], env => {CONTRACT_SETUP => 'hang'});
	my $path = quotemeta $script->path;
	ok(wait_for(sub { grep { $_->{pid} != $p->{pid} && $_->{command} =~ /$path/ && $_->{name} !~ /^prefork/ } descendants() }),
		'a setup that hangs');
	kill $signal => $p->{pid};
	is_result(end($p), {status => POSIX->can("SIG$signal")->(), out => '', err => ''}, "client dies of SIG$signal");
	ok(wait_for(sub { !descendants() }), "SIG$signal: nothing of the start is left")
		or diag(map { "$_->{pid} $_->{name} $_->{command}\n" } descendants());
	is(scalar(sockets()), 0, "SIG$signal: no socket is left");
	is_result($script->call(['args', 'x']), {status => 0, out => "78\n", err => ''}, "SIG$signal: the next call is served");
	quiet_down();
	return;
}

finish();
