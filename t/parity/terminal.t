# Job control and whatever else a terminal gives: a session in a real shell on a pseudo-terminal is with us as it is with the
# plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;
use Prefork::Test::Play;

parity_folder_by(\&play_run, 'terminal', languages());

finish();
