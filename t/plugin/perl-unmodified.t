# Perl scripts that mark no boundary: what is compiled and run ahead of the calls, where the boundary is and why, and
# what of that is kept.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

my $folder;

sub unmarked ($text, %o) { return script('perl', text => $text, %o) }

# ---- where the boundary is

# With this in a BEGIN block.
sub with_begin ($code, $modules) {
	forget();
	my $script = unmarked("use strict;\n$modules\nBEGIN {\n$code\n}\n1;\n");
	$script->call([]);
	return $script;
}

# Where the boundary is, as it is known.
sub known_boundary() { return join "\n", grep { /^boundary / } split /\n/, learned() }

# Does this machine look for users and the like in files alone?
my $files_tell = do {
	my $text = read_file('/etc/nsswitch.conf') // 'none';
	my @sources = map { split ' ' } $text =~ /^(?:passwd|group|protocols|services):(.*)/mg;
	@sources && !grep { !/^(?:files|db|compat|systemd)\z/ } @sources;
};

# All of it runs ahead.
sub ahead ($code, $modules = '') {
	with_begin($code, $modules);
	is(known_boundary(), 'boundary running', "ahead: $code");
	return;
}

# The boundary is before it.
sub boundary ($why, $code, $modules = '') {
	my $script = with_begin($code, $modules);
	is(known_boundary(), "boundary compiling $why (" . $script->path . ' line 5)', "$why: $code");
	return;
}

# It is noticed when it is over: nothing of the script runs ahead.
sub first ($why, $code, $modules = '') {
	with_begin($code, $modules);
	like(known_boundary(), qr/\Aboundary first \Q$why\E/, "$why: $code");
	return;
}

sub test_ahead() {
	ahead('my @x = map { $_ * 2 } 1 .. 3;');
	ahead('my $x = $ENV{HOME}; my @y = @ENV{qw(A B)}; $ENV{C} = 1; delete $ENV{D}; exists $ENV{E};');
	ahead('open my $h, "<", $0 or die; my $line = <$h>; close $h;');
	ahead('open my $h, ">", \my $text or die; print $h "text"; printf $h "%s", 1; close $h;');
	ahead('my $s = -s $0; my @s = stat $0; my $e = -e "/no/such/file";');
	ahead('opendir my $d, "/" or die; my @names = readdir $d;');
	ahead('my @files = glob "/etc/host*";');
	ahead('eval { die "x" }; eval { require No::Such::Module };');
	ahead('$SIG{TERM} = sub { 1 }; $SIG{__WARN__} = sub { 1 };');
	ahead('my @t = localtime 0; my @g = gmtime 0;');
	ahead('$0 = "name"; $| = 1; $^W = 1;');
	ahead('my $u = $<; my $v = $]; my $o = $^O;');
	ahead('my $d = Cwd::getcwd();', 'use Cwd;');
	ahead('my $u = umask;');
	for my $code ('getpwnam "root"; getpwuid 0;', 'getgrnam "root"; getgrgid 0;', 'getprotobyname "tcp"; getprotobynumber 6;',
		'getservbyname "ssh", "tcp"; getservbyport 22, "tcp";') {
		$files_tell ? ahead($code) : boundary('looks at users, services or protocols', $code);
	}
	ahead('POSIX::floor(1.5); POSIX::setlocale(POSIX::LC_ALL(), "");', 'use POSIX ();');
	ahead('my $x = Data::Dumper->new([1])->Dump;', 'use Data::Dumper;');
	return;
}

sub test_looks() {
	my $arguments = 'looks at its arguments';
	boundary($arguments, $_)
		for 'my @a = @ARGV;', 'my $a = $ARGV[0];', 'my $n = $#ARGV;', 'shift @ARGV;', 'local @ARGV = 1;', 'my $r = \@ARGV;',
		'my $i = 0; my $a = $ARGV[$i];';
	boundary('reads what its arguments name', 'my $l = <>;');
	first($arguments, 'no strict "refs"; my @a = @{"ARGV"};');
	first('looks at its arguments', 'my @a = @{*ARGV{ARRAY}};');

	boundary('looks at all of its environment', $_) for 'my @k = keys %ENV;', 'my %e = %ENV;', 'local %ENV = ();', 'my $r = \%ENV;';
	boundary("looks at a variable of its caller's shell", "my \$x = \$ENV{$_};") for qw(PWD OLDPWD SHLVL _ COLUMNS LINES);

	boundary('looks at the time', $_) for 'my $t = time;', 'my @t = times;', 'my @t = localtime;', 'my $t = gmtime;', 'my $a = -M $0;',
		'my $a = -A $0;', 'my $a = -C $0;';
	boundary('looks at the time of its start', 'my $t = $^T;');
	boundary('looks at the time', "my \@t = Time::HiRes::$_();", 'use Time::HiRes ();') for qw(time gettimeofday clock);
	boundary('looks at the time', 'Time::HiRes::clock_gettime(0);', 'use Time::HiRes ();');
	boundary('looks at the time', "POSIX::$_();", 'use POSIX ();') for qw(clock times);

	boundary('looks at its process id', 'my $p = $$;');
	boundary('looks at its parent process', 'my $p = getppid;');
	boundary('looks at its process group', $_) for 'my $g = getpgrp;', 'setpgrp 0, 0;';
	boundary('looks at its priority', 'my $p = getpriority 0, 0;');
	boundary('looks at what umask it is to have', 'umask 022;');
	boundary('looks at what a signal does', 'my $s = $SIG{TERM};');
	boundary('looks at whether a handle is a terminal', $_) for 'my $t = -t STDIN;', 'my $t = -t STDERR;', 'my $t = -t "1";';

	boundary('looks at the type or state of a standard handle', $_)
		for 'my $l = <STDIN>;', 'my $e = eof(STDIN);', 'my $c = getc STDIN;', 'read STDIN, my $b, 1;', 'sysread STDIN, my $b, 1;',
		'my $p = -p STDIN;', 'my @s = stat STDOUT;', 'my $t = tell STDIN;', 'seek STDIN, 0, 0;', 'sysseek STDIN, 0, 0;';
	boundary('reads standard input', 'my $c = getc;');
	boundary('looks at the type or state of a standard handle', "POSIX::$_;", 'use POSIX ();') for 'read(0, my $b, 1)', 'ttyname(0)', 'tcgetpgrp(0)',
		'Termios->new->getattr(0)';
	boundary('looks at a file that the kernel makes up', $_) for 'open my $h, "<", "/proc/self/stat";', 'my $e = -e "/dev/tty";', 'opendir my $d, "/sys/";';
	return;
}

sub test_acts() {
	boundary('prints', $_) for 'print "x";', 'print STDOUT "x";', 'print STDERR "x";', 'printf "%s", "x";', 'syswrite STDOUT, "x";', 'write;',
		'open my $h, "<", $0; print {*STDOUT} "x";';
	boundary('prints', 'say "x";', 'use feature "say";');
	boundary('closes a standard handle', 'close STDIN;');
	boundary("puts a file in a standard handle's place", $_) for 'open STDIN, "<", $0;', 'sysopen STDIN, $0, 0;';
	boundary('exits', 'exit 0;');
	boundary('starts a process', $_) for 'system "true";', 'my $x = `true`;', 'my $p = fork // die; exit if !$p; waitpid $p, 0;', 'exec "true";';
	boundary('waits for processes', $_) for 'wait;', 'waitpid -1, 0;';
	boundary('sends a signal', 'kill 0, 1;');
	boundary('sets a priority', 'setpriority 0, 0, 0;');
	boundary('sets a timer', 'alarm 0;');
	boundary('sleeps', $_) for 'sleep 0;', 'select undef, undef, undef, 0;';
	boundary('draws random numbers', $_) for 'my $r = rand;', 'srand 1;';
	first('initialisation has looked at random numbers', 'List::Util::shuffle(1, 2);', 'use List::Util ();');
	boundary('opens a pipe', 'pipe my $r, my $w;');
	boundary('opens a socket', $_) for 'socket my $s, 1, 1, 0;', 'socketpair my $s, my $t, 1, 1, 0;';

	my $more = 'opens more than a file to read';
	boundary($more, $_) for "open my \$h, '>', '$folder/f';", "open my \$h, '>$folder/f';", "open my \$h, '>>', '$folder/f';", "open my \$h, '+<', '$folder/f';",
		'open my $h, "true |";', 'open my $h, "-|", "true";', 'open my $h, "-|", "true", "x";', 'open my $h, "| true";', 'open my $h, "<&", \*STDIN;', 'open my $h, ">&STDERR";',
		'open my $h, "<&=", 0;', 'open my $h, "-";', 'open my $h, "+>", undef;', "sysopen my \$h, '$folder/f', 1;", "sysopen my \$h, '$folder/f', 64;";
	boundary('changes files', $_) for "mkdir '$folder/d';", "rmdir '$folder/d';", "rename '$folder/f', '$folder/g';", "link '$folder/g', '$folder/h';",
		"symlink 'g', '$folder/s';", "unlink '$folder/s';", "chmod 0600, '$folder/g';", "chown -1, -1, '$folder/g';", "utime 1, 1, '$folder/g';",
		"truncate '$folder/g', 0;", "my \%h; eval { dbmopen \%h, '$folder/db', 0600 };";
	boundary('changes its directory', 'chdir "/";');
	boundary('changes its root', 'chroot "";');
	boundary('calls the system', $_) for 'syscall 39;', 'my $b = ""; ioctl STDIN, 0, $b;';
	boundary('locks a file', 'open my $h, "<", $0; flock $h, 1;');
	boundary('shares memory', $_) for 'shmget 1, 0, 0;', 'shmctl -1, 0, 0;', 'my $b; shmread -1, $b, 0, 1;', 'shmwrite -1, "x", 0, 1;';
	boundary('sends messages', $_) for 'msgget 1, 0;', 'my $b = ""; msgctl -1, 2, $b;', 'msgsnd -1, "x", 0;', 'my $b; msgrcv -1, $b, 1, 0, 0;';
	boundary('uses semaphores', $_) for 'semget 1, 0, 0;', 'my $b = ""; semctl -1, 0, 2, $b;', 'semop -1, "";';
	boundary('asks the network', $_) for 'gethostbyname "localhost";', 'getnetbyname "loopback";', 'gethostbyaddr "\x7f\0\0\1", 2;', 'getnetbyaddr 127, 2;', 'my @h = gethostent;', 'my @n = getnetent;',
		'my @p = getprotoent;', 'my @s = getservent;';
	boundary('looks for users', $_) for 'getpwent;', 'getgrent;', 'getlogin;';
	return;
}

# Functions of extensions.
sub test_functions() {
	my %posix = (
		'access("/", 0)' => 'looks for files', 'close(99)' => 'closes a descriptor', 'ctermid()' => 'asks for the terminal',
		'dup(0)' => 'opens a descriptor', 'dup2(0, 20)' => 'opens a descriptor', 'lseek(0, 0, 0)' => 'moves in a file', 'mkfifo("/", 0)' => 'changes files',
		'nice(0)' => 'deals with processes', 'open("/")' => 'opens a descriptor', 'pipe()' => 'opens a descriptor', 'setgid(-1)' => 'deals with processes',
		'setpgid(0, 0)' => 'looks at its process group', 'setsid()' => 'looks at its process group', 'setuid(-1)' => 'deals with processes',
		'sigpending(POSIX::SigSet->new)' => 'asks for signals', 'sigprocmask(0, POSIX::SigSet->new)' => 'asks for signals',
		'tcsetpgrp(0, 0)' => 'deals with processes', 'Termios->new->setattr(0)' => 'changes a handle', 'write(1, "x", 1)' => 'prints', '_exit(0)' => 'ends',
	);
	boundary($posix{$_}, "POSIX::$_;", 'use POSIX ();') for sort keys %posix;
	boundary('sleeps, or sets a timer', "Time::HiRes::$_;", 'use Time::HiRes ();') for 'alarm(0)', 'sleep(0)', 'usleep(0)', 'nanosleep(0)', 'ualarm(0)',
		'clock_nanosleep(0, 0)', 'getitimer(0)', 'setitimer(0, 0)';
	boundary('looks for files', "my \@s = Time::HiRes::$_('/');", 'use Time::HiRes ();') for qw(stat lstat);
	boundary('changes files', 'Time::HiRes::utime(1, 1, "/no/such");', 'use Time::HiRes ();');
	boundary('looks for files', "File::Glob::$_('/etc/host*');", 'use File::Glob ();') for qw(bsd_glob csh_glob);
	boundary('asks the network', 'Socket::inet_aton("localhost");', 'use Socket ();');
	boundary('asks the network', 'Socket::getaddrinfo("localhost", 1);', 'use Socket ();');
	boundary('asks the network', 'Socket::getnameinfo(Socket::pack_sockaddr_in(1, "\x7f\0\0\1"));', 'use Socket ();');
	boundary('changes a handle', 'STDIN->blocking(1);', 'use IO::Handle;');
	boundary('starts a thread', 'threads->create(sub { 1 })->join;', 'use threads;');
	return;
}

# ---- where no server can be made, and what is kept

sub test_first() {
	forget();
	my $script = unmarked("BEGIN { no strict 'refs'; \$x = \@{'ARGV'} }\nprint \"\$x \@ARGV\\n\";\n");
	is_result($script->call(['a', 'b']), {out => "2 a b\n", err => ''}, 'looked at too late: as a plain run');
	my $known = known_boundary();
	like($known, qr/\Aboundary first looks at its arguments/, 'is known');
	quiet_down();
	is_result($script->call(['a']), {out => "1 a\n", err => ''}, 'by another server too');
	is(known_boundary(), $known, 'and stays');
	write_file($script->path, read_file($script->path) =~ s/no strict.* }/\$x = 5 }/r, 0755);
	is_result($script->call(['a']), {out => "5 a\n", err => ''}, 'a script that has changed');
	is(known_boundary(), 'boundary running', 'is looked at afresh');
	return;
}

# What was written before the boundary turned out not to do is written once.
sub test_started_again() {
	forget();
	my $script = unmarked("BEGIN { warn qq{warned\\n} }\nBEGIN { \@x = \@{'ARGV'} }\nprint \"\@x\\n\";\n");
	is_result($script->call(['a']), {out => "a\n", err => "warned\n"}, "call $_: a warning comes once") for 1 .. 2;
	return;
}

sub test_boundary_moves() {
	my $lib = private_directory('moves');
	write_file("$lib/Mine.pm", "package Mine;\nour \$x = \$\$;\n1;\n");
	forget();
	my $script = unmarked("use lib '$lib';\nuse Mine;\nprint defined \$Mine::x ? 1 : 0, \"\\n\";\n");
	is_result($script->call([]), {out => "1\n"}, 'a module that looks');
	is(known_boundary(), "boundary compiling looks at its process id ($lib/Mine.pm line 2)", 'is where the boundary is');
	write_file("$lib/Mine.pm", "package Mine;\nour \$x = 1;\n1;\n");
	is_result($script->call([]), {out => "1\n"}, 'it has changed');
	is(known_boundary(), 'boundary running', 'the boundary has moved');
	return;
}

# ---- what must stay as it is

# The script prints an address, which is another one in each server.
sub test_watched() {
	my $lib = private_directory('watched');
	my ($empty, $late) = map { mkdir "$lib/$_" or die; "$lib/$_" } qw(empty late);
	write_file("$late/Mine.pm", "package Mine;\n1;\n");
	write_file("$lib/read", "x\n");
	write_file("$lib/tested", "x\n");
	forget();
	my $script = unmarked(<<"SCRIPT");
use lib '$empty', '$late';
use Mine;
our \$server;
BEGIN { my \$x = {}; open my \$h, '<', '$lib/read'; my \$l = <\$h>; my \$e = -e '$lib/tested'; \$e = -e '$lib/comes'; eval { require Wanted } }
print 0 + \\\$server, "\\n", \$INC{'Mine.pm'}, ' ', \$INC{'Wanted.pm'} // '', "\\n";
SCRIPT
	my $server = sub { return $script->call([])->{out} =~ s/\n.*//sr };
	my $before = $server->();
	is($server->(), $before, 'nothing has changed: the same server');
	my @changes = (
		['a file that was read'                        => sub { write_file("$lib/read", "y\n") }],
		['a file that was asked for'                   => sub { unlink "$lib/tested" }],
		['one that was not there'                      => sub { write_file("$lib/comes", "x\n") }],
		['a module'                                    => sub { write_file("$late/Mine.pm", "package Mine;\n2;\n") }],
		['a module in a folder that is searched first' => sub { write_file("$empty/Mine.pm", "package Mine;\n3;\n") }],
		['a module that was not there'                 => sub { write_file("$empty/Wanted.pm", "package Wanted;\n1;\n") }],
	);
	for my $change (@changes) {
		$change->[1]->();
		my $after = $server->();
		isnt($after, $before, "$change->[0] has changed: another server");
		$before = $after;
	}
	like($script->call([])->{out}, qr{/empty/Mine\.pm .*/empty/Wanted\.pm$}m, 'which has the new modules');
	return;
}

# ---- modules that calls load, where that is asked for

sub split_up ($text) { return unmarked($text, options => '--split --min-gain=-1') }

# A folder with modules: name => text.
sub modules (%text) {
	state $count = 0;
	my $lib = private_directory('modules' . ++$count);
	for my $name (keys %text) {
		my $path = "$lib/$name.pm" =~ s{::}{/}gr;
		(my $in = $path) =~ s{/[^/]*\z}{};
		mkdir $in if !-d $in;
		write_file($path, "package $name;\n$text{$name}\n1;\n");
	}
	return $lib;
}

# Tells, behind a mark, the addresses at which a module's sub lies: the same in all calls of a server that has loaded it.
sub requiring ($lib, @modules) {
	my $text = "use lib '$lib';\n";
	$text .= qq{print exists \$INC{'$_.pm'} ? 1 : 0, defined &${_}::f ? 1 : 0, scalar(keys %${_}::) ? 1 : 0, ${_}->can('f') ? 1 : 0, "\\n"; }
		. qq{require $_; print ${_}::f(), ' ', join(' ', sort keys %INC), "\\n"; push \@all, \\&${_}::f;\n} for @modules;
	return split_up("$text print STDERR join(' ', \@all), qq{\\n};\n");
}

# Two calls have the module's sub in one place: it was there before they asked for it.
sub ahead_of_calls ($script) {
	return wait_for(sub { $script->call([])->{err} eq $script->call([])->{err} });
}

sub test_modules() {
	my %good = (
		Good     => 'sub f { "good" }',
		Variable => 'our @list = (1, 2); our %hash = (k => "v"); our $scalar = 5; sub f { "@list $hash{k} $scalar" }',
		Exports  => 'use Exporter "import"; our @EXPORT_OK = ("f"); use Text::ParseWords qw(shellwords); sub f { join ",", shellwords("a b") }',
		Lexical  => 'my %seen = (a => 1); sub f { $seen{b}++; join ",", sort keys %seen }',
		Reads    => 'sub f { $x } open my $h, "<", __FILE__; our $x = <$h>; close $h;',
		Asks     => 'our $x = $ENV{NOT_SET} // "none"; sub f { $x }',
		Evals    => 'our $x = eval "__FILE__"; sub f { $x }',
		Extends  => 'use POSIX (); sub f { POSIX::floor(1.5) }',
		Inherits => 'our @ISA = ("Base"); package Base; sub m { "inherited" } package Inherits; sub f { Inherits->m }',
		Ends     => 'sub f { "ends" } END { print "end of Ends\n" }',
	);
	for my $name (sort keys %good) {
		forget();
		my $script = requiring(modules($name => $good{$name}), $name);
		my $plain = $script->plain([]);
		delete $plain->{err};
		is_result($script->call([]), $plain, "$name: first call");
		ok(ahead_of_calls($script), "$name: then it is loaded ahead");
		is_result($script->call([]), $plain, "$name: and all else is as before");
		like(learned(), qr/^module $name\.pm$/m, 'it is known');
		unlike(learned(), qr/^without/m, 'and nothing is left out');
	}
	return;
}

sub test_modules_left_out() {
	my %bad = (
		Acts     => ['our $x = `echo x`; sub f { $x }', qr/starts a process/],
		Looks    => ['our $x = $$ ? "pid" : ""; sub f { $x }', qr/looks at its process id/],
		Writes   => ["open my \$h, '>', '$folder/written'; close \$h; sub f { 1 }", qr/opens more than a file to read/],
		Prints   => ['print STDOUT ""; sub f { 1 }', qr/prints/],
		Warns    => ['warn "warned\n"; sub f { 1 }', qr/printed/],
		Where    => ['use Cwd; our $x = getcwd(); sub f { $x }', qr/looks at the working directory/],
		Relative => ['our $x = -e "x" ? 1 : 0; sub f { $x }', qr/looks at the working directory/],
		Umask    => ['our $x = umask; sub f { $x }', qr/looks at the umask/],
		Called   => ['our $x = join " ", (caller)[0, 2]; sub f { $x }', qr/looks at who loads it/],
		Random   => ['our $x = rand; sub f { 1 }', qr/random/],
		Changes  => ['$ENV{CHANGED} = "x"; sub f { $ENV{CHANGED} }', qr/environment/],
		Handles  => ['$SIG{USR1} = sub { 1 }; sub f { 1 }', qr/what a signal does/],
		Keeps    => ['our $h; open $h, "<", __FILE__; sub f { scalar <$h> }', qr/which files are open/],
		Destroys => ['our $o = bless {}; sub DESTROY { $main::n++ } sub f { 1 }', qr/something to do at their end: Destroys/],
		Deletes  => ['delete $main::table{a}; sub f { join ",", keys %main::table }', qr/a hash that is not its own/],
	);
	for my $name (sort keys %bad) {
		forget();
		my $lib = modules($name => $bad{$name}[0]);
		my $script = split_up("use lib '$lib'; our %table; BEGIN { \$table{a} = 1 } sub taken;\nrequire $name; print ${name}::f(), qq{\\n};\n");
		my $plain = $script->plain([]);
		is_result($script->call([]), $plain, "$name: first call");
		ok(wait_for(sub { learned() =~ /^without $name\.pm .*?$bad{$name}[1]/m }), "$name: is left out") or diag(learned());
		is_result($script->call([]), $plain, "$name: later call");
	}
	return;
}

# What a module has done elsewhere is not to be seen before it is asked for; and modules come in any order, or not.
sub test_modules_hidden() {
	my $lib = modules(
		Registry => 'my %types; our $count = 0; sub add { $types{$_[1]} = $_[0]; $count++ } sub types { join(" ", map { "$_=$types{$_}" } sort keys %types) . " $count" } sub f { types() }',
		First    => 'require Registry; Registry::add(__PACKAGE__, "first"); push @main::list, "first"; $main::set = "by first"; sub main::from_first { 1 } sub f { Registry::types() }',
		Second   => 'require Registry; Registry::add(__PACKAGE__, "second"); push @main::list, "second"; our @ISA = ("First"); sub f { Registry::types() }',
	);
	my $script = split_up(<<"SCRIPT");
use lib '$lib';
our (\@list, \$set);
sub named { Second::named() }
sub state_now { join ' ', "\@list", \$set // 'unset', defined &main::from_first ? 'sub' : 'none', defined &Registry::types ? Registry::types() : 'no types', Second->can('main') // 'no class', Second->isa('First') ? 'isa' : 'not', sort grep { !/^(lib|strict|warnings|Config|XSLoader|re|overload)/ } keys %INC }
print state_now(), "\\n";
for my \$m (\@ARGV) { if (\$m eq 'set') { \$set = 'by call' } elsif (\$m =~ /^eval (.*)/) { eval \$1; print \$@ } else { require "\$m.pm"; print "\$m: ", \$m->f, "\\n" } print state_now(), "\\n" }
SCRIPT
	forget();
	$script->call([qw(Registry First Second)]);
	wait_for(sub { $script->call([qw(Registry First Second)]); learned() =~ /Second/ });
	for my $order ([qw(Registry First Second)], [qw(First Second)], [qw(Second First)], [qw(Second Registry)], ['Registry', 'set', 'First'], ['set', 'First', 'Second'],
		[], ['eval sub First::f { 5 }', 'First', 'Second'], ['eval $Registry::count = 7', 'Registry', 'First'], ['eval push @main::list, 0', 'First'],
		['eval Registry::types()', 'First'], ['eval sub main::from_first { 2 }', 'First'], ['eval $INC{"Registry.pm"} = 1; sub Registry::add { 1 } sub Registry::types { 9 }', 'First'],
		['eval unshift @INC, sub { print "asked for $_[1]\n"; undef }', 'Registry', 'First'], ['eval $SIG{__DIE__} = sub { print "handler\n" }', 'First'], ['eval local $^W = 1; require First']) {
		my $plain = $script->plain($order);
		is_result($script->call($order), $plain, "in the order @$order");
	}
	quiet_down();
	return;
}

# Loaded from the file that perl would find.
sub test_modules_found() {
	my ($one, $two) = (modules(Mine => 'sub f { "one" }'), modules(Other => '1;'));
	my $script = split_up("use lib '$one';\nunshift \@INC, \@ARGV;\nrequire Mine;\nprint Mine::f(), qq{\\n};\n");
	forget();
	$script->call([$two]) for 1 .. 3;
	is_result($script->call([$two]), {out => "one\n", err => ''}, 'a folder without such a module before it');
	write_file("$two/Mine.pm", "package Mine; sub f { 'two' } 1;\n");
	is_result($script->call([$two]), {out => "two\n", err => ''}, 'a folder with another one');
	is_result($script->call([]), {out => "one\n", err => ''}, 'not searched');
	write_file("$one/Mine.pm", "package Mine; sub f { 'changed' } 1;\n");
	is_result($script->call([]), {out => "changed\n", err => ''}, 'it has changed');
	return;
}

# A value of the environment that a module has looked at, and the script sets before it loads it.
sub test_modules_environment() {
	my $lib = modules(Asks => 'our $x = $ENV{ASKED} // "none"; sub f { $x }');
	my $script = split_up("use lib '$lib';\n\$ENV{ASKED} = shift if \@ARGV;\nrequire Asks;\nprint Asks::f(), qq{\\n};\n");
	forget();
	$script->call([]) for 1 .. 3;
	is_result($script->call(['set']), {out => "set\n"}, 'set by the script');
	is_result($script->call([]), {out => "none\n"}, 'not set');
	is_result($script->call([], env => {ASKED => 'callers'}), {out => "callers\n"}, 'set by the caller');
	return;
}

if (grep { $_ eq 'perl' } languages()) {
	$folder = private_directory('acts');
	test_ahead();
	test_looks();
	test_acts();
	test_functions();
	test_first();
	test_started_again();
	test_boundary_moves();
	test_watched();
	test_modules();
	test_modules_left_out();
	test_modules_hidden();
	test_modules_found();
	test_modules_environment();
} else {
	need_missing('language perl', 'not built');
}
forget();
finish();
