# A Perl program with heavy imports and little to do: STATUS WORD... -> one line of JSON, and that exit status.
use strict;
use warnings;
use Archive::Tar;
use CPAN::Meta;
use Encode;
use File::Temp;
use Getopt::Long;
use HTTP::Tiny;
use IO::Socket::IP;
use JSON::PP;
use POSIX;
use Pod::Usage;
use Storable;
use TAP::Harness;
use Text::Wrap;
use Time::Local;

if ($ENV{PREFORK_INTERP}) {    # only where prefork-interp starts the script: plain runs load nothing more
    require Proc::Prefork::Interp;
    Proc::Prefork::Interp->import;
    prefork_initialisation_complete();
}

GetOptions() or pod2usage(2);
my ($status, @words) = @ARGV;
print JSON::PP->new->canonical->space_after->encode({ count => 0 + @words, words => \@words }), "\n";
exit $status;
