# Role: daemonise. The server is the leader of a session of its own, holds nothing of its caller's.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
each_language(sub ($language) {
	my $script = script($language);
	my $r = $script->call(['pid'], cwd => home_directory());
	my ($executor, $pid, $group, $session) = split ' ', $r->{out};
	my ($server) = grep { $_->{pid} == $pid } descendants();
	is($server->{session}, $pid, 'session leader');
	is($server->{parent}, $$, 'orphaned: a daemon');
	is(readlink "/proc/$pid/fd/$_", '/dev/null', "descriptor $_") for 0 .. 2;
	is(readlink "/proc/$pid/cwd", '/', 'working directory');
	my ($terminal) = (split ' ', read_file("/proc/$pid/stat") =~ s/.*\) //sr)[4];
	is($terminal, 0, 'no terminal');
	my @files = grep { !m{^(/dev/null|socket:|pipe:|anon_inode:)} } map { readlink } glob "/proc/$pid/fd/*";
	is("@files", '', 'no open file');
	is($script->call(['exit', 3])->{status}, exited(3), 'it serves though its first caller has gone');
});

finish();
