# When the caller is killed, the call's whole process group goes; the server stays.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use POSIX ();

each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("gone-$language");
	my $nonce = $script->warm;
	for my $signal (qw(TERM KILL HUP INT)) {
		my $file = "$folder/$signal";
		my $p = $script->start(['spawn', $file]);
		my @pids = split ' ', wait_for_file($file);
		is(scalar @pids, 2, "script and child are there");
		my @watches = map { open_watch($_) } @pids;
		kill $signal => $p->{pid};
		# Python says how it was interrupted.
		my $err = $signal eq 'INT' ? qr/\A(Traceback .*KeyboardInterrupt\n)?\z/s : '';
		is_result(end($p), {status => POSIX->can("SIG$signal")->(), out => '', err => $err}, "client dies of SIG$signal");
		ok(process_gone(\@watches), "SIG$signal: script and child are gone");
	}

	# Also in a first call.
	quiet_down();
	my $p = $script->start(['spawn', "$folder/first"]);
	my @watches = map { open_watch($_) } split ' ', wait_for_file("$folder/first");
	kill KILL => $p->{pid};
	end($p);
	ok(process_gone(\@watches), 'first call: script and child are gone');
	$nonce = $script->warm;

	if ($language eq 'tcl') {
		note('Tcl can not ignore signals');
		return;
	}
	open my $output, '>', "$folder/output" or die "output: $!\n";
	$p = $script->start(['trap', "$folder/trap", 'TERM'], stdout => $output);
	@watches = (open_watch(wait_for_file("$folder/trap")));
	kill KILL => $p->{pid};
	is_result(end($p), {status => killed_by(9)}, 'client killed, script handles SIGTERM');
	ok(process_gone(\@watches), 'it is gone');
	is(read_file("$folder/output"), "got TERM\n", 'after it was asked to go');

	$p = $script->start(['ignore', "$folder/ignore"]);
	@watches = (open_watch(wait_for_file("$folder/ignore")));
	kill KILL => $p->{pid};
	is_result(end($p), {status => killed_by(9)}, 'client killed, script ignores signals');
	ok(process_gone(\@watches), 'it is gone after the grace time');
	is($script->warm, $nonce, 'the server lives on');
});

finish();
