#!/usr/bin/perl
# Many calls at once come out right and leave nothing behind: the soak in its short form ("make soak" is the long one).
use v5.30;
use warnings;
use FindBin;

$ENV{SOAK_CALLS} //= 600;
exec $^X, "$FindBin::RealBin/../soak.pl" or die "soak.pl: $!\n";
