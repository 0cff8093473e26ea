# No input makes the readers of the wire crash, hang or contradict themselves: each fuzzer for a short while.
use v5.30;
use warnings;
use FindBin;
use Test::More;

my $build = $ENV{PREFORK_BUILD} // '.';
my @fuzzers = map { m{([^/]+)\.c\z} } grep { !m{/main\.c\z} } glob "$FindBin::Bin/*.c";
cmp_ok(scalar @fuzzers, '>', 3, 'there are fuzzers');
for my $name (@fuzzers) {
	my $said = qx{timeout 60 $build/t/fuzz/$name -r 100000 2>&1};
	is($?, 0, $name) or diag($said);
	like($said, qr/^seed \d+, \d+ rounds$/m, "$name says what it does");
}
done_testing();
