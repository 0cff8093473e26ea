# The parity harness itself: between the plain interpreter and itself it finds no difference, and it finds each of the
# faults that t/parity/mutations puts into a copy of the source.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Case;
use Prefork::Test::Parity;
use Prefork::Test::Play;

# One of each kind; `make check-cases` does it with all.
my @KINDS = qw(
	arguments-not-utf8 background child-in-background daemon descriptors-list environment-duplicates exit-handlers
	killed-by-itself nested proc-cmdline setup-prints setup-reads-arguments signal-to-caller-fatal stdin-shared
	stdout-full terminal-output umask uncaught-error
);
my %built = map { $_ => 1 } languages();

sub refused ($text) {
	my $path = write_file(private_directory('malformed' . ++state $n) . '/x.case', $text);
	return !eval { parity_read($path) };
}

subtest 'cases are read' => sub {
	my $path = write_file(private_directory('read') . '/x.case', <<'CASE');
# What it is about.
# More.
run: one
  two
stdin: a\x41\\\n
served: 2 perl=0
left: 1
interpreter: -u
--- python -X dev
a
  @boundary
b
--- file lib/Module.pm
1;
CASE
	my $case = parity_read($path);
	is($case->{about}, 'What it is about.', 'the first line');
	is($case->{run}, "one\n  two", 'a line that goes on');
	is($case->{stdin}, "aA\\\n", 'escapes');
	is_deeply($case->{served}, {perl => 0, python => 2, tcl => 2}, 'calls served, by language');
	is_deeply($case->{scripts}{python}{arguments}, [qw(-u -X dev)], 'arguments of the interpreter');
	like($case->{scripts}{python}{text}, qr/^a\n  import os; .*initialisation_complete\(\)\nb\n\z/, 'the boundary');
	is_deeply($case->{files}, {'lib/Module.pm' => "1;\n"}, 'a file');
	ok(refused("wrong: x\n--- perl\n1;\n"), 'an unknown header is refused');
	ok(refused("served: many\n--- perl\n1;\n"), 'and what is no number');
	ok(refused("stdin: \\q\n--- perl\n1;\n"), 'an unknown escape');
	ok(refused("--- cobol\n"), 'an unknown language');
	ok(refused("# nothing\n"), 'a case without a script');
};

subtest 'known exceptions name cases' => sub {
	for my $exception (sort keys %{parity_exceptions()}) {
		my ($name, $language) = split ' ', $exception;
		my $path = source_path("t/parity/$name.case");
		ok(-e $path && parity_read($path)->{scripts}{$language}, $exception);
	}
};

subtest 'plain interpreter against plain interpreter' => sub {
	for my $name (@KINDS) {
		my $case = parity_read(source_path("t/parity/common/$name.case"));
		for my $language (grep { $built{$_} && $case->{scripts}{$_} } languages()) {
			my @wrong = parity_run($case, $language, undef);
			ok(!@wrong, "$name ($language)") or diag(join "\n", @wrong);
		}
	}
};

# ---- faults

my $copy = private_directory('copy');

sub command ($what, @words) {
	my $r = run(\@words, program => '/bin/sh', cwd => $copy, env => {HOME => $ENV{HOME}}, deadline => 120);
	return is_result($r, {status => 0}, $what);
}

# The source without what was made in it, configured as this one is, installed into its own stage.
sub make_copy() {
	my $source = source_path('');
	my $build = $ENV{PREFORK_BUILD};
	return command('a copy of the source is built', 'sh', '-c', <<"SH");
set -e
tar -C '$source' --exclude='*.o' --exclude='*.[ad]' --exclude='*.so' --exclude=runtime --exclude=t/stage \\
	-cf - configure configure.ac config.h.in config.mk.in Makefile.in core plugins docs t/unit t/fuzz t/helpers | tar -xf -
rm -f plugins/*/Makefile
mkdir build
cd build
eval ../configure --quiet "\$('$build/config.status' --config)"
exec make -j2 install DESTDIR=\$PWD/stage
SH
}

sub install_copy ($what) {
	return command($what, 'sh', '-c', 'exec make -C build -j2 install DESTDIR=$PWD/build/stage');
}

# Put the file's OLD text in place of NEW, or the other way round.
sub exchange ($mutation, $from, $to) {
	my $path = "$copy/$mutation->{file}";
	my $text = read_file($path) // '';
	my $count = () = $text =~ /\Q$mutation->{$from}\E/g;
	return if $count != 1;
	my $at = index $text, $mutation->{$from};
	substr $text, $at, length $mutation->{$from}, $mutation->{$to};
	write_file($path, $text);
	return 1;
}

# The differences of a case with the copy's client.
sub differences ($case, $language) {
	my $run = $case->{type} ? \&play_run : \&parity_run;
	return $run->($case, $language, copied_client());
}

sub copied_client() {
	my $bin = install_path() =~ s{^\Q$ENV{PREFORK_STAGE}\E}{$copy/build/stage}r;
	return "$bin/prefork-interp";
}


sub can_be_tried ($mutation) {
	my @missing = grep { !$built{$_} } map { $_->[1] } @{$mutation->{finds}};
	need_missing("fault $mutation->{name}", "without @missing") if @missing;
	return !@missing;
}

sub test_mutation ($mutation) {
	my $name = "$mutation->{name}: $mutation->{about}";
	my $original = read_file("$copy/$mutation->{file}");
	return fail("$name: its text is not there, or more than once") if !exchange($mutation, 'old', 'new');
	if (install_copy("$name: built")) {
		for my $find (@{$mutation->{finds}}) {
			my ($case, $language) = @$find;
			my @wrong = differences($case, $language);
			ok(scalar @wrong, "$name: found by $case->{name} ($language)");
			note($_) for @wrong;
			quiet_down();
		}
	}
	write_file("$copy/$mutation->{file}", $original);
	return;
}

SKIP: {
	my @mutations = grep { can_be_tried($_) } parity_mutations();
	make_copy() or last SKIP;
	my %seen;
	for my $find (grep { !$seen{"$_->[0]{name} $_->[1]"}++ } map { @{$_->{finds}} } @mutations) {
		my ($case, $language) = @$find;
		my @wrong = differences($case, $language);
		ok(!@wrong, "without a fault $case->{name} ($language) is identical") or diag(join "\n", @wrong);
		quiet_down() if @wrong;
	}
	test_mutation($_) for @mutations;
}

finish();
