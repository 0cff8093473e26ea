# What a fresh perl has, each call of a Perl script has: the traps that are Perl's own.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

# A script whose setup and whose calls are these statements.
sub perl_script ($setup, $body, %o) {
	my $end = delete $o{end} // '';
	return script('perl', %o, text => <<"SCRIPT");
use Proc::Prefork::Interp;
$setup
prefork_initialisation_complete();
$body
$end
SCRIPT
}

# Alike in a plain run, the first call and two more.
sub alike ($name, $setup, $body, %o) {
	my %script = map { $_ => delete $o{$_} } grep { exists $o{$_} } qw(arguments end);
	my $words = delete $o{words} // [];
	my $script = perl_script($setup, $body, %script);
	my $before = $o{before};
	same_result($script, $words, $name, %o, cold => 1);
	my %more = $before ? $before->() : ();
	return $script->call($words, %o, %more);
}

sub numbers_of ($script) { return map { $script->call([])->{out} } 1 .. 2 }

each_language(sub ($language) {
	my $folder = private_directory('perl');

	# Files that setup has opened
	alike('DATA', '', 'print <DATA>;', end => "__DATA__\nfirst\nsecond", expect => {out => "first\nsecond\n"});
	write_file("$folder/lines", "one\ntwo\nthree\n");
	alike('a file, partly read', "open my \$h, '<', '$folder/lines' or die; scalar <\$h>;", 'print <$h>;',
		expect => {out => "two\nthree\n"});

	my $reader = perl_script("my \$x = 'none'; if (-e '$folder/conf') { open my \$h, '<', '$folder/conf'; \$x = <\$h> }", 'print $x;');
	for my $text ('none', 'one', 'two', 'three') {
		write_file("$folder/conf", $text) if $text ne 'none';
		is($reader->call([])->{out}, $text, "a file that setup has read is as it is now: $text") for 1 .. 2;
	}

	# Output of setup, and when the blocks run
	alike('END runs in the call, not in setup', '$x = "setup"; END { print "end $x\n" }', '$x = "call";',
		expect => {out => "end call\n", err => ''});
	alike('setup leaves no handler behind', '$SIG{__DIE__} = sub { print "died\n" }; $SIG{TERM} = sub { print "term\n" };',
		'kill TERM => $$; die "x\n"', expect => {status => exited(255), out => "term\ndied\n", err => "x\n"});
	alike('what setup prints', 'print "from setup";', 'print " and the call";', expect => {out => 'from setup and the call'});

	# Variables
	alike('$! and $? as they were', '$! = 5; $? = 7 << 8;', 'die "x\n"', expect => {status => exited(5)});
	alike('die with nothing in them', '$! = 0;', 'die "x\n"', expect => {status => exited(255)});
	alike('$0 that the script has set', '$0 = "name";', 'print $0;', expect => {out => 'name'});
	alike('$^T that the script has set', '$^T = 1;', 'print $^T;', expect => {out => 1});
	alike('@INC', '', 'print join "\n", @INC;');
	alike('the names in %ENV', '', 'print join "\n", sort keys %ENV;', env => {PERLLIB => undef});
	alike('a variable that a child gets', '', '$ENV{NEW} = "new"; delete $ENV{HOME}; system "printenv NEW HOME";',
		expect => {out => "new\n"});
	alike('a variable twice', '', 'print $ENV{TWICE}, "\n"; system "env | grep ^TWICE";',
		environment => [@{environment_list()}, 'TWICE=1', 'OTHER=x', 'TWICE=2', 'NOVALUE'], expect => {out => "1\nTWICE=1\n"});
	my $zone = perl_script('use POSIX; POSIX::tzset();', 'print((POSIX::tzname())[0]);');
	is($zone->call([], env => {TZ => "$_-9"})->{out}, $_, "the time zone is the caller's: $_") for qw(ONE TWO);
	alike('arguments', '', 'print "@ARGV";', words => ['a', '', "b\n"], expect => {out => "a  b\n"});

	# Options
	alike('-w', '', 'print undef . "x";', arguments => ['-w'], expect => {err => qr/uninitialized/});
	alike('-T', '', 'require Scalar::Util; print join " ", map { Scalar::Util::tainted($_) ? 1 : 0 } $0, @ARGV, values %ENV;',
		arguments => ["-I" . runtime_path('perl'), '-T'], words => ['a'], expect => {out => qr/\A1( 1)+\z/});
	alike('-CSDA', '', 'print length $ARGV[0], " $ARGV[0]";', arguments => ['-CSDA'], words => ["\xc3\xa9"],
		expect => {out => "1 \xc3\xa9"});

	# Random numbers
	my @numbers = numbers_of(perl_script('rand;', 'print rand;'));
	isnt($numbers[0], $numbers[1], 'each call has its own random numbers');
	alike('numbers of a seed that the script gave', 'srand 42;', 'print rand;');

	# Signals
	alike('an ignored signal', '{ local $SIG{INT} = sub { }; }', 'print $SIG{INT} // "undef";', ignore => ['INT'],
		expect => {out => 'IGNORE'});
	alike('a default that the script asked for', '$SIG{INT} = "DEFAULT";', 'kill INT => $$;', ignore => ['INT'],
		expect => {status => killed_by(2)});
	alike('SIGCHLD is not ignored', '', q{system 'sh', '-c', 'exit 3'; print $? >> 8;}, ignore => ['CHLD'], expect => {out => 3});

	# Standard handles
	my $from_second_line = sub {
		open my $h, '<', "$folder/lines" or die "lines: $!\n";
		sysseek $h, 4, 0;
		return (stdin => $h);
	};
	alike('what a child leaves of standard input', '', 'print tell STDIN; print scalar <STDIN>; system "cat";',
		before => $from_second_line, expect => {out => "4two\nthree\n"});
	for my $name (qw(plain call)) {
		state $buffered = perl_script('', 'print "a\n"; syswrite STDOUT, "b\n"; print "c\n";');
		my ($master, $slave) = terminal() or last;
		$buffered->warm;
		my $result = $buffered->$name([], stdout => $slave);
		sysread $master, my $text, 100;
		is($text, "a\r\nb\r\nc\r\n", "a terminal gets each line at once: $name");
	}

	# Modules by a relative path: served where all callers are in one directory
	mkdir "$folder/lib";
	write_file("$folder/lib/Local.pm", "package Local; 1;\n");
	my $relative = perl_script('use lib "lib"; use Local;', 'print "ok\n";');
	is_result($relative->call([], cwd => $folder), {out => "ok\n", err => qr/\Q working directory\E|setup/},
		'a module of the working directory: plain run');

	# The documentation's example
	my ($example) = read_file(runtime_path('perl') . '/Proc/Prefork/Interp.pm') =~ /^=head1 SYNOPSIS\n\n(.*?)^=/ms;
	ok($example, 'the documentation has an example');
	$example =~ s/^    //gm;
	$example =~ s/\A#!.*\n//;
	same_result(script('perl', text => $example), ['a', 'b'], 'the example', cold => 1,
		expect => {status => 0, out => qq({"arguments":["a","b"]}\n), err => ''});

	# What is not served, and why
	my %why = (
		'-n' => qr/-n: the script is run for each line/,
		'-s' => qr/-s: the interpreter reads options/,
		'-x' => qr/-x: the script is a part of its file/,
		'-c' => qr/-c: the script is only checked/,
		'-d' => qr/-d: the script runs under a debugger/,
		'-Irelative' => qr/-I depends on the working directory: relative/,
	);
	my $any = perl_script('', '');
	for my $option (sort keys %why) {
		my $r = run([client_path(), 'perl', $option, $any->path], stdin => '', env => {PERLDB_OPTS => 'NonStop=1'});
		like($r->{err}, $why{$option}, "$option is run plain");
	}
	is_result(perl_script('', 'print "ok"')->call([], env => {PERL5OPT => '-d'}), {err => qr/debugger/}, 'PERL5OPT is read too');

	# Options of the function that make no sense
	my %wrong = (
		'unknown => 1'            => qr/option unknown: not known at \S+ line 3/,
		'max_servers => "many"'   => qr/option max_servers: many: not a whole number at/,
		'idle_timeout => undef'   => qr/option idle_timeout: not a plain value at/,
		'log_facility => "moon"'  => qr/option log_facility: moon: not a syslog facility at/,
		'autoreload_extra => "x"' => qr/option autoreload_extra: not a reference to an array at/,
		'1'                       => qr/options come in pairs of name and value at/,
	);
	for my $options (sort keys %wrong) {
		my $script = script('perl', text => "use Proc::Prefork::Interp;\nprefork_initialisation_complete($options);\n");
		like($script->plain([])->{err}, $wrong{$options}, "$options: refused");
	}
	is_result(perl_script('', 'prefork_initialisation_complete(); print "once"')->call([]), {out => 'once', err => ''},
		'a second call returns at once');
}, 'perl');

finish();
