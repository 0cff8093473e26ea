# Python scripts that mark no end of their initialisation: a call is as a run of the plain interpreter.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;

if (grep { $_ eq 'python' } languages()) {
	my %exceptions = map { ("python/$_" => 'it names the module, and so is marked') } qw(loaded-modules search-path);
	parity_unmarked($_, 'python', %exceptions) for qw(python common);
}
ok(1, 'no case is asked for');

finish();
