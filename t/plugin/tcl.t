# What a fresh tclsh has, each call of a Tcl script has: the traps that are Tcl's own.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

# A script whose setup and whose calls are these statements.
sub tcl_script ($setup, $body, %o) {
	my $options = delete $o{options} // '';
	return script('tcl', %o, text => <<"SCRIPT");
package require prefork_interp
set nonce [clock clicks]
$setup
prefork_interp::initialisation_complete $options
if {\$argv eq "count"} {puts \$nonce; exit}
$body
SCRIPT
}

# Alike in a plain run, the first call and a second, whether a server can be had or not; the script.
sub alike ($name, $setup, $body, %o) {
	$o{env} = {%{$o{env} // {}}, PREFORK_INTERP_DEBUG => undef};
	my %script = map { $_ => delete $o{$_} } grep { exists $o{$_} } qw(arguments options);
	my $script = tcl_script($setup, $body, %script);
	same_result($script, delete $o{words} // [], $name, %o, cold => 1);
	return $script;
}

# Run plain because setup ends with this error.
sub refused ($name, $setup, $why) {
	my $script = tcl_script($setup, 'exit 9');
	is_result($script->call([]), {status => exited(9), err => $why}, "$name: plain run");
	return;
}

sub test_channels ($folder) {
	alike('a script that uses no channel', '', 'exec sh -c "cat; echo out; echo err >&2" <@stdin >@stdout 2>@stderr',
		stdin => "in\n", expect => {out => "in\nout\n", err => "err\n"});
	alike('setup\'s end of file is not the call\'s', 'if {[eof stdin]} {error eof}', 'puts [eof stdin][gets stdin]',
		stdin => "in\n", expect => {out => "0in\n"});
	alike('options that setup has set', 'fconfigure stdout -translation crlf -buffering full -encoding unicode',
		'puts stderr [fconfigure stdout]; puts a');
	alike('options that nobody has set', 'fconfigure stdout', 'foreach c {stdin stdout stderr} {puts [fconfigure $c]}');
	alike('binary', 'fconfigure stdin -translation binary; fconfigure stdout -translation binary', 'fcopy stdin stdout',
		stdin => join('', map { chr } 0 .. 255));
	alike('names of channels', 'puts -nonewline ""', 'puts [lsort [chan names]]',
		expect => {out => "stderr stdin stdout\n"});
	alike('standard input that setup has closed', 'close stdin',
		"puts [catch {gets stdin}]; set f [open $folder/lines]; puts [gets stdin]; puts [lsort [chan names]]",
		stdin => "in\n", expect => {out => "1\none\nstderr stdin stdout\n"});
	alike('standard output that setup has closed', 'close stdout', 'puts [catch {puts stdout x}]; puts stderr [chan names]',
		expect => {out => ''});
	alike('an event handler', 'fileevent stdin readable {puts [gets stdin]; exit 4}', 'vwait for_ever',
		stdin => "in\n", expect => {out => "in\n", status => exited(4)});
	alike('a channel renewed is not left in the table', 'puts -nonewline ""',
		'close stdout; puts stderr [lsort [chan names]]',
		expect => {err => "stderr stdin\n"});
	alike('closed descriptors', 'puts -nonewline ""',
		"set f [open $folder/out w]; puts \$f [file readlink /proc/self/fd/0]",
		closed => [0]);
	alike('output at exit', 'fconfigure stdout -buffering full', 'puts late; exit 3', expect => {out => "late\n"});
	refused('a file in the place of standard output', "close stdout; open $folder/out w",
		qr/closed or replaced a standard channel/);
	refused('a transformation', 'zlib push gzip stderr', qr/plain run: setup exited with status 1/);
	return;
}

# Each kind of channel on a terminal as a fresh tclsh has it.
sub test_terminal ($folder) {
	my %seen;
	my $script = tcl_script('puts -nonewline ""',
		'puts stderr [fconfigure stdin]; puts stderr [fconfigure stdout]; puts a');
	$script->warm;
	for my $way (qw(plain call)) {
		my ($master, $slave) = terminal() or return;
		my $r = $script->$way([], stdin => $slave, stdout => $slave);
		sysread $master, my $text, 1000;
		$seen{$way} = "$r->{status} $r->{err}$text";
	}
	is($seen{call}, $seen{plain}, 'channels on a terminal');
	like($seen{plain}, qr/-mode/, 'which are terminals');
	return;
}

sub test_environment ($folder) {
	my $names = 'puts [lsort [array names env]]; puts [array size env]';
	alike('the names in env', 'array get env', $names);
	alike('the names in env, never asked for in setup', '', $names, env => {NEW => 1});
	# Asking for all names brings env up to date, asking for one does not.
	for my $body ($names, 'puts [info exists env(GONE)]') {
		my $script = tcl_script('array get env', $body);
		my $plain = $script->plain([], env => {PREFORK_INTERP_DEBUG => undef});
		quiet_down();
		$script->call([], env => {GONE => 1});
		is_result($script->call([], env => {PREFORK_INTERP_DEBUG => undef}), $plain, "a variable that setup had: $body");
	}
	alike('what setup changed', 'set env(A) 1; unset env(B); set env(C) 2',
		'puts $env(A)[info exists env(B)]$env(C); puts [exec sh -c {echo $A-$B-$C}]', env => {B => 'b', C => 'c'},
		expect => {out => "102\n1--2\n"});
	my $forgets = tcl_script('proc forget {} {unset -nocomplain ::env(GONE)}; forget', 'puts [info exists env(GONE)]');
	$forgets->call([]);
	is_result($forgets->call([], env => {GONE => 1}), {out => "0\n"}, 'what setup removed in a procedure, though it was not there');
	alike('what a child gets', '', 'set env(B) 2; unset env(HOME); puts [exec sh -c {echo $A-$B-$HOME-$C}]',
		env => {A => 'a', C => 'c'}, expect => {out => "a-2--c\n"});
	alike('changes, many times', '', 'for {set i 0} {$i < 300} {incr i} {set env(V$i) $i; set env(V[expr {$i / 2}]) x}
		unset env(V0); set env(HOME) y; puts [exec sh -c {echo $HOME-$V299}]', expect => {out => "y-299\n"});
	alike('traces of the script', 'proc note args {lappend ::seen $args}; trace add variable env {write unset} note;
		trace add variable env(HOME) write note; trace add variable env(HOME) write {note twice}; set seen {}',
		'puts $seen; puts [trace info variable env]; puts [trace info variable env(HOME)]; set env(HOME) z; puts $seen',
		env => {NEW => 1, PERL5LIB => undef}, expect => {out => qr/\A\n/});
	alike('other interpreters', 'interp create child',
		'puts [child eval {list [info exists env(NEW)] $env(HOME) [array size env]}]', env => {NEW => 1});
	mkdir "$folder/a library";
	my $runtime = runtime_path('tcl');
	for my $path (undef, '', $runtime, "{$folder/a library} $runtime", "$runtime $folder", "$runtime /\xff") {
		# A search for a package, as a plain run makes for ours, adds folders to auto_path.
		my $script = tcl_script('', 'catch {package require none}; puts $auto_path; puts [info exists env(TCLLIBPATH)]; catch {puts |$env(TCLLIBPATH)|}
			catch {exec printenv TCLLIBPATH >@stdout}');
		my %env = (env => {TCLLIBPATH => $path});
		if (defined $path && length $path) {
			same_result($script, [], "TCLLIBPATH $path", %env, cold => 1);
		} else {    # a plain run would not find the package
			my $r = $script->call([], %env);
			is_result($r, {out => defined $path ? qr/\n1\n\|\|\n\n\z/ : qr/\n0\n\z/, err => ''}, 'TCLLIBPATH not set, or empty');
			unlike($r->{out}, qr/\Q$runtime/, 'the runtime is not in auto_path');
		}
	}
	return;
}

sub test_script ($folder) {
	my $script = tcl_script('proc where {} {dict get [info frame 0] file}',
		'puts [list $argv0 [info script] [where] $argv $argc]; error x');
	my $path = $script->path;
	my ($in, $file) = $path =~ m{(.*)/(.*)};
	for my $spelt ($path, "./$file", "$in/./$file", "../" . ($in =~ s{.*/}{}r) . "/$file") {
		my $plain = $script->plain(['a', ''], cwd => $in, spelt => $spelt);
		is_result(run([$spelt, 'a', ''], cwd => $in), $plain, "$spelt: names and error trace: $_") for 1 .. 2;
	}
	alike('arguments', '', 'puts $argc; foreach a $argv {puts [string length $a]:$a}',
		words => ["\xc3\xa9", '', '{', "a b\n", '$x'], expect => {out => qr/\A5\n1:\xc3\xa9\n/});
	alike('arguments, in another locale', '', 'foreach a $argv {puts [string length $a]:$a}; puts [encoding system]',
		words => ["\xc3\xa9"], env => {LANG => 'C'}, expect => {out => qr/\A2:/});
	alike('arguments, when setup changes the encoding', 'encoding system iso8859-1', 'puts [string length $argv]',
		words => ["\xc3\xa9"], expect => {out => "1\n"});
	alike('-encoding', "set text \xc3\xa9", 'puts [string length $text]', arguments => ['-encoding', 'utf-8'],
		expect => {out => "1\n"});
	alike('errorInfo, errorCode, the result', 'catch {error x info code}', 'puts $errorInfo; puts $errorCode');
	alike('the directory', 'file normalize x; set p x; file exists $p',
		'puts [pwd]; puts [file normalize $p]; puts [file exists lines]',
		cwd => $folder, expect => {out => "$folder\n$folder/x\n1\n"});
	return;
}

sub test_state ($folder) {
	my $random = tcl_script('expr {rand()}', 'puts [expr {rand()}]');
	my @numbers = map { $random->call([])->{out} } 1 .. 3;
	ok($numbers[0] ne $numbers[1] && $numbers[1] ne $numbers[2], 'each call has its own random numbers');
	alike('numbers of a seed that the script gave', 'expr {srand(42)}', 'puts [expr {rand()}]');
	my $served = alike('events before and after', 'after 1 {set x 1}; vwait x; after 5 {set y 2}',
		'vwait y; puts $x$y; update', expect => {out => "12\n"});
	my $nonce = $served->warm;
	is($served->warm, $nonce, 'is served');
	my $once = tcl_script('', 'prefork_interp::initialisation_complete; puts once');
	is_result($once->call([]), {out => "once\n", err => ''}, 'a second call returns at once');
	my $noisy = tcl_script('puts -nonewline partial', 'puts call');
	is_result($noisy->call([]), {out => "partialcall\n", err => ''}, 'what setup prints is each call\'s output') for 1 .. 2;
	alike('a child interpreter that has the package too',
		'interp create c; c eval {package require prefork_interp; prefork_interp::initialisation_complete}',
		'catch {package require none}; puts [c eval {array size env}]; puts $auto_path', env => {NEW => 1});
	return;
}

# Does the server of this script go when this file changes?
sub goes_stale ($name, $path, $script, $change = "# changed\n") {
	my $before = $script->warm;
	is($script->warm, $before, "$name: one server");
	write_file($path, (read_file($path) // '') . $change);
	isnt($script->warm, $before, "$name: another after a change");
	return;
}

sub test_staleness ($folder) {
	my %pkg = (
		'direct' => '[list source [file join $dir pkg.tcl]]',
		'apply'  => '[list apply {dir {source $dir/pkg.tcl}} $dir]',
		'setup'  => '[list tclPkgSetup $dir pkg_setup 1 {{pkg.tcl source {pkg_command}}}]',
	);
	for my $kind (sort keys %pkg) {
		my $in = "$folder/pkg $kind";
		mkdir $in;
		write_file("$in/pkg.tcl", "proc pkg_command {} {}\npackage provide pkg_$kind 1\n");
		write_file("$in/pkgIndex.tcl", "package ifneeded pkg_$kind 1 $pkg{$kind}\n");
		my $use = "lappend auto_path {$in}; package require pkg_$kind; pkg_command";
		goes_stale("a package ($kind)", "$in/pkg.tcl", tcl_script($use, ''));
		goes_stale("its index ($kind)", "$in/pkgIndex.tcl", tcl_script($use, ''));
		next if $kind eq 'setup';
		my $early = script('tcl', text => "$use\npackage require prefork_interp\nset nonce [clock clicks]\n"
			. "prefork_interp::initialisation_complete\nputs \$nonce\n");
		goes_stale("a package loaded before ours ($kind)", "$in/pkg.tcl", $early) if $kind eq 'direct';
	}
	write_file("$folder/sourced.tcl", "set sourced 1\n");
	my $source = "cd {$folder}; source sourced.tcl";
	goes_stale('a sourced file', "$folder/sourced.tcl", tcl_script($source, ''));
	goes_stale('a file that was named', "$folder/named",
		tcl_script("prefork_interp::autoreload_also_check {$folder/other} {$folder/named}", ''));
	goes_stale('a file that was named as an option', "$folder/named",
		tcl_script('', '', options => "-autoreload_extra {{$folder/named}}"));
	my $careless = tcl_script($source, '', options => '-autoreload_packages no');
	my $nonce = $careless->warm;
	write_file("$folder/sourced.tcl", "set sourced 2\n");
	is($careless->warm, $nonce, '-autoreload_packages no');
	return;
}

sub test_interface() {
	my $text = read_file(runtime_path('tcl') . '/prefork_interp/prefork_interp.tcl');
	my ($example) = $text =~ /^# EXAMPLE\n#\n(.*?)\n\n/ms;
	ok($example, 'the documentation has an example');
	$example =~ s/^#\t//gm;
	$example =~ s/\A#!.*\n//;
	same_result(script('tcl', text => "$example\n"), ['a', 'b'], 'the example', cold => 1,
		expect => {status => exited(2), out => "Hello, a b\n", err => ''});

	my $days = read_file(source_path('examples/days-until.tcl')) =~ s/\A#!.*\n//r;
	same_result(script('tcl', text => $days), ['-locale', 'de', '-from', '2029-12-24', '2030-01-01'],
		'examples/days-until.tcl', cold => 1, expect => {status => 0, out => "2030-01-01 ist in 8 Tagen.\n", err => ''});

	my %wrong = (
		'-unknown 1'                 => qr/^USAGE \| unknown option "-unknown": must be -autoreload_extra, /,
		'-max_servers'               => qr/^USAGE \| value for "-max_servers" missing/,
		'-max_servers many'          => qr/^OPTION max_servers \| option max_servers: many: not a whole number/,
		'-idle_timeout {}'           => qr/^OPTION idle_timeout \| option idle_timeout: : not a whole number/,
		'-log_facility moon'         => qr/^OPTION log_facility \| option log_facility: moon: not a syslog facility/,
		'-autoreload_packages maybe' => qr/^OPTION autoreload_packages \| option autoreload_packages: maybe: not a boolean/,
		'-autoreload_extra \{'       => qr/^OPTION autoreload_extra \| option autoreload_extra: \{: not a list/,
	);
	for my $options (sort keys %wrong) {
		my $script = script('tcl', text => "package require prefork_interp\n"
			. "catch {prefork_interp::initialisation_complete $options} message\n"
			. 'puts "[lrange $errorCode 1 end] | $message"' . "\n");
		my $plain = $script->plain([]);
		like($plain->{out}, $wrong{$options}, "$options: refused");
		is_result($script->call([]), {out => $plain->{out}}, "$options: in setup too");
	}
	return;
}

# Invocations that are not served, and why.
sub test_plugin ($folder) {
	my $any = tcl_script('', 'puts ran');
	my %why = (
		'-encoding' => qr/the word after -encoding is its value, not a script: /,
		'-x'        => qr/tclsh has no such option: -x/,
	);
	for my $option (sort keys %why) {
		my $r = run([client_path(), 'tclsh', $option, $any->path], stdin => '');
		like($r->{err}, $why{$option}, "$option is run plain");
	}
	is_result($any->call([], env => {TCLLIBPATH => runtime_path('tcl') . ' lib'}),
		{out => "ran\n", err => qr/TCLLIBPATH depends on the working directory/}, 'a relative TCLLIBPATH');
	mkdir "$folder/bin";
	my ($tclsh) = grep { -x } map { "$_/tclsh" } split /:/, $ENV{PATH};
	symlink $tclsh, "$folder/bin/tclsh8.5" or die "tclsh8.5: $!\n";
	my %old = (env => {PATH => "$folder/bin:$ENV{PATH}"});
	like(run([client_path(), 'tclsh8.5', $any->path], %old)->{err}, qr/only Tcl 8\.6 is served, this is: 8\.5/,
		'another version');
	return;
}

each_language(sub ($language) {
	my $folder = private_directory('tcl');
	write_file("$folder/lines", "one\ntwo\n");
	my %topics = (
		'1 channels'    => sub { test_channels($folder) },
		'2 terminal'    => sub { test_terminal($folder) },
		'3 environment' => sub { test_environment($folder) },
		'4 script'      => sub { test_script($folder) },
		'5 state'       => sub { test_state($folder) },
		'6 staleness'   => sub { test_staleness($folder) },
		'7 interface'   => sub { test_interface() },
		'8 plugin'      => sub { test_plugin($folder) },
	);
	subtest($_, $topics{$_}) for sort keys %topics;
}, 'tcl');

finish();
