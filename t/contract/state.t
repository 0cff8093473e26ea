# A script has the caller's umask, soft limits, ignored signals and signal mask.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use constant RLIMIT_NOFILE => 7;

each_language(sub ($language) {
	my $script = script($language);
	same_result($script, ['umask'], "umask $_", umask => oct($_), cold => $_ eq '0027',
		expect => {status => 0, out => "$_\n", err => ''})
		for qw(0000 0022 0027 0077 0777);

	same_result($script, ['limits'], "$_ descriptors", limits => {RLIMIT_NOFILE, $_}, cold => $_ == 300,
		expect => {status => 0, out => "$_\n"})
		for 300, 64;

	same_result($script, ['ignored'], 'nothing ignored');
	same_result($script, ['ignored'], 'some signals ignored', ignore => [qw(HUP INT QUIT USR1 CHLD)], cold => 1);
	my $r = $script->call(['ignored'], ignore => ['HUP', 'USR1']);
	like($r->{out}, qr/^1( \d+)* 10\b/, 'the ignored ones are ignored');
	$r = $script->call(['ignored']);
	unlike($r->{out}, qr/^1\b|\b10\b/, 'but not in the next call');

	same_result($script, ['blocked'], 'nothing blocked', expect => {status => 0, out => "\n"});
	same_result($script, ['blocked'], 'some signals blocked', block => [1, 10, 17, 40], cold => 1,
		expect => {status => 0, out => "1 10 17 40\n"});
	is_result($script->call(['blocked']), {out => "\n"}, 'but not in the next call');
});

finish();
