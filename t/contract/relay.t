# A signal sent to the client reaches the script, and what the script makes of it is the call's end.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

each_language(sub ($language) {
	if ($language eq 'tcl') {
		pass('Tcl has no signal handlers');
		return;
	}
	my $script = script($language);
	my $folder = private_directory("relay-$language");
	my $nonce = $script->warm;
	for my $signal (qw(HUP INT QUIT TERM USR1 USR2 ALRM WINCH CONT)) {
		for my $way ($signal eq 'TERM' ? qw(plain cold call) : qw(plain call)) {
			my $file = "$folder/$signal-$way";
			quiet_down() if $way eq 'cold';
			my $p = $way eq 'plain' ? $script->start_plain(['trap', $file, $signal]) : $script->start(['trap', $file, $signal]);
			wait_for_file($file);
			kill $signal => $p->{pid};
			is_result(end($p), {status => exited(7), out => "got $signal\n", err => ''}, "SIG$signal to a $way");
		}
	}
	is($script->warm, $script->warm, 'the server lives on');
});

finish();
