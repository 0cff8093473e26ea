# Role: executor. Descriptors, arguments, environment: the caller's, and nothing else of the server's.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("executor-$language");
	$script->warm;
	my $p = $script->start(['spawn', "$folder/pid"]);
	my ($pid) = split ' ', wait_for_file("$folder/pid");
	my @open = sort { $a <=> $b } map { s{.*/}{}r } glob "/proc/$pid/fd/*";
	is("@open", '0 1 2', 'descriptors, seen from outside');
	my %to = map { $_ => readlink "/proc/$pid/fd/$_" } @open;
	is($to{0}, '/dev/null', 'standard input');
	my ($client) = grep { $_->{pid} == $p->{pid} } descendants();
	is($to{$_}, readlink "/proc/$client->{pid}/fd/$_", "descriptor $_ is the client's") for 1, 2;
	is(readlink "/proc/$pid/cwd", readlink "/proc/$client->{pid}/cwd", 'directory');
	my %status = read_file("/proc/$pid/status") =~ /^(\w+):\s*(.*)$/mg;
	my $plain = $script->start_plain(['spawn', "$folder/plain"]);
	my ($native, $child) = split ' ', wait_for_file("$folder/plain");
	my %native = read_file("/proc/$native/status") =~ /^(\w+):\s*(.*)$/mg;
	is($status{$_}, $native{$_}, "$_ as in a plain run") for qw(Umask SigBlk SigIgn SigCgt NoNewPrivs CapEff Threads);
	is($status{SigPnd}, '0000000000000000', 'no signal is pending');
	is(read_file("/proc/$pid/$_"), read_file("/proc/$native/$_"), "$_ as in a plain run") for qw(limits oom_score_adj);
	kill KILL => $native, $child;
	end($plain);
	kill KILL => $p->{pid};
	is(end($p)->{status}, killed_by(9), 'killed');
});

finish();
