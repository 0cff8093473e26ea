# What is special about Tcl: a call is as a run of the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;

parity_folder('tcl', grep { $_ eq 'tcl' } languages());

finish();
