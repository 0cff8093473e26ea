# A script sees exactly the caller's arguments and its own name as the caller spelt it.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my %LISTS = (
	'no arguments'         => [],
	'an empty argument'    => [''],
	'empty arguments'      => ['', '', 'x', ''],
	'blanks and newlines'  => ['a b', "c\nd", "\t", ' '],
	'UTF-8'                => ["gr\xc3\xbc\xc3\x9fe", "\xe2\x82\xac"],
	'invalid UTF-8'        => ["\xff\xfe", "a\x80b", "\xc3", "\xed\xa0\x80"],
	'every byte'           => [join '', map { chr } 1 .. 255],
	'words like options'   => ['--', '-f', '--kill', '-U', '--help', '-', '-c', 'x'],
	'words like variables' => ['A=b', '=', 'PREFORK_INTERP=v1'],
	'a thousand'           => [map { "argument$_" } 1 .. 1000],
	'a long one'           => ['x' x 100_000],
);

each_language(sub ($language) {
	my $script = script($language);
	for my $name (sort keys %LISTS) {
		my @list = @{$LISTS{$name}};
		# Tcl has no bytes here, only characters: it takes what is no UTF-8 for Latin 1, alike in every run.
		my %expected = $language eq 'tcl' && "@list" =~ /[^ -~]/ ? () : (out => join '', map { unpack('H*', $_) . "\n" } @list);
		same_result($script, ['args', @list], $name, cold => $name eq 'invalid UTF-8',
			expect => {status => 0, %expected, err => ''});
	}

	same_result($script, ['script'], 'absolute path', expect => {out => unpack('H*', $script->path) . "\n"}, cold => 1);
	my ($folder, $file) = $script->path =~ m{(.*)/(.*)};
	for my $spelt ("./$file", "../" . ($folder =~ s{.*/}{}r) . "/$file", "$folder/.//$file") {
		my %in = (cwd => $folder);
		my $plain = $script->plain(['script'], %in, spelt => $spelt);
		is_result($plain, {status => 0, out => unpack('H*', $spelt) . "\n"}, "$spelt: plain run as expected");
		is_result(run([$spelt, 'script'], %in), $plain, "$spelt: first call");
		is_result(run([$spelt, 'script'], %in), $plain, "$spelt: call");
	}

	symlink $script->path, "$folder/link" or die "link: $!\n";
	is_result(run(["$folder/link", 'script']), {status => 0, out => unpack('H*', "$folder/link") . "\n", err => ''},
		'through a symbolic link') for 1 .. 2;
});

finish();
