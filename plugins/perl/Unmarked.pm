package Proc::Prefork::Interp::Unmarked;

# What prefork-interp has perl load, by -m, before a script that marks no boundary of its own.
## no critic (RequireUseStrict, RequireUseWarnings)

require Proc::Prefork::Interp::Runtime;

Proc::Prefork::Interp::_begin_unmarked(__FILE__ =~ m{\A (.*) /Proc/Prefork/Interp/Unmarked[.]pm \z}xs);

1;
