# A server without a call for its idle time goes, and takes its socket along; a call that runs is not idleness.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use POSIX qw(mkfifo);

each_language(sub ($language) {
	my $folder = private_directory("idle-$language");
	my $by_script = script($language);
	goes_when_idle($by_script, 'option of the script', {CONTRACT_IDLE_TIMEOUT => 1});
	my $by_line = script($language, options => '--idle-timeout=1');
	goes_when_idle($by_line, 'option of the #! line', {});
	goes_when_idle($by_line, 'the #! line wins', {CONTRACT_IDLE_TIMEOUT => 1000});
	outlives_call($by_line, $folder);
	my $never = script($language, options => '--idle-timeout=-1');
	my $nonce = $never->warm(env => {CONTRACT_IDLE_TIMEOUT => 1});
	my $watch = open_watch(server_of($never, env => {CONTRACT_IDLE_TIMEOUT => 1}));
	ok(!process_gone([$watch], 1.5), 'a negative time is never');
	is($never->warm(env => {CONTRACT_IDLE_TIMEOUT => 1}), $nonce, 'and the server serves');
});

sub goes_when_idle ($script, $name, $env) {
	my $nonce = $script->warm(env => $env);
	my $watch = open_watch(server_of($script, env => $env));
	my $since = now();
	ok(process_gone([$watch]), "$name: the server goes");
	cmp_ok(now() - $since, '>', 0.8, "$name: not before its time");
	ok(wait_for(sub { !sockets() }), "$name: the socket is gone");
	ok(wait_for(sub { !descendants() }), "$name: the watcher is gone");
	isnt($script->warm(env => $env), $nonce, "$name: the next call has a new server");
	quiet_down();
	return;
}

sub outlives_call ($script, $folder) {
	my $nonce = $script->warm;
	my $watch = open_watch(server_of($script));
	mkfifo("$folder/fifo", 0600) or die "fifo: $!\n";
	my $p = $script->start(['wait', "$folder/pid", "$folder/fifo"]);
	wait_for_file("$folder/pid");
	ok(!process_gone([$watch], 1.8), 'a running call keeps the server');
	open my $fifo, '>', "$folder/fifo" or die "fifo: $!\n";
	close $fifo;
	is_result(end($p), {status => 0}, 'and is finished');
	is($script->warm, $nonce, 'by the same server');
	quiet_down();
	return;
}

finish();
