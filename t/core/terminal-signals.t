# What the terminal sends reaches the script and its children, as if they were in the terminal's foreground group.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

# A child that says that it is there, and then waits.
my $child = 'echo $$ > $1.new; mv $1.new $1; exec sleep 1000';

my %TEXT = (
	perl => <<'PERL',
use Proc::Prefork::Interp;
prefork_initialisation_complete();
system 'sh', '-c', $ARGV[1], 'sh', $ARGV[0];
printf "signal %d\n", $? & 127;
exit 3;
PERL
	python => <<'PYTHON',
import os, sys
import prefork_interp
prefork_interp.initialisation_complete()
os.environ["CHILD"] = sys.argv[2]
print("signal", os.system("exec sh -c \"$CHILD\" sh " + sys.argv[1]) & 127)
sys.exit(3)
PYTHON
	tcl => <<'TCL',
package require prefork_interp
prefork_interp::initialisation_complete
exec sh -c [lindex $argv 1] sh [lindex $argv 0]
TCL
);

my %KEY = (INT => "\x03", QUIT => "\x1c");

# Press KEY when the child is there: the result, with the child's end.
sub interrupted ($script, $way, $key, $file) {
	my ($master, $slave) = terminal() or return;
	my $start = $way eq 'plain' ? 'start_plain' : 'start';
	my $p = $script->$start([$file, $child], on_terminal($slave));
	chomp(my $pid = wait_for_file($file) // 0);
	my $watch = open_watch($pid);
	syswrite $master, $key;
	my $r = end($p);
	ok(process_gone([$watch]), "$way: the child is gone");
	return $r;
}

each_language(sub ($language) {
	# The caller leads the terminal's session, so that only a daemon can serve it.
	my $script = script($language, text => $TEXT{$language}, options => '--session=shared');
	my $folder = private_directory("terminal-$language");
	for my $signal (sort keys %KEY) {
		my $plain = interrupted($script, 'plain', $KEY{$signal}, "$folder/$signal-plain") or last;
		is_result($plain, {status => $language eq 'tcl' ? qr/\A(2|3|131)\z/ : exited(3), err => ''}, "SIG$signal, plain");
		for my $way (qw(first second)) {
			is_result(interrupted($script, $way, $KEY{$signal}, "$folder/$signal-$way"), $plain, "SIG$signal, $way call");
		}
		quiet_down();
	}
});

finish();
