#!/usr/bin/perl
# The soak: many calls of mixed languages, several at a time, while servers are put aside, scripts change and callers
# are killed.  Every status and output must be right, and nothing may be left.
#
#     SOAK_CALLS=20000 SOAK_AT_A_TIME=8 SOAK_SEED=N     in the environment; the seed is in the output
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use POSIX ();
use Prefork::Test;
use Prefork::Test::Syslog qw(syslog_messages);
use Time::HiRes qw(sleep);

my $CALLS = $ENV{SOAK_CALLS} || 20000;
my $AT_A_TIME = $ENV{SOAK_AT_A_TIME} || 8;
my $SEED = $ENV{SOAK_SEED} || int rand 2**31;
my $SHOWN = 20;    # failures told in full

# How often each kind of call comes, in a thousand.
my @KINDS = (
	[call => 940, \&ordinary_call],
	[killed => 10, \&killed_while_running],
	[killed_early => 10, \&killed_at_any_time],
	[fresh => 10, \&fresh_call],
	[touched => 10, \&touched_script],
	[kill_option => 10, \&kill_option],
	[no_socket => 10, \&socket_taken_away],
);

# What an ordinary call may be: each gives (arguments, options of run(), expected {status, out, err}).
my @VERBS = (\&verb_exit, \&verb_args, \&verb_env, \&verb_cat, \&verb_cwd, \&verb_signal, \&verb_out, \&verb_err);
my %SIGNALS = (HUP => 1, INT => 2, KILL => 9, USR1 => 10, TERM => 15);

diag("soak: $CALLS calls, $AT_A_TIME at a time, SOAK_SEED=$SEED");
my %script = map { $_ => script($_) } languages();
my %text = map { $_ => read_file($script{$_}->path) } keys %script;
my @folders = map { private_directory("cwd$_") } 1 .. 4;
my $reports = private_directory('reports');
my $fifo = "$reports/fifo";    # nobody ever writes to it
POSIX::mkfifo($fifo, 0600) or die "$fifo: $!\n";
my (%report, $number);    # a worker's own: what it has to tell, and which call it is at

my @workers = map { start_worker($_) } 1 .. $AT_A_TIME;
ok(process_gone([map { pidfd_open($_) } @workers], 60 + $CALLS), 'all workers came to their end in time');
my @reports = map { read_report($_) } 1 .. $AT_A_TIME;
push @{syslog_messages()}, map { @{$_->{syslog}} } @reports;
judge();
finish();

# ---- workers

# One of the processes that make the calls, each with random numbers of its own: its process id.
sub start_worker ($worker) {
	my $share = int(($CALLS + $worker - 1) / $AT_A_TIME);
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	srand $SEED + $worker;
	%report = (calls => {}, failures => [], plain => {}, languages => {});
	my $done = eval { make_call($worker) for 1 .. $share; 1 };
	push @{$report{failures}}, "worker $worker: $@" if !$done;
	$report{syslog} = syslog_messages();
	write_file("$reports/$worker", JSON::PP->new->ascii->encode(\%report));
	POSIX::_exit(0);    # the end checks are the parent's
}

sub read_report ($worker) {
	my $text = read_file("$reports/$worker");
	return JSON::PP->new->decode($text) if defined $text;
	return {calls => {}, failures => ["worker $worker left no report"], plain => {}, languages => {}, syslog => []};
}

sub make_call ($worker) {
	$number++;
	my $language = any(languages());
	my $at = rand 1000;
	for my $kind (@KINDS) {
		my ($name, $share, $code) = @$kind;
		next if ($at -= $share) >= 0;
		$report{calls}{$name}++;
		$report{languages}{$language}++;
		my @wrong = $code->($script{$language}, "$worker.$number");
		push @{$report{failures}}, map { "call $number of worker $worker, $language, $name: $_" } @wrong;
		return;
	}
	die "the shares don't make a thousand\n";
}

sub any (@things) { return $things[rand @things] }

# ---- kinds of calls: each returns what went wrong

sub ordinary_call ($script, $) {
	my ($arguments, $options, $expected) = any(@VERBS)->();
	return compare($script->call($arguments, %$options), $expected, "@$arguments");
}

sub fresh_call ($script, $) {
	my ($arguments, $options, $expected) = any(@VERBS)->();
	my $got = client(['-f', command_words($script), @$arguments], %$options);
	return compare($got, $expected, "-f: @$arguments");
}

# The script gets newer or is replaced by its equal: the next call of anyone must not mind.
sub touched_script ($script, $tag) {
	if (any(0, 1)) {
		utime undef, undef, $script->path;
	} else {
		my $new = write_file($script->path . ".$tag", $text{$script->language}, 0755);
		rename $new, $script->path or die "$new: $!\n";
	}
	return ordinary_call($script, $tag);
}

sub kill_option ($script, $) {
	return compare(client(['--kill', command_words($script)]), {status => 0, out => '', err => ''}, '--kill');
}

sub socket_taken_away ($script, $tag) {
	my ($which, @sockets) = (rand, sockets());    # as many random numbers whatever is there
	unlink $sockets[$which * @sockets] if @sockets;
	return ordinary_call($script, $tag);
}

# The script's executor and its child must go when the client is killed.
sub killed_while_running ($script, $tag) {
	my $file = "$reports/spawn.$tag";
	my $signal = any('TERM', 'KILL');
	my $call = $script->start(['spawn', $file]);
	my $text = wait_for_file($file) // '';
	my @pids = split ' ', $text;
	my @pidfds = map { pidfd_open($_) } @pids;
	kill $signal => $call->{pid};
	my $got = end($call);
	kill KILL => @pids if $got->{err} =~ /^prefork-interp: /m && @pids;    # natively its child stays
	my @wrong = compare($got, {status => killed_by($SIGNALS{$signal}), out => '', err => ''}, "spawn, killed by $signal");
	push @wrong, "spawn: '$text' in place of two process ids" if @pids != 2;
	push @wrong, "spawn: its processes outlived a client killed by $signal" if !process_gone(\@pidfds);
	return @wrong;
}

# Whatever the client is at when it dies, nothing may be left; the end of the soak sees to that.
sub killed_at_any_time ($script, $tag) {
	my $call = $script->start(['wait', "$reports/wait.$tag", $fifo]);
	sleep rand 0.03;    # not to wait for anything: to hit any moment of a call
	kill KILL => $call->{pid};
	my $got = end($call);
	$got->{err} =~ s/^prefork-interp: .*\n//mg;    # the launcher's, about its caller
	return compare($got, {status => killed_by(9), out => '', err => ''}, 'killed at any time');
}

sub command_words ($script) { return ('--', @{$script->{interpreter}}, $script->path) }

# ---- verbs of the contract's script

sub verb_exit() {
	my $status = int rand 256;
	return (['exit', $status], {}, {status => exited($status), out => '', err => ''});
}

sub verb_args() {
	my @words = map { random_text() } 1 .. rand 6;
	return (['args', @words], {}, printed(map { unpack 'H*', $_ } @words));
}

sub verb_env() {
	my $value = any(undef, random_text());
	return (['env', 'SOAK'], {env => {SOAK => $value}}, printed(defined $value ? unpack 'H*', $value : 'unset'));
}

sub verb_cat() {
	my $bytes = join '', map { chr int rand 256 } 1 .. rand any(10, 1000, 100_000);
	return (['cat'], {stdin => $bytes}, {status => 0, out => $bytes, err => ''});
}

sub verb_cwd() {
	my $folder = any(@folders);
	return (['cwd'], {cwd => $folder}, printed($folder));
}

sub verb_signal() {
	my $name = any(sort keys %SIGNALS);
	return (['signal', $name], {}, {status => killed_by($SIGNALS{$name}), out => '', err => ''});
}

sub verb_out() {
	my $text = random_text();
	return (['out', $text], {}, {status => 0, out => $text, err => ''});
}

sub verb_err() {
	my $text = random_text();
	return (['err', $text], {}, {status => 0, out => '', err => $text});
}

sub printed (@lines) {
	return {status => 0, out => join('', map { "$_\n" } @lines), err => ''};
}

# UTF-8 bytes with what is easily broken among them.
sub random_text() {
	my @pieces = ('a' .. 'f', ' ', "\n", "\t", '"', "'", '\\', '$x', '[y]', '{', '}', '=', '%', '-', "\xc3\xa4", "\xe2\x82\xac");
	return join '', map { any(@pieces) } 1 .. rand 20;
}

# ---- what came of it

# A plain run is right too, but is counted.  What is said about it on standard error is not the script's.
sub compare ($got, $expected, $what) {
	my %got = %$got;
	my @said;
	push @said, $1 while $got{err} =~ s/^(prefork-interp: .*)\n//m;
	$report{plain}{join '; ', @said}++ if @said;
	return map { shown($what) . ": $_ is '" . shown($got{$_}) . "', expected '" . shown($expected->{$_}) . q{'} }
		grep { $got{$_} ne $expected->{$_} } qw(status out err);
}

sub shown ($value) {
	$value =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
	return length $value > 200 ? substr($value, 0, 200) . '...' : $value;
}

# The sums of the workers' counts.
sub total ($key) {
	my %sum;
	for my $report (@reports) {
		$sum{$_} += $report->{$key}{$_} for keys %{$report->{$key}};
	}
	return \%sum;
}

sub judge() {
	my @failures = map { @{$_->{failures}} } @reports;
	my ($kinds, $languages, $plain) = map { total($_) } qw(calls languages plain);
	my ($made, $plain_runs) = (0, 0);
	$made += $_ for values %$kinds;
	$plain_runs += $_ for values %$plain;
	diag('soak: ', join ', ', map { "$_ $kinds->{$_}" } sort keys %$kinds);
	diag('soak: ', join ', ', map { "$_ $languages->{$_}" } sort keys %$languages);
	diag("soak: ran plain $plain->{$_} times: $_") for sort keys %$plain;
	is($made, $CALLS, "$CALLS calls were made");
	ok(!@failures, 'every status and every output was right');
	diag(scalar(@failures), ' were wrong, SOAK_SEED=', $SEED) if @failures;
	diag($_) for splice @failures, 0, $SHOWN;
	cmp_ok($plain_runs, '<=', $CALLS / 100, 'hardly any of them was a plain run');
	return;
}
