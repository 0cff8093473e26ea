# Any number of simultaneous first calls makes one server, and all are served by it.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use constant CALLS => 50;

each_language(sub ($language) {
	my $script = script($language);
	my @calls = map { $script->start(['count']) } 1 .. CALLS;
	my (%nonces, @wrong);
	for my $r (map { end($_, 2 * DEADLINE) } @calls) {
		$nonces{$r->{out}}++;
		push @wrong, "$r->{status} $r->{out}$r->{err}" if $r->{status} ne 0 || $r->{err} ne '';
	}
	is(join("\n", @wrong), '', CALLS . ' first calls');
	is_deeply([values %nonces], [CALLS], 'are served by one server');
	is(scalar(sockets()), 1, 'there is one socket');
	is($script->warm . "\n", (keys %nonces)[0], 'and the server stays');
});

finish();
