# A call dies of the signal that its script died of.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use Config;

my %NUMBER;
@NUMBER{split ' ', $Config{sig_name}} = split ' ', $Config{sig_num};
my @FATAL = qw(HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM XCPU XFSZ VTALRM PROF SYS);

each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("signals-$language");
	my $nonce = $script->warm;
	my @names = (@FATAL, 'IO', 'STKFLT', 'PWR');
	for my $name (grep { $NUMBER{$_} } @names) {
		my $plain = $script->plain(['signal', $name]);
		my $call = $script->call(['signal', $name]);
		is($call->{status} & 0x7f, $NUMBER{$name}, "SIG$name");
		is_result({%$call, status => $call->{status} & 0x7f}, {%$plain, status => $plain->{status} & 0x7f},
			"SIG$name: as a plain run");
	}
	quiet_down() && is($script->call(['signal', $_])->{status} & 0x7f, $NUMBER{$_}, "SIG$_ in a first call")
		for qw(TERM KILL INT);
	is($script->warm, $script->warm, 'the server lives on');
	real_time_signal($script);
	core_files($script, $folder);
});

sub real_time_signal ($script) {
	my $plain = $script->plain(['signal', 'RTMIN']);
	if (($plain->{status} & 0x7f) < 34) {
		note('this language has no name for SIGRTMIN');
		return;
	}
	is($script->call(['signal', 'RTMIN'])->{status}, $plain->{status}, 'SIGRTMIN');
	return;
}

# The client dies of the same signal, but the one core file is the script's.
sub core_files ($script, $folder) {
	chomp(my $pattern = read_file('/proc/sys/kernel/core_pattern'));
	if ($pattern !~ m{^[^|/]+$}) {
		need_missing('core files', "core_pattern is $pattern");
		return;
	}
	my $expected;
	for my $way (qw(plain call)) {
		my $here = "$folder/$way";
		mkdir $here or die "$here: $!\n";
		my $r = $script->$way(['signal', 'QUIT'], cwd => $here, limits => {4 => 1 << 30});
		my $files = () = glob "$here/*";
		$expected //= $files;
		is($files, $expected, "core files of a $way: as natively");
	}
	return;
}

finish();
