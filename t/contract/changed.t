# A script that was changed is never served by the old one: newer, older, or of the same size and time.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

each_language(sub ($language) {
	my $script = script($language);
	my $path = $script->path;
	my $text = read_file($path);

	is_result($script->call(['version']), {status => 0, out => "one\n", err => ''}, 'as it was');
	edited($script, marked($text, 'three'), 'three', 'other content');
	edited($script, marked($text, 'two'), 'two', 'other content of the same size');

	my $then = (stat $path)[9];
	write_file($path, marked($text, 'six'), 0755);
	utime $then, $then, $path;
	is_result($script->call(['version']), {status => 0, out => "six\n", err => ''}, 'with the old modification time');

	write_file($path, marked($text, 'ten'), 0755);
	utime 86400, 86400, $path;
	is_result($script->call(['version']), {status => 0, out => "ten\n", err => ''}, 'with an older modification time');

	# In place, without a new inode.
	open my $h, '+<', $path or die "$path: $!\n";
	print {$h} marked($text, '1st');
	close $h;
	utime 86400, 86400, $path;
	is_result($script->call(['version']), {status => 0, out => "1st\n", err => ''}, 'changed in place');

	# Save and run at once, again and again.
	my @wrong;
	for my $n (100 .. 115) {
		write_file($path, marked($text, $n), 0755);
		my $r = $script->call(['version']);
		push @wrong, "$n: $r->{out}$r->{err}" if $r->{out} ne "$n\n" || $r->{err} ne '';
	}
	is(join("\n", @wrong), '', 'saved and run at once');

	# While a call of the old one runs.
	my $nonce = $script->warm;
	my $p = $script->start(['spawn', private_directory("changed-$language") . '/pid']);
	write_file($path, $text, 0755);
	is_result($script->call(['version']), {out => "one\n"}, 'while an old call runs');
	kill TERM => $p->{pid};
	is_result(end($p), {status => killed_by(15)}, 'which is not disturbed');
	ok(wait_for(sub { servers() == 1 }), 'then the old server goes');
});

# The script's text with another version.
sub marked ($text, $mark) {
	return $text =~ s/(VERSION_MARK\b[^\n]*?\W)one\b/$1$mark/r;
}

sub servers() {
	return grep { $_->{command} =~ /\[server\]/ } descendants();
}

sub edited ($script, $text, $mark, $name) {
	write_file($script->path, $text, 0755);
	is_result($script->call(['version']), {status => 0, out => "$mark\n", err => ''}, $name);
	is_result($script->call(['version']), {status => 0, out => "$mark\n", err => ''}, "$name: again");
	return;
}

finish();
