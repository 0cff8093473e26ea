# Who looks for a script among the processes finds what a fresh run would show: one process, with its words and its
# environment, and in as good a position to begin a session.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

# Says its process id in a file, and waits.
my %WAITS = (
	perl => <<'PERL',
use Proc::Prefork::Interp;
prefork_initialisation_complete();
open my $h, '>', "$ARGV[0].new" or die "$!\n";
print {$h} $$;
close $h;
rename "$ARGV[0].new", $ARGV[0];
sleep 1000;
PERL
	python => <<'PYTHON',
import os, sys, time
import prefork_interp
prefork_interp.initialisation_complete()
with open(sys.argv[1] + ".new", "w") as h:
    h.write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(1000)
PYTHON
	tcl => <<'TCL',
package require prefork_interp
prefork_interp::initialisation_complete
set h [open [lindex $argv 0].new w]
puts -nonewline $h [pid]
close $h
file rename [lindex $argv 0].new [lindex $argv 0]
after 1000000
TCL
);

each_language(sub ($language) {
	my $script = script($language, text => $WAITS{$language}, arguments => $language eq 'python' ? ['-B'] : []);
	my $folder = private_directory("appearance-$language");
	my @words = ("$folder/pid", '', "two\nlines");
	my $p = $script->start([@words], env => {SEEN => 'by all'});
	my $pid = wait_for_file("$folder/pid");
	my ($name) = $script->path =~ m{([^/]+)\z};
	my %by = map { $_->{pid} => $_ } descendants();
	is(join(' ', grep { $by{$_}{name} eq $name } keys %by), $pid, 'one process has the name');
	is(join(' ', grep { index($by{$_}{command}, $script->path) >= 0 } keys %by), $pid, 'one process has the words');
	is(read_file("/proc/$pid/cmdline"), join("\0", @{$script->{interpreter}}, $script->path, @words) . "\0", 'which are these');
	is(read_file("/proc/$pid/environ"), join('', map { "$_\0" } @{environment_list(SEEN => 'by all')}), 'its environment');
	is($by{$p->{pid}}{name}, 'prefork-interp', 'the client');
	like(read_file("/proc/$p->{pid}/cmdline"), qr/\Aprefork-interp\0+\z/, 'its words');
	my ($server) = grep { $_->{command} =~ /\[server\]/ } values %by;
	is($server->{name}, 'prefork-server', 'the server');
	my ($socket) = sockets();
	is(read_file("/proc/$server->{pid}/cmdline"), "prefork-interp [server] $socket\0", 'its words');
	is(read_file("/proc/$server->{pid}/environ"), '', 'its environment');
	kill KILL => $p->{pid};
	end($p);

	# By hand, not by its #! line: the kernel gives the interpreter's name.
	my $plain = $script->start_plain(["$folder/plain"]);
	my $native = wait_for_file("$folder/plain");
	$p = start([client_path(), '--', @{$script->{interpreter}}, $script->path, "$folder/hand"]);
	$pid = wait_for_file("$folder/hand");
	is(read_file("/proc/$pid/comm"), read_file("/proc/$native/comm"), 'by hand: the name as in a plain run');
	is(read_file("/proc/$pid/cmdline"), read_file("/proc/$native/cmdline") =~ s/plain\0\z/hand\0/r, 'by hand: the words too');
	kill KILL => $native, $p->{pid};
	end($_) for $plain, $p;
});

# The last of a shell's commands would be the shell's own process.
my $from_shell = '"$@"; exit $?';
each_language(sub ($language) {
	my $script = script($language);
	my ($pid, $parent, $group) = split ' ', run(['/bin/sh', '-c', $from_shell, 'sh', $script->path, 'pid'])->{out};
	isnt($group, $pid, 'a caller that leads no process group: nor does the executor');
	isnt($group, $parent, 'which has a group all the same');
	($pid, $parent, $group) = split ' ', $script->call(['pid'], group => 1)->{out};
	is($group, $pid, 'a caller that leads one: so does the executor');
});

finish();
