# Python scripts that mark no end of their initialisation: a call is as a run of the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;

if (grep { $_ eq 'python' } languages()) {
	parity_unmarked($_, 'python') for qw(python common python-unmarked);
}
ok(1, 'no case is asked for');

finish();
