# Python scripts that mark no end of their initialisation: a call is as a run of the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;

parity_folder_by(\&parity_run_unmarked, $_, grep { $_ eq 'python' } languages()) for qw(python common);

finish();
