#!/usr/bin/prefork-interp -- perl
# Since which release has a module been part of Perl?   module-since.pl JSON::PP File::Temp
# Module::CoreList is a large table: loading it is nearly all that this script does.
use strict;
use warnings;
use Module::CoreList;
use Proc::Prefork::Interp;

prefork_initialisation_complete();

die "usage: $0 MODULE...\n" if !@ARGV;

my $unknown = 0;
for my $module (@ARGV) {
    my $release = Module::CoreList->first_release($module);
    my $date    = $release && $Module::CoreList::released{$release};

    printf "%-20s %s\n", $module, $release ? "perl $release, $date" : 'not a part of Perl';
    $unknown = 1 if !$release;
}
exit $unknown;
