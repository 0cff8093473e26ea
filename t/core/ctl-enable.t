# preforkctl enable and disable: a script is served by its own #! line, whatever the form of that, and is in the end what
# it was, with all that belongs to it.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Process qw(system_call);

use File::Basename qw(dirname basename);
use Time::HiRes ();

my %ARGUMENT = (perl => '-w', python => '-O');
my $ctl = install_path() . '/preforkctl';

sub ctl (@words) {
	my %o = ref $words[-1] ? %{pop @words} : ();
	return run([$ctl, @words], %o);
}

# All that a file is besides its inode number.
sub attributes ($path) {
	my @stat = Time::HiRes::lstat($path);
	return join ' ', sprintf('%o', $stat[2]), @stat[3 .. 5, 7 .. 9], read_file($path);
}

sub plain_file ($language, $line, $mode = 0755) {
	state $count = 0;
	my $text = read_file(source_path('t/contract/' . script_name($language))) =~ s/\A#!.*\n//r;
	my $folder = private_directory("enable$language" . ++$count);
	return write_file("$folder/" . script_name($language), "#!$line\n$text", $mode);
}

# Enable, call, disable.
sub round_trip ($language, $line, $name = $line, %o) {
	my $path = plain_file($language, $line);
	my $before = attributes($path);
	is_result(ctl('enable', $path, {%o}), {status => 0, out => "$path: enabled\n", err => ''}, "$name: enabled");
	my $client = client_path();
	is(read_file($path), (split / /, $before, 8)[7] =~ s{^(#![ \t]*)}{$1$client -- }r, "$name: its first line");
	is_result(run([$path, 'args', 'a b', '-x'], %o), {status => 0, out => "612062\n2d78\n", err => ''}, "$name: first call");
	my $nonce = run([$path, 'count'], %o);
	is_result(run([$path, 'count'], %o), $nonce, "$name: served");
	is_result(ctl('disable', $path), {status => 0, out => "$path: disabled\n", err => ''}, "$name: disabled");
	is(read_file($path), (split / /, $before, 8)[7], "$name: is what it was");
	return;
}

each_language(sub ($language) {
	my $interpreter = interpreter_path($language);
	my $named = basename($interpreter);
	my %path = (env => {PATH => dirname($interpreter) . ":$ENV{PATH}"});
	round_trip($language, $_) for $interpreter, " $interpreter", "$interpreter ";
	round_trip($language, $_, $_, %path) for "/usr/bin/env $named", " /usr/bin/env\t$named ", "/usr/bin/env -S $named";
	if (my $argument = $ARGUMENT{$language}) {
		round_trip($language, "$interpreter $argument");
		round_trip($language, "/usr/bin/env -S $named $argument", "env -S with $argument", %path);
	}
});

# What a process shows of itself, as the script sees it.
my %SHOW = (
	perl => <<'END',
use Proc::Prefork::Interp;
prefork_initialisation_complete();
for my $name (qw(comm cmdline)) { open my $h, '<', "/proc/self/$name" or die; print <$h>, "\n" }
END
	python => <<'END',
for name in ("comm", "cmdline"):
    with open("/proc/self/" + name) as h:
        print(h.read())
END
	tcl => <<'END',
foreach name {comm cmdline} { set h [open /proc/self/$name]; puts [read $h]; close $h }
END
);
each_language(sub ($language) {
	my $named = basename(interpreter_path($language));
	my %path = (env => {PATH => dirname(interpreter_path($language)) . ":$ENV{PATH}"});
	for my $line (interpreter_path($language), "/usr/bin/env $named", "/usr/bin/env -S $named") {
		my $folder = private_directory("show$language" . length $line);
		my $path = write_file("$folder/" . script_name($language), "#!$line\n$SHOW{$language}", 0755);
		my $plain = run([$path, 'x'], %path);
		is_result($plain, {status => 0, err => ''}, "$line: plain");
		is_result(ctl('enable', $path, {%path}), {status => 0, err => ''}, "$line: enabled");
		is_result(run([$path, 'x'], %path), $plain, "$line: the first call looks the same from outside");
		is_result(run([$path, 'x'], %path), $plain, "$line: and the second");
		is(scalar(sockets()), 1, "$line: there is a server");
		quiet_down();
	}
});

subtest 'words that perl takes for several options' => sub {
	my $path = plain_file('perl', interpreter_path('perl') . ' -w -W');
	is_result(ctl('enable', $path), {status => 0, out => "$path: enabled\n", err => ''}, 'are enabled');
	is_result(run([$path, 'args', 'x']), {status => 0, out => "78\n", err => ''}, 'and go on');
} if grep { $_ eq 'perl' } languages();

sub set_attribute ($path, $name, $value) {
	return system_call('setxattr', $path, $name, $value, length $value, 0) == 0;
}

# An extended attribute's value; undef where there is none.
sub attribute ($path, $name) {
	my $value = "\0" x 256;
	my $n = system_call('getxattr', $path, $name, $value, length $value);
	return $n < 0 ? undef : substr $value, 0, $n;
}

my $interpreter = interpreter_path(core_language());

subtest 'everything is kept' => sub {
	my $path = plain_file(core_language(), $interpreter, 0741);
	chown $<, 1, $path or need_missing('another group', $!);
	Time::HiRes::utime(1_000_000_000.25, 1_100_000_000.5, $path);
	my $before = attributes($path);
	# Reading it is seen.
	Time::HiRes::utime(1_000_000_000.25, 1_100_000_000.5, $path);
	my $inode = (stat $path)[1];
	is_result(ctl('enable', $path), {status => 0, err => ''}, 'enabled');
	my @stat = Time::HiRes::stat($path);
	isnt($stat[1], $inode, 'it is a new file');
	isnt(read_file($path), (split / /, $before, 8)[7], 'with another text');
	is("@stat[8, 9]", '1000000000.25 1100000000.5', 'its times are those of before');
	Time::HiRes::utime($stat[8], $stat[9], $path);
	is_result(ctl('disable', $path), {status => 0, err => ''}, 'disabled');
	my $after = attributes($path);
	is($after, $before, 'mode, owner, group, times and text are those of before');
	opendir my $d, dirname($path) or die "$path: $!\n";
	is(join(' ', sort readdir $d), '. .. ' . basename($path), 'nothing is left beside it');
};

# One entry of an access list: tag, permissions, id.
sub acl (@entries) { return pack 'V(vvV)*', 2, map { @$_ } @entries }

subtest 'extended attributes' => sub {
	my $path = plain_file(core_language(), $interpreter, 0750);
	if (!set_attribute($path, 'user.test', "a\0b")) {
		need_missing('extended attributes', $!);
		return;
	}
	my $none = 0xffffffff;
	my $access = acl([1, 7, $none], [2, 4, 1], [4, 5, $none], [16, 5, $none], [32, 0, $none]);
	my $lists = set_attribute($path, 'system.posix_acl_access', $access);
	need_missing('access lists', $!) if !$lists;
	# A new file in this folder has a list from the start.
	set_attribute(dirname($path), 'system.posix_acl_default', $access) if $lists;
	my $other = write_file(dirname($path) . '/other', "#!$interpreter\n", 0755);
	my $list = 'system.posix_acl_access';
	system_call('removexattr', $other, $list) if $lists;
	chmod 0755, $other;
	for my $command (qw(enable disable)) {
		is_result(ctl($command, $path, $other), {status => 0, err => ''}, $command);
		is(attribute($path, 'user.test'), "a\0b", 'an attribute is kept');
		is(attribute($path, 'system.posix_acl_access'), $lists ? $access : undef, 'an access list is kept');
		is(attribute($other, 'system.posix_acl_access'), undef, 'where there was none there is none');
		is((stat $path)[2] & 07777, 0750, 'the mode is kept');
		is((stat $other)[2] & 07777, 0755, 'of the other too');
	}
};

subtest 'again' => sub {
	my $path = plain_file(core_language(), $interpreter);
	is_result(ctl('disable', $path), {status => 0, out => "$path: is not enabled\n", err => ''}, 'disable: nothing to do');
	ctl('enable', $path);
	my $inode = (stat $path)[1];
	is_result(ctl('enable', $path), {status => 0, out => "$path: is enabled already\n", err => ''}, 'enable: nothing to do');
	is((stat $path)[1], $inode, 'nothing is done');
	open my $h, '>>', $path or die "$path: $!\n";
	print {$h} "# more\n";
	close $h;
	my $line = client_path() . ' -- ';
	my $expected = read_file($path) =~ s/\Q$line//r;
	is_result(ctl('disable', $path), {status => 0, out => "$path: disabled\n", err => ''}, 'disabled after a change');
	is(read_file($path), $expected, 'which is kept');
};

subtest 'a link' => sub {
	my $path = plain_file(core_language(), $interpreter);
	my $link = private_directory('links') . '/link';
	symlink $path, $link or die "$link: $!\n";
	is_result(ctl('enable', $link), {status => 0, out => "$link: enabled\n", err => ''}, 'is followed');
	ok(-l $link, 'and stays');
	like(read_file($path), qr/\A#!\S*prefork-interp -- /, 'what it leads to is enabled');
};

subtest 'what env finds nothing for' => sub {
	my $name = 'no-such-interpreter';
	my $path = write_file(private_directory('env') . '/script', "#!/usr/bin/env $name\n", 0755);
	my $plain = run([$path]);
	write_file($path, '#!' . client_path() . " -- /usr/bin/env $name\n", 0755);
	is_result(run([$path], env => {PREFORK_INTERP_DEBUG => undef}), $plain, 'is said as env says it');
};

finish();
