# Python scripts as their users have them, which mark no boundary: a call is as a run of the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;

parity_folder('python-unmodified', grep { $_ eq 'python' } languages());

finish();
