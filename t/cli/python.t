# Python programs as their packages have them: a call is as a run of the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Cli;

cli_folder('python');

finish();
