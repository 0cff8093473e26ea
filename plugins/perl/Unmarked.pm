package Proc::Prefork::Interp::Unmarked;

# What prefork-interp has perl load, by -m, before a script that marks no boundary of its own.
## no critic (RequireUseStrict, RequireUseWarnings)

require Proc::Prefork::Interp::Runtime;

my ($folder) = __FILE__ =~ m{\A (.*) /Proc/Prefork/Interp/Unmarked[.]pm \z}xs;

Proc::Prefork::Interp::_begin_unmarked($folder, sub { package main; require $_[0] });

1;
