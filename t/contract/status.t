# A call ends with the script's own exit status, every one.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

each_language(sub ($language) {
	my $script = script($language);
	my $nonce = $script->warm;
	my @wrong;
	for my $n (0 .. 255) {
		my $r = $script->call(['exit', $n]);
		push @wrong, "exit $n: status $r->{status}, $r->{err}" if $r->{status} ne exited($n) || $r->{out} . $r->{err} ne '';
	}
	is(join("\n", @wrong), '', 'exit 0 to 255');
	same_result($script, ['exit', $_], "exit $_", cold => 1, expect => {status => exited($_), out => '', err => ''})
		for 0, 1, 255;
	same_result($script, ['die'], 'an uncaught exception', cold => 1, expect => {err => qr/contract death/});
	isnt($script->call(['die'])->{status}, 0, 'is no success');
});

finish();
