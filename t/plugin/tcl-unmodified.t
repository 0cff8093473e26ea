# Tcl scripts that mark no boundary: what runs ahead of the calls, what is learned of them, and when it is forgotten.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

sub unmarked ($text, %o) { return script('tcl', text => $text, %o) }

# A folder with packages: name => text.
sub packages (%text) {
	state $count = 0;
	my $folder = private_directory('packages' . ++$count);
	write_file("$folder/$_.tcl", "package provide $_ 1.0\n$text{$_}\n") for keys %text;
	write_file("$folder/pkgIndex.tcl",
		join '', map { "package ifneeded $_ 1.0 [list source [file join \$dir $_.tcl]]\n" } sort keys %text);
	return $folder;
}

# ---- what runs ahead

# Of this text all (COUNT) commands run ahead: the file that is sourced next is refused, and the boundary is before it.
sub ahead ($name, $text, $count = 1) {
	state $folder = private_directory('ahead');
	forget();
	write_file("$folder/end.tcl", 'pid');
	write_file("$folder/part.tcl", 'set part 1');
	$text =~ s/FOLDER/$folder/g;
	my $script = unmarked("$text\nsource $folder/end.tcl\nputs \$argv\n");
	is_result($script->call(['x']), $script->plain(['x']), "$name: as a plain run");
	is(learned(), "prefix $count uses pid", "$name: runs ahead");
	return;
}

# This command does not run ahead, nor does what follows.
sub not_ahead ($name, $text) {
	state $folder = private_directory('not-ahead');
	forget();
	write_file("$folder/end.tcl", 'pid');
	my $script = unmarked("$text\nsource $folder/end.tcl\nputs \$argv\n");
	is_result($script->call(['x']), $script->plain(['x']), "$name: as a plain run");
	is(learned(), '', "$name: does not run ahead");
	return;
}

sub test_definitions() {
	ahead('package require', "# a comment\npackage require Tcl 8.5; package require msgcat", 2);
	ahead('package provide', 'package provide mine 1.0');
	ahead('source', 'source FOLDER/part.tcl');
	ahead('source beside the script', 'source [file join [file dirname [info script]] .. ahead part.tcl]');
	ahead('proc', "proc p {a {b 1}} {\n  exec \$a\n}");
	ahead('namespace', 'namespace eval n {variable v 1; namespace export p; proc p {} {}}; namespace import n::*', 2);
	ahead('set', 'set a 1; set b(k) {x y}; set c "$a [list $b(k)]"', 3);
	ahead('array, variable, global', 'array set a {k v}; variable v 1; global g', 3);
	ahead('lappend, append', 'lappend auto_path [file dirname [info script]]; append a b', 2);
	ahead('interp alias', 'interp alias {} short {} string length');
	ahead('classes', 'oo::class create C {method m {} {}}; oo::define C method n {} {}', 2);
	ahead('catch', "catch {package require no-such-package}\ncatch {package require no-such-package} message", 2);
	ahead('if', "if {[catch {package require no-such-package}]} {set a 1}\nif {\$tcl_platform(platform) ne {unix}} then "
		. "{set b 1} elseif {[package vcompare 1 2] < 0} {set b 2} else {set b 3}\nif {[info exists b]} {set c 1} {set c 2}", 3);
	ahead('a condition on a file', 'if {[file exists FOLDER/none.tcl]} {source FOLDER/none.tcl} else {source FOLDER/part.tcl}');
	ahead('foreach', 'foreach v {a b} {set $v 1; lappend all $v}');
	ahead('incr, unset, dict', 'incr i; incr i 2; unset i; dict set d k v; dict lappend d l v', 5);
	ahead('names from the root', '::package require Tcl 8.5; ::namespace eval ::n {::proc p {} {}}', 2);
	return;
}

sub test_others() {
	not_ahead('a command that does something', 'puts hello');
	not_ahead('a procedure of the script', "clock seconds");
	not_ahead('set to what a command gives', 'set pid [pid]');
	not_ahead('set in an index', 'set a([pid]) 1');
	not_ahead('a command within a computing one', 'set a [file join [pwd] x]');
	not_ahead('something else in a namespace', 'namespace eval n {variable v 1; after 0 {}}');
	not_ahead('something else within catch', 'catch {after 0 {}}');
	not_ahead('words that are made of a list', 'package require {*}[list Tcl 8.5]');
	not_ahead('an alias of another interpreter', 'catch {interp delete x}');
	not_ahead('a condition that does something', 'if {[clock seconds]} {set a 1}');
	not_ahead('a condition that is not literal', 'if [list 1] {set a 1}');
	not_ahead("something else in $_->[0]", $_->[1]) for (
		['a branch', 'if 1 {after 0 {}}'], ['a branch behind then', 'if 1 then {after 0 {}}'],
		['another condition', 'if 0 {} elseif {[clock seconds]} {}'], ['another branch', 'if 0 {} elseif 1 {after 0 {}}'],
		['the last branch', 'if 0 {} else {after 0 {}}'], ['a loop', 'foreach v {a b} {after 0 {}}'],
		['catch in a condition', 'if {[catch {after 0 {}}]} {}'],
	);
	return;
}

# What a file that is sourced may not do; in vain, as most of these are called with words that are wrong.
sub test_refused() {
	my $folder = private_directory('refused');
	my %why = (
		(map { $_ => "uses $_" } qw(after cd exec fcopy fileevent puts socket time unload update vwait)),
		(map { ("clock $_" => "uses ::tcl::clock::$_") } qw(add clicks format microseconds milliseconds scan seconds)),
		(map { ("file $_" => "uses ::tcl::file::$_") } qw(channels copy delete link mkdir rename tempfile)),
		(map { ("file $_ a b c" => "uses ::tcl::file::$_") } qw(atime attributes mtime)),
		(map { ("chan $_" => "uses ::tcl::chan::$_") } qw(copy event names pipe puts)),
		(map { ("$_ stdin - -" => "$_ stdin") } qw(close eof fblocked fconfigure flush gets read seek tell zlib)),
		(map { ("chan $_ x stdout -" => "::tcl::chan::$_ stdout") }
			qw(blocked close eof flush gets pending pop push read seek tell truncate)),
		(map { ("expr {$_(1, 2)}" => "uses ::tcl::mathfunc::$_") } qw(rand srand)),
		(map { ("load /none/$_.so" => "loads $_.so") } qw(libthread2 libtk8 libexpect5 libtclreadline)),
		(map { ("set $_" => "looks at $_") } qw(argv argc)),
		(map { ("trace add variable $_ write x" => "traces $_") } qw(env argv argv0 argc env(X))),
		(map { ("file exists $_/x" => "looks at $_/x") } qw(/proc /dev)),
		(map { ("glob $_" => 'uses glob') } ('x', '/none/x', '-directory / */x', '-directory / -join x y')),
		'trace add variable ::argc write x' => 'traces argc',
		'timerate'                        => 'uses ::tcl::unsupported::timerate',
		'rename pid p; p'                 => 'uses pid',
		'interp alias {} p {} pid; p'     => 'uses pid',
		'namespace export pid; namespace eval q {namespace import ::pid; pid}' => 'uses pid',
		'file readlink /proc/self'        => 'looks at /proc/self',
		'exit a b'                        => 'uses exit',
		'pid'                             => 'uses pid',
		'info cmdcount'                   => 'uses ::tcl::info::cmdcount',
		'open |true x'                    => 'starts true',
		'open /none/x w'                  => 'opens for writing /none/x',
		'set argv0 x'                     => 'looks at argv0',
		'array names env'                 => 'looks at all of the environment',
		'package require prefork_interp'  => 'requires prefork_interp',
		'interp invokehidden {} x'        => 'uses interp',
		'interp create c; c invokehidden' => "uses another interpreter's command",
	);
	my $script = unmarked("source $folder/part.tcl\nputs \$argv\n");
	for my $statement (sort keys %why) {
		forget();
		write_file("$folder/part.tcl", "catch {$statement}\n");
		is($script->call(['x'])->{out}, "x\n", "$statement: called");
		is(learned(), "prefix 0 $why{$statement}", "$statement: does not run ahead");
	}
	return;
}

# ---- what is learned

sub test_prefix_is_kept() {
	forget();
	my $script = unmarked("package require Tcl 8.5\nsource [file join [file dirname [info script]] part.tcl]\nputs \$v\n");
	my $part = $script->path =~ s/script\.tcl\z/part.tcl/r;
	write_file($part, 'set v [pid]');
	$script->call([]);
	is(learned(), 'prefix 1 uses pid', 'what can\'t run ahead is learned, and why');
	quiet_down();
	write_file($part, 'set v 1');
	is_result($script->call([]), {out => "1\n", err => ''}, 'another server');
	is(learned(), 'prefix 1 uses pid', 'knows it');
	write_file($script->path, read_file($script->path) . "\n", 0755);
	is_result($script->call([]), {out => "1\n", err => ''}, 'a script that has changed');
	$script->call([]);
	quiet_down();
	write_file($part, 'exec true; set v 2');
	is_result($script->call([]), {out => "2\n", err => ''}, 'is looked at afresh');
	is(learned(), 'prefix 1 uses exec', 'and what was known is forgotten');
	return;
}

# A script that requires PACKAGE when it has done something else; it tells whether the package's variable is there before,
# and names it in parts only.
sub requiring ($package, $between = '', $before = '') {
	my $named = join ' ', split //, $package;
	return unmarked("$before\nputs [catch {set [join {$named} {}]::v}]\n$between\npackage require $package\n"
		. "puts \$${package}::v\nputs [fconfigure stdout]\nputs [gets stdin]\n");
}

my %path;

sub loaded_ahead ($script) {
	return wait_for(sub { $script->call([], env => \%path)->{out} =~ /\A0\n/ });
}

sub test_packages() {
	%path = (TCLLIBPATH => packages(
		good   => 'namespace eval good {variable v 1}',
		outer  => 'package require good; namespace eval outer {variable v $::good::v}',
		clock  => 'namespace eval clock {proc now {} {::clock seconds}; variable v [now]; set v 1}',
		acts   => 'namespace eval acts {variable v [pid]; set v 1}',
		global => 'namespace eval global {variable v 1}; proc global_command {} {}',
		env    => 'namespace eval env {variable v [info exists ::env(NOT_SET)]}',
		reads  => 'set f [open [info script]]; gets $f line; close $f; namespace eval reads {variable v 1}; unset f line',
		where  => 'namespace eval where {variable v [file tail [pwd]]}',
		leaves => 'set left 1; namespace eval leaves {variable v 1}',
		fails  => 'namespace eval fails {variable v 1; if {![info exists ::started]} {error bad}}',
	));
	for my $name (qw(good outer reads env)) {
		forget();
		my $script = requiring($name);
		is_result($script->call([], env => \%path), $script->plain([], env => \%path), "$name: first call");
		ok(loaded_ahead($script), "$name: then it is loaded ahead");
		(my $plain = $script->plain([], env => \%path, stdin => "in\n"))->{out} =~ s/\A1/0/;
		is_result($script->call([], env => \%path, stdin => "in\n"), $plain, "$name: and all else is as before");
		is(learned(), "package $name", 'and known');
	}
	my %refused = (acts => 'uses pid', clock => 'uses ::tcl::clock::seconds', where => 'looks at the working directory');
	$refused{$_} = 'adds or removes global commands or variables' for qw(global leaves);
	for my $name (sort keys %refused) {
		forget();
		my $script = requiring($name);
		my $plain = $script->plain([], env => \%path);
		is_result($script->call([], env => \%path), $plain, "$name: first call");
		ok(wait_for(sub { learned() eq "package $name\nwithout $name $refused{$name}" }), "$name: is left out");
		is_result($script->call([], env => \%path), $plain, "$name: later call");
	}
	return;
}

# A package that is loaded ahead has read a variable: a caller with another value has another server.
sub test_variables_of_packages() {
	forget();
	my $script = requiring('env');
	$script->call([], env => \%path);
	ok(loaded_ahead($script), 'it is loaded ahead');
	for my $set (1, undef, 1) {
		my %env = (env => {%path, NOT_SET => $set});
		my $plain = $script->plain([], %env);
		like($script->call([], %env)->{out}, qr/\A[01]\n\Q@{[ $plain->{out} =~ s{\A1\n}{}r ]}/, 'each has its own value');
	}
	return;
}

# Between the boundary and the package stands something that might decide which one it is.
sub test_deciding() {
	for my $between ('lappend auto_path $argv', 'source $argv0.no', 'info commands x') {
		forget();
		my $script = requiring('good', "catch {$between}");
		$script->call([], env => \%path) for 1 .. 2;
		quiet_down();
		is(learned(), '', "behind \"$between\" no package is learned");
	}
	return;
}

# The script names what the package makes before it requires it: in vain, in a plain run.
sub test_named_packages() {
	for my $between ('catch {puts $good::v}', 'proc p {} {return $::good::v}; puts [catch p]', 'namespace eval good {}') {
		forget();
		my $script = requiring('good', $between);
		my $plain = $script->plain([], env => \%path);
		is_result($script->call([], env => \%path), $plain, "named in \"$between\"");
		ok(wait_for(sub { learned() eq "package good\nwithout good is named before it is required" }), 'is left out');
		is_result($script->call([], env => \%path), $plain, 'later call');
	}
	for my $more (['set goods::v 1'], ['', 'proc p {} {return $::good::v}']) {
		forget();
		my $script = requiring('good', map { "catch {$_}" } @$more);
		$script->call([], env => \%path);
		ok(loaded_ahead($script), "what is named in \"@$more\" is another, or stands before the boundary");
	}
	return;
}

# Where a package can't be loaded ahead, it is searched for.
sub test_search() {
	forget();
	my $folder = packages(trips => 'namespace eval trips {variable v [pid]; set v 1}');
	my %env = (env => {TCLLIBPATH => $folder});
	my $script = unmarked("package require Tcl 8.5\npackage require trips 1\nputs \$trips::v\nif {\$argv eq {server}} {\n"
		. 'regexp {PPid:\s*(\d+)} [read [open /proc/self/status]] all parent; puts $parent}' . "\n");
	is_result($script->call([], %env), $script->plain([], %env), 'a package that is searched for ahead');
	is(learned(), 'prefix 1 uses pid', 'and not loaded');
	my $before = $script->call(['server'], %env)->{out};
	is($script->call(['server'], %env)->{out}, $before, 'one server');
	write_file("$folder/pkgIndex.tcl", read_file("$folder/pkgIndex.tcl") . "# more\n");
	isnt($script->call(['server'], %env)->{out}, $before, 'another when an index has changed by which it was found');
	forget();
	write_file("$folder/pkgIndex.tcl", read_file("$folder/pkgIndex.tcl") . "set ::seen [pid]\n");
	is_result($script->call([], %env), $script->plain([], %env), 'an index that looks at the process');
	is(learned(), "prefix 1 uses pid\nsearch no uses pid", 'is read by each call');
	return;
}

# ---- files

# What a package finds out of a folder when it is loaded ahead.
sub test_changed_folders() {
	my %looks = (
		'what it holds, also'  => ['expr {[file isdirectory $folder] + [llength [glob -directory $folder *]]}',
			sub ($f) { write_file("$f/new", '') }],
		'what it holds'       => ['llength [glob -nocomplain -directory $folder *]', sub ($f) { write_file("$f/new", '') }],
		'whether it is there' => ['file isdirectory $folder/sub', sub ($f) { rmdir "$f/sub" }],
		'whether one appears' => ['file exists $folder/later', sub ($f) { mkdir "$f/later" }],
	);
	for my $name (sort keys %looks) {
		my ($look, $change) = @{$looks{$name}};
		my $folder = private_directory('folder ' . ($name =~ tr/ /-/r));
		mkdir "$folder/sub";
		my %env = (env => {TCLLIBPATH => packages(looks => "namespace eval looks {set folder {$folder}; variable v [$look]}")});
		my $script = unmarked("package require looks\nputs \$looks::v\n");
		forget();
		my $before = $script->plain([], %env);
		is_result($script->call([], %env), $before, "a folder: $name");
		is(learned(), '', 'found out ahead');
		$change->($folder);
		isnt((my $plain = $script->plain([], %env))->{out}, $before->{out}, 'which changes');
		is_result($script->call([], %env), $plain, 'and is found out again');
	}
	return;
}

sub test_changed_files() {
	forget();
	my $folder = packages(good => 'namespace eval good {variable v 1}');
	my $script = unmarked("package require good\nputs \$good::v\n");
	is_result($script->call([], env => {TCLLIBPATH => $folder}), {out => "1\n", err => ''}, 'a package');
	write_file("$folder/good.tcl", 'package provide good 1.0; namespace eval good {variable v 2}');
	is_result($script->call([], env => {TCLLIBPATH => $folder}), {out => "2\n", err => ''}, 'its file has changed');
	write_file("$folder/better.tcl", 'package provide good 1.1; namespace eval good {variable v 3}');
	write_file("$folder/pkgIndex.tcl", 'package ifneeded good 1.1 [list source [file join $dir better.tcl]]');
	is_result($script->call([], env => {TCLLIBPATH => $folder}), {out => "3\n", err => ''}, 'its index has changed');
	return;
}

if (grep { $_ eq 'tcl' } languages()) {
	test_definitions();
	test_others();
	test_refused();
	test_prefix_is_kept();
	test_packages();
	test_variables_of_packages();
	test_deciding();
	test_named_packages();
	test_search();
	test_changed_files();
	test_changed_folders();
} else {
	need_missing('language tcl', 'not built');
}
forget();
finish();
