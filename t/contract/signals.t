# A call dies of the signal that its script died of.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use Config;

my %NUMBER;
@NUMBER{split ' ', $Config{sig_name}} = split ' ', $Config{sig_num};
my @FATAL = qw(HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM XCPU XFSZ VTALRM PROF SYS
	IO PWR);

each_language(sub ($language) {
	my $script = script($language);
	my $folder = private_directory("signals-$language");
	my $nonce = $script->warm;
	for my $name (grep { $NUMBER{$_} } @FATAL) {
		if ($language eq 'tcl' && $name =~ /^(PIPE|FPE)$/) {
			note("Tcl ignores SIG$name");
			next;
		}
		my $plain = without_core($script->plain(['signal', $name]));
		is_result($plain, {status => $NUMBER{$name}}, "SIG$name: plain run as expected");
		is_result(without_core($script->call(['signal', $name])), $plain, "SIG$name");
	}
	for my $name (qw(TERM KILL INT)) {
		quiet_down();
		is_result($script->call(['signal', $name]), {status => $NUMBER{$name}}, "SIG$name in a first call");
	}
	is($script->warm, $script->warm, 'the server lives on');
	real_time_signal($script);
	core_files($script, $folder);
});

# Where the kernel gives core files to a program, a status says so whatever the limit is.
sub without_core ($result) {
	$result->{status} &= ~0x80 if $result->{status} =~ /^\d+$/;
	return $result;
}

sub real_time_signal ($script) {
	my $plain = $script->plain(['signal', 'RTMIN']);
	if ($plain->{status} !~ /^\d+$/ || $plain->{status} < 34) {
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
