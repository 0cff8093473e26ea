#!/usr/bin/prefork-interp -- perl
# Prints a value from the JSON on standard input:   json-value.pl people 0 name <people.json
# Further arguments lead further in: names into objects, numbers into arrays.  What is not a plain value is printed as JSON.
use strict;
use warnings;
use JSON::PP;
use Proc::Prefork::Interp;

my $json = JSON::PP->new->utf8->canonical->pretty->allow_nonref;

# Whatever is the same in all calls stands above this line, whatever belongs to one call below.
prefork_initialisation_complete(idle_timeout => 3600);

my $value = $json->decode(do { local $/ = undef; <STDIN> });
for my $step (@ARGV) {
    if (ref $value eq 'HASH' && exists $value->{$step}) {
        $value = $value->{$step};
    } elsif (ref $value eq 'ARRAY' && $step =~ /\A\d+\z/ && $step < @{$value}) {
        $value = $value->[$step];
    } else {
        die "$0: $step: no such value\n";
    }
}

binmode STDOUT, ':encoding(UTF-8)' if !ref $value;
print ref $value ? $json->encode($value) : ($value // 'null') . "\n";
