# A Perl program with few imports and little to do: STATUS WORD... -> one line of JSON, and that exit status.
use strict;
use warnings;
use Getopt::Long;
use JSON::PP;
use POSIX;

if ($ENV{PREFORK_INTERP}) {    # only where prefork-interp starts the script: plain runs load nothing more
    require Proc::Prefork::Interp;
    Proc::Prefork::Interp->import;
    prefork_initialisation_complete();
}

GetOptions() or die "usage: STATUS WORD...\n";
my ($status, @words) = @ARGV;
print JSON::PP->new->canonical->space_after->encode({ count => 0 + @words, words => \@words }), "\n";
exit $status;
