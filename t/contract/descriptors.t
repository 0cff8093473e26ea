# Every descriptor that the caller leaves open is there under its number, and no other.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("descriptors-$language");
	write_file("$folder/file", "content\n");
	my $give = sub (@numbers) {
		my %fds;
		for my $n (@numbers) {
			open $fds{$n}, '<', "$folder/file" or die "file: $!\n";
		}
		return (fds => \%fds);
	};
	same_result($script, ['fds'], 'none', cold => 1);
	same_result($script, ['fds'], "descriptors @$_", $give->(@$_), cold => @$_ > 2)
		for [9], [3], [3, 4, 5, 6, 7, 8], [10, 63, 199], [3 .. 60];
	my $r = $script->call(['fds'], $give->(9, 77));
	like($r->{out}, qr/\b9\b.* 77\n\z/, 'they are there');
	$r = $script->call(['fds']);
	unlike($r->{out}, qr/\b77\b/, 'but not in the next call');

	# A pipe is the same pipe.
	pipe my $reader, my $writer or die "pipe: $!\n";
	syswrite $writer, "through the pipe\n";
	my $p = $script->start(['wait', "$folder/pid", '/dev/fd/9'], fds => {9 => $reader});
	close $reader;
	wait_for_file("$folder/pid");
	close $writer;
	is_result(end($p), {status => 0, out => '', err => ''}, 'reads a pipe to its end');

	# More than can be carried: still right.
	same_result($script, ['fds'], '300 descriptors', $give->(3 .. 302), env => {PREFORK_INTERP_DEBUG => undef});
});

finish();
