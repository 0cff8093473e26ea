# What is special about Perl: a call is as a run of the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;

parity_folder('perl', grep { $_ eq 'perl' } languages());

finish();
