# Perl scripts as their users have them, which mark no boundary: a call is as a run of the plain interpreter.  What holds
# of marked scripts is tried with these too: their setup runs in the call then.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Parity;

# In which order perl destroys what globals hold is decided by their places in memory, which are others here.
my %LINE = ('perl/destructors' => '"$@" | sort');

# Where marked scripts leave some callers to the plain interpreter, or all: the boundary comes before that.
my %SERVED = ('perl/module-asks-for-terminal' => 2, 'perl/signal-ignored-and-asked' => 2);

sub run_unmarked ($case, $language) {
	local $case->{unmarked} = 1;
	local $case->{run} = $LINE{$case->{name}} // $case->{run};
	local $case->{unmarked} = 1;
	local $case->{scripts}{$language}{text} = $case->{scripts}{$language}{unmarked};
	local $case->{served}{$language} = $SERVED{$case->{name}}
		// ($case->{name} =~ /setup/ ? '?' : $case->{served}{$language} || '?');
	return parity_run($case, $language);
}

my @perl = grep { $_ eq 'perl' } languages();
parity_folder('perl-unmodified', @perl);
parity_folder_by(\&run_unmarked, $_, @perl) for qw(perl common);

finish();
