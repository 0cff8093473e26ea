# Job control and everything else that a terminal gives: a session in a real shell on a pseudo-terminal is the same with
# us as with the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Play;

my @wanted = map { "$FindBin::Bin/terminal/$_.case" } split ' ', $ENV{PREFORK_PARITY_CASES} // '';
for my $path (@wanted ? @wanted : sort glob "$FindBin::Bin/terminal/*.case") {
	play_case($path);
}

finish();
