# A script runs in the caller's working directory, whatever it is called and even if it is gone.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

each_language(sub ($language) {
	my $script = script($language);
	my $odd = private_directory("odd \xff\xe2\x82\xac of $language");
	same_result($script, ['cwd'], 'a directory', cwd => '/usr/bin', cold => 1, expect => {status => 0, out => "/usr/bin\n"});
	same_result($script, ['cwd'], 'the root', cwd => '/', expect => {status => 0, out => "/\n"});
	same_result($script, ['cwd'], 'odd bytes', cwd => $odd);

	my $long = private_directory("long$language");
	my @parts = ('d' x 200) x 6;
	my $in_depth = sub {
		for my $part (@parts) {
			mkdir $part;
			chdir $part or die "$part: $!\n";
		}
	};
	same_result($script, ['cwd'], 'a long path', cwd => $long, after_chdir => $in_depth);

	my $count = 0;
	my $gone = sub {
		my $folder = private_directory("gone$language" . ++$count);
		return (cwd => $folder, after_chdir => sub { rmdir $folder or die "rmdir: $!\n" });
	};
	same_result($script, ['args', 'x'], 'a deleted directory', before => $gone, cold => 1,
		expect => {status => 0, out => "78\n", err => ''});

	my $linked = home_directory() . "/link$language";
	symlink '/usr/lib', $linked or die "symlink: $!\n";
	same_result($script, ['cwd'], 'through a link', cwd => $linked, expect => {out => "/usr/lib\n"});
});

finish();
