#!/usr/bin/perl
# The benchmark and the demonstration work: they measure every contender, see a wrong status, and leave nothing behind.
use FindBin;
use lib "$FindBin::RealBin/../../bench/lib";
use Bench qw(percentile milliseconds);
use JSON::PP;
use Prefork::Test;

is(percentile(50, 3, 1, 2), 2, 'median of three');
is(percentile(50, 4, 1, 2, 3), 2, 'median of four: the lower');
is(percentile(99, 1 .. 100), 99, 'p99 of a hundred');
is(percentile(99, 1 .. 10), 10, 'p99 of ten: the largest');
is(milliseconds(1_234_567), '1.23', 'milliseconds');

my %NAME = (perl => 'Perl', python => 'Python', tcl => 'Tcl');
my %environment = (env => {PREFORK_BINDIR => install_path(), PREFORK_INTERP_DEBUG => undef});

sub bench ($program, @options) {
	return run([$^X, source_path("bench/$program"), @options], %environment);
}

subtest 'table' => sub {
	my @only = map { "--only=$NAME{$_}" } languages();
	my $r = bench('run', '--json', '--no-peer', '--spaced=2', '--bursts=1', '--burst=3', '--every=2', '--gap=1', @only);
	is_result($r, {status => 0, err => ''}, 'bench/run');
	my $got = eval { JSON::PP->new->decode($r->{out}) } // {contenders => []};
	my @contenders = @{$got->{contenders}};
	is(join(' ', map { $_->{name} } @contenders), join(' ', '/bin/true', ('plain prefork-interp') x languages()),
		'the contenders');
	for my $c (@contenders) {
		my $name = "$c->{language} $c->{name}";
		is(scalar @{$c->{spaced}}, $c->{name} eq 'plain' ? 1 : 2, "$name: spaced calls");
		is(scalar @{$c->{burst}}, 3, "$name: back to back");
		is(join(' ', %{$c->{wrong} // {}}), '', "$name: no wrong status");
		is($c->{ran_plain} // '', '', "$name: served");
	}
	is($got->{killed}, 0, 'nothing had to be killed');
};

subtest 'wrong statuses' => sub {
	my $bench = Bench->new;
	my ($true, $kill) = $bench->measure(rounds => 2, burst => 1, gap => 0, commands =>
		[{words => ['/bin/true'], status => 3}, {words => ['/bin/sh', '-c', 'kill -TERM $$'], status => 0}]);
	is_deeply($true->{wrong}, {0 => 2}, 'exits');
	is_deeply($kill->{wrong}, {'signal 15' => 2}, 'deaths');
	is_deeply([$bench->finish], [], 'nothing had to be killed');
};

is_result(bench('demo', '--runs=1'), {status => 0, out => qr/^The same output either way:$/m, err => ''}, 'bench/demo');

finish();
