# Standard input, output and error are the caller's own: every byte, the same file, open or closed.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my $BINARY = join '', map { chr } 0 .. 255;
my %INPUTS = (
	'no input'          => '',
	'a line'            => "line\n",
	'no last newline'   => "a\nb",
	'every byte'        => $BINARY,
	'line ends'         => "a\r\nb\rc\n\x1a\n",
	'a megabyte'        => $BINARY x 4096,
);

# The names of the descriptors that a combination leaves out.
my @CLOSED = ([], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]);

each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("stdio-$language");
	for my $name (sort keys %INPUTS) {
		same_result($script, ['cat'], $name, stdin => $INPUTS{$name}, cold => $name eq 'every byte',
			expect => {status => 0, out => $INPUTS{$name}, err => ''});
	}
	same_result($script, ['out', 'text'], 'output', expect => {status => 0, out => 'text', err => ''});
	same_result($script, ['err', 'text'], 'error output', expect => {status => 0, out => '', err => 'text'});
	same_result($script, ['readline'], 'a line', stdin => "first\nsecond\n", expect => {status => 0, out => "first\n"});

	# Standard output and error as one file: in order, appended where the caller's offset is.
	my @together;
	for my $way (qw(plain call)) {
		open my $file, '+>', "$folder/$way" or die "$folder/$way: $!\n";
		syswrite $file, "before\n";
		$script->$way(['both'], stdout => $file, stderr => $file);
		syswrite $file, "after\n";
		push @together, read_file("$folder/$way");
	}
	is($together[1], $together[0], 'output and error in one file');
	like($together[1], qr/^before\no1\s*e1\s*o2\s*e2\s*after\n\z/, 'in order, at the caller\'s offset');

	# A file as input: read from the caller's offset.
	write_file("$folder/input", "one\ntwo\n");
	my @rest;
	for my $way (qw(plain call)) {
		open my $file, '<', "$folder/input" or die "$folder/input: $!\n";
		sysseek $file, 4, 0;
		push @rest, $script->$way(['cat'], stdin => $file);
	}
	is_result($rest[1], $rest[0], 'a file as input');
	is($rest[1]{out}, "two\n", 'from the caller\'s offset');

	# Nobody reads: as natively.
	my $broken = sub {
		pipe my $r, my $w or die "pipe: $!\n";
		return (stdout => $w);
	};
	same_result($script, ['out', 'x' x 100_000], 'output that nobody reads', before => $broken);
	open my $full, '>', '/dev/full' or die "/dev/full: $!\n";
	same_result($script, ['out', 'x'], 'a full device', stdout => $full);

	for my $closed (@CLOSED) {
		my $name = 'closed: ' . (join(' ', @$closed) || 'none');
		my @answers;
		for my $way (qw(plain cold call)) {
			unlink "$folder/closed";
			quiet_down() if $way eq 'cold';
			my $method = $way eq 'plain' ? 'plain' : 'call';
			push @answers, $script->$method(['closed', "$folder/closed"], closed => $closed);
			$answers[-1]{closed} = read_file("$folder/closed");
		}
		is_result($answers[$_], $answers[0], $name) for 1, 2;
		is($answers[$_]{closed}, $answers[0]{closed}, "$name: as the script sees it") for 1, 2;
		same_result($script, ['exit', 4], "$name: the status", closed => $closed);
	}
	my $nonce = $script->warm;
	is($script->warm, $nonce, 'all of this by one server that is still there');

	same_result($script, ['tty'], 'no terminal', expect => {status => 0, out => "no no no\n"});
});

finish();
