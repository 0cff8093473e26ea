# Calls that can't be served run plain, with the right result; words that would run us for ever are refused.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use POSIX ();

each_language(sub ($language) {
	my $script = script($language);
	my @interpreter = @{$script->{interpreter}};
	$script->warm;
	my $alarm = run(['/usr/bin/env', 'perl', '-e', 'alarm 1000; exec @ARGV or die', $script->path, 'args', 'x']);
	is_result($alarm, {status => 0, out => "78\n", err => qr/\A[^\n]*plain run: [^\n]*timer[^\n]*\n\z/}, 'an inherited alarm');

	for my $path ('/dev/fd/9', '/proc/self/fd/9') {
		open my $h, '<', $script->path or die "$!\n";
		is_result(client(['--', @interpreter, $path, 'args', 'x'], fds => {9 => $h}),
			{status => 0, out => "78\n", err => qr/\A[^\n]*\Q$path\E: plain run: [^\n]+\n\z/}, "a script at $path");
	}

	is_result(client(['--', $script->path, 'args', 'x']), {status => 0, out => "78\n", err => qr/\A[^\n]*plain run[^\n]*\n\z/},
		'a script of ours as interpreter');
});

# A pipe is read once: nobody but the interpreter may open it.
{
	my $fifo = private_directory('fifo') . '/script';
	POSIX::mkfifo($fifo, 0600) or die "$fifo: $!\n";
	my $writer = fork // die "fork: $!\n";
	if (!$writer) {
		open my $w, '>', $fifo or POSIX::_exit(1);
		print {$w} qq{print "out\\n";\n};
		close $w;
		POSIX::_exit(0);
	}
	is_result(client(['--', script(core_language())->{interpreter}[0], $fifo]), {status => 0, out => "out\n", err => qr/plain run/},
		'a script in a pipe');
	waitpid $writer, 0;
}

my $client = client_path();
my $folder = private_directory('loops');
for my $line ("#!$client", "#! $client ", "#!$client -f", "#!$client -f ", "#!$client --") {
	my $path = write_file("$folder/loop", "$line\nputs hello\n", 0755);
	is_result(run([$path, 'x'], deadline => 5), {status => exited(127), out => '', err => qr/\Aprefork-interp: [^\n]+\n\z/},
		"$line: one line, and an end");
}

finish();
