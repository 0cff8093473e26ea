# Parity cases, and the faults that they must find, as files: t/parity/README.md has their formats.
package Prefork::Test::Case;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use File::Basename qw(basename dirname);
use Prefork::Test;

our @EXPORT = qw(parity_read parity_cases parity_exceptions parity_mutations unescape);

my %BOUNDARY = (
	python => 'import os; "PREFORK_INTERP" in os.environ and __import__("prefork_interp").initialisation_complete()',
	perl => 'BEGIN { require Proc::Prefork::Interp if exists $ENV{PREFORK_INTERP} } '
		. 'Proc::Prefork::Interp::prefork_initialisation_complete() '
		. 'if defined &Proc::Prefork::Interp::prefork_initialisation_complete;',
	tcl => 'if {[info exists env(PREFORK_INTERP)]} '
		. '{package require prefork_interp; prefork_interp::initialisation_complete}',
);
my %ESCAPE = (e => "\e", n => "\n", t => "\t", r => "\r", 0 => "\0", '\\' => '\\');

sub unescape ($text) {
	$text =~ s/\\(?:x([0-9a-fA-F]{2})|(.))/defined $1 ? chr hex $1 : $ESCAPE{$2} \/\/ die "unknown escape \\$2\n"/ge;
	return $text;
}

# "1 perl=0": {language => number}; "?" stands for any.
sub numbers ($value) {
	my %number = map { $_ => 0 } keys %BOUNDARY;
	for my $word (split ' ', $value) {
		my ($language, $n) = $word =~ /^(?:(\w+)=)?(\d+|[?])\z/ or die "not a number: $word\n";
		$number{$_} = $n for $language ? $language : keys %BOUNDARY;
	}
	return \%number;
}

my %HEADER = (
	run         => sub ($case, $value) { $case->{run} = $value },
	stdin       => sub ($case, $value) { $case->{stdin} = unescape($value) },
	served      => sub ($case, $value) { $case->{served} = numbers($value) },
	left        => sub ($case, $value) { $case->{left} = $value + 0 },
	mask        => sub ($case, $value) { push @{$case->{mask}}, qr/$value/m },
	interpreter => sub ($case, $value) { $case->{arguments} = [split ' ', $value] },
	marked      => sub ($case, $value) { $case->{unmarked} = $value eq 'no' },
	# of terminal cases
	type        => sub ($case, $value) { $case->{type} = $value },
	shell       => sub ($case, $value) { $case->{shell} = $value },
	warm        => sub ($case, $value) { $case->{warm} = $value },
);

sub read_header ($case, $header) {
	my @fields;
	for my $line (split /\n/, $header) {
		if ($line =~ /^#\s*(.*)/) {
			$case->{about} //= $1;
		} elsif ($line =~ /^\s+\S/ && @fields) {
			$fields[-1][1] .= "\n$line";
		} elsif ($line =~ /^(\w+):\s*(.*)$/ && $HEADER{$1}) {
			push @fields, [$1, $2];
		} elsif ($line =~ /\S/) {
			die "$case->{path}: what is this: $line\n";
		}
	}
	$HEADER{$_->[0]}->($case, $_->[1]) for @fields;
	return;
}

# The case in this file: {path, name, about, run, stdin, served, left, mask, scripts {language => {text,
# unmarked (without a boundary), arguments}}, files {name => text}}.  Dies when it is malformed.
sub parity_read ($path) {
	my $bytes = read_file($path) // die "$path: $!\n";
	my %case = (
		path      => $path,
		run       => '"$@"',
		served    => numbers(1),
		left      => 0,
		mask      => [],
		arguments => [],
		scripts   => {},
		files     => {},
		type      => '',
		shell     => 'bash',
		warm      => '"$@" </dev/null >/dev/null 2>&1',
	);
	$case{name} = join '/', basename(dirname($path)), basename($path, '.case');
	my ($header, @sections) = split /^--- (.*\n)/m, $bytes;
	read_header(\%case, $header);
	while (my ($title, $text) = splice @sections, 0, 2) {
		my ($kind, @words) = split ' ', $title;
		if ($kind eq 'file' && @words == 1) {
			$case{files}{$words[0]} = $text;
		} elsif ($BOUNDARY{$kind}) {
			$case{scripts}{$kind} = {
				text      => $case{unmarked} ? $text : script_text($kind, $text),
				unmarked  => $text =~ s/^[ \t]*\@boundary\n//mgr,
				arguments => [@{$case{arguments}}, @words],
			};
		} else {
			die "$path: what is this: --- $title";
		}
	}
	die "$path: no section for a language\n" if !%{$case{scripts}};
	return \%case;
}

# What comes after the #! line.
sub script_text ($language, $text) {
	$text =~ s/^([ \t]*)\@boundary$/$1$BOUNDARY{$language}/mg or $text = "$BOUNDARY{$language}\n$text";
	return $text;
}

# Does PARITY_CASES name this one?  It has patterns, "closed-* umask".
sub is_wanted ($name) {
	my @patterns = map { quotemeta($_) =~ s/\\[*]/.*/gr =~ s/\\[?]/./gr } split ' ', $ENV{PARITY_CASES} || '*';
	return !!grep { $name =~ /^$_\z/ } @patterns;
}

# The cases of a folder of t/parity that PARITY_CASES names, in order.
sub parity_cases ($folder) {
	my @paths = sort glob source_path("t/parity/$folder") . '/*.case';
	return map { parity_read($_) } grep { is_wanted(basename($_, '.case')) } @paths;
}

# ---- mutations

# A deliberate fault: {name, about, file, old, new, finds [[case, language]...]}.
sub read_mutation ($path) {
	my ($header, $old, $new) = split /^--- (?:old|new)\n/m, read_file($path) // '';
	my %mutation = (name => basename($path), old => $old, new => $new // '', finds => []);
	for my $line (split /\n/, $header) {
		if ($line =~ /^# (.*)/) {
			$mutation{about} //= $1;
		} elsif ($line =~ /^file: (\S+)$/) {
			$mutation{file} = $1;
		} elsif ($line =~ m{^case: (\w+/\S+) (\w+)$}) {
			push @{$mutation{finds}}, [parity_read(source_path("t/parity/$1.case")), $2];
		} else {
			die "$path: what is this: $line\n";
		}
	}
	die "$path: not whole\n" if !$mutation{about} || !$mutation{file} || !length $old || !@{$mutation{finds}};
	return \%mutation;
}

# All of t/parity/mutations that PARITY_CASES names.
sub parity_mutations() {
	return map { read_mutation($_) } grep { is_wanted(basename($_)) } sort glob source_path('t/parity/mutations') . '/*';
}

# ---- known exceptions

# Rows "| folder/name | language | reason |" of docs/parity.md: {"name language" => reason}.
sub parity_exceptions() {
	my %exceptions;
	for my $line (split /\n/, read_file(source_path('docs/parity.md')) // '') {
		my (undef, $name, $language, $reason) = split /\s*\|\s*/, $line;
		next if ($name // '') !~ m{^`?([\w-]+/[\w-]+)`?\z};
		$exceptions{"$1 $_"} = $reason for $language eq 'all' ? keys %BOUNDARY : split /[ ,]+/, $language;
	}
	return \%exceptions;
}

1;
