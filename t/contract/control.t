# --kill ends a script's server, -f puts a fresh one in its place; calls that run are finished.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use POSIX qw(mkfifo);

each_language(sub ($language) {
	my $folder = private_directory("control-$language");
	mkfifo("$folder/fifo", 0600) or die "fifo: $!\n";
	my $script = script($language);
	my @words = ('--', @{$script->{interpreter}}, $script->path);

	is_result(client(['--kill', @words]), {status => 0, out => '', err => ''}, '--kill without a server');
	is(scalar(sockets()), 0, 'makes none');

	my $nonce = $script->warm;
	my $p = $script->start(['wait', "$folder/pid", "$folder/fifo"]);
	wait_for_file("$folder/pid");
	my $watch = open_watch(server_of($script));
	is_result(client(['--kill', @words]), {status => 0, out => '', err => ''}, '--kill');
	is(scalar(sockets()), 0, 'takes the socket away');
	isnt($script->warm, $nonce, 'the next call has a new server');
	finish_waiting($p, $folder);
	ok(process_gone([$watch]), 'then the old server goes');

	$nonce = $script->warm;
	$watch = open_watch(server_of($script));
	my $fresh = client(['-f', @words, 'count']);
	is_result($fresh, {status => 0, err => '', out => qr/^[0-9a-f]{16}\n\z/}, '-f');
	isnt($fresh->{out}, "$nonce\n", 'is a fresh server');
	ok(process_gone([$watch]), 'the old one goes');
	is($script->warm . "\n", $fresh->{out}, 'the fresh one serves from now on');

	my $always = script($language, options => '-f');
	isnt($always->warm, $always->warm, '-f on the #! line: every call is fresh');
});

sub finish_waiting ($p, $folder) {
	open my $fifo, '>', "$folder/fifo" or die "fifo: $!\n";
	close $fifo;
	is_result(end($p), {status => 0, out => '', err => ''}, 'the call that runs is finished');
	return;
}

finish();
