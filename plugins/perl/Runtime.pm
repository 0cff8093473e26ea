package Proc::Prefork::Interp::Runtime;

# Loads the C half of Perl's runtime.  prefork-interp starts perl with -m and this name, so that what the script looks at
# is noticed from its first line on.  Uses nothing else: see Proc::Prefork::Interp.
## no critic (RequireUseStrict, RequireUseWarnings)

my ($folder) = __FILE__ =~ m{\A (.*) /Proc/Prefork/Interp/Runtime[.]pm \z}xs;

DynaLoader::boot_DynaLoader('DynaLoader') if !defined &DynaLoader::dl_error;

my $path    = "$folder/auto/Proc/Prefork/Interp/Interp.so";
my $library = DynaLoader::dl_load_file($path, 0)
    or die "$path: ", DynaLoader::dl_error(), "\n";
my $symbol = DynaLoader::dl_find_symbol($library, 'boot_Proc__Prefork__Interp')
    or die "$path: ", DynaLoader::dl_error(), "\n";

DynaLoader::dl_install_xsub('Proc::Prefork::Interp::bootstrap', $symbol, $path)->('Proc::Prefork::Interp', '@VERSION@');

Proc::Prefork::Interp::_arm() if exists $ENV{PREFORK_INTERP} && !exists $INC{'Proc/Prefork/Interp/Unmarked.pm'};

1;
