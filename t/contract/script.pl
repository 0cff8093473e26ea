#!/usr/bin/env -S prefork-interp -- perl
# The contract's script in Perl: one behaviour for each first argument, the same in every language.
use strict;
use warnings;
use Proc::Prefork::Interp;

use constant VERSION_MARK => 'one';

my $nonce = do {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
    read $random, my $bytes, 8;
    unpack 'H*', $bytes;
};

my %setup = (
    'die'   => sub { die "contract setup death\n" },
    'exit3' => sub { exit 3 },
    'never' => sub { },
    'hang'  => sub { wait_for_ever() },
    'noise' => sub { print {*STDOUT} "setup-out\n"; print {*STDERR} "setup-err\n"; complete() },
    q{}     => sub { complete() },
);

my @verbs = (
    [args     => sub { print_line(hex_of($_)) for @_ }],
    [script   => sub { print_line(hex_of($0)) }],
    [env      => sub { print_line(exists $ENV{ $_[0] } ? hex_of($ENV{ $_[0] }) : 'unset') }],
    [environ  => sub { print_line(hex_of($_)) for sort map { "$_=$ENV{$_}" } keys %ENV }],
    [cenv     => sub { exit exit_status(system 'printenv', $_[0]) }],
    [cwd      => sub { require Cwd; print_line(Cwd::getcwd()) }],
    ['umask'  => sub { print_line(sprintf '%04o', umask) }],
    [cat      => \&copy_input],
    [out      => sub { print {*STDOUT} $_[0] }],
    [err      => sub { print {*STDERR} $_[0] }],
    [both     => \&print_alternately],
    ['readline' => sub { print scalar <STDIN> }],
    [fds      => sub { print_line(join q{ }, open_descriptors()) }],
    [closed   => sub { write_file($_[0], join(q{ }, map { -l "/proc/self/fd/$_" ? 'open' : 'closed' } 0 .. 2) . "\n") }],
    ['exit'   => sub { exit $_[0] }],
    ['die'    => sub { $! = 0; die "contract death\n" }],
    [signal   => sub { $SIG{ $_[0] } = 'DEFAULT'; kill $_[0], $$ }],
    [pid      => sub { print_line(join q{ }, $$, getppid, getpgrp, session()) }],
    [spawn    => \&spawn],
    [trap     => \&trap],
    [ignore   => \&ignore],
    ['wait'   => \&wait_for_fifo],
    [nest     => \&nest],
    [count    => sub { print_line($nonce) }],
    [version  => sub { print_line(VERSION_MARK) }],
    [tty      => sub { require POSIX; print_line(join q{ }, map { POSIX::isatty($_) ? 'tty' : 'no' } 0 .. 2) }],
    [limits   => sub { print_line(limit('Max open files')) }],
    [ignored  => sub { print_line(join q{ }, signals('SigIgn')) }],
    [blocked  => sub { print_line(join q{ }, signals('SigBlk')) }],
);

my $setup = $setup{ $ENV{CONTRACT_SETUP} // q{} } or die "CONTRACT_SETUP: $ENV{CONTRACT_SETUP}: not known\n";
$setup->();

my ($verb, @arguments) = @ARGV;
my ($entry) = grep { defined $verb && $_->[0] eq $verb } @verbs or die "usage: $0 VERB [ARGUMENT...]\n";
$entry->[1]->(@arguments);
exit 0;

sub complete {
    my %options;

    $options{idle_timeout} = $ENV{CONTRACT_IDLE_TIMEOUT} if defined $ENV{CONTRACT_IDLE_TIMEOUT};
    $options{max_servers}  = $ENV{CONTRACT_MAX_SERVERS}  if defined $ENV{CONTRACT_MAX_SERVERS};
    prefork_initialisation_complete(%options);
    return;
}

sub copy_input {
    binmode STDIN;
    binmode STDOUT;
    local $/ = \65_536;
    print while <STDIN>;
    return;
}

sub print_alternately {
    require IO::Handle;
    for my $n (1, 2) {
        print {*STDOUT} "o$n";
        STDOUT->flush;
        print {*STDERR} "e$n";
        STDERR->flush;
    }
    return;
}

sub spawn {
    my ($file) = @_;

    my $child = fork // die "fork: $!\n";
    if ($child == 0) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'sleep', '1000' or die "sleep: $!\n";
    }
    write_file($file, "$$ $child\n");
    wait_for_ever();
    return;
}

sub trap {
    my ($file, $signal) = @_;

    $SIG{$signal} = sub { print_line("got $signal"); exit 7 };
    write_file($file, "$$\n");
    wait_for_ever();
    return;
}

sub ignore {
    my ($file) = @_;

    $SIG{$_} = 'IGNORE' for qw(TERM HUP INT);
    write_file($file, "$$\n");
    wait_for_ever();
    return;
}

sub wait_for_fifo {
    my ($file, $fifo) = @_;

    write_file($file, "$$\n");
    open my $handle, '<', $fifo or die "$fifo: $!\n";
    1 while <$handle>;
    return;
}

sub nest {
    my ($depth) = @_;

    if ($depth > 0) {
        exit exit_status(system {$0} $0, 'nest', $depth - 1);
    }
    print_line('bottom');
    exit 5;
}

sub print_line {
    my ($text) = @_;

    print "$text\n";
    return;
}

sub hex_of {
    my ($bytes) = @_;

    return unpack 'H*', $bytes;
}

sub wait_for_ever {
    sleep while 1;
    return;
}

# What a shell makes of a child's wait status.
sub exit_status {
    my ($status) = @_;

    return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

# A reader sees all of it or none.
sub write_file {
    my ($file, $text) = @_;

    open my $handle, '>', "$file.new" or die "$file.new: $!\n";
    print {$handle} $text;
    close $handle or die "$file.new: $!\n";
    rename "$file.new", $file or die "$file: $!\n";
    return;
}

sub open_descriptors {
    opendir my $directory, '/proc/self/fd' or die "/proc/self/fd: $!\n";
    my @listed = grep { !/^[.]/ } readdir $directory;
    closedir $directory;
    @listed = sort { $a <=> $b } grep { -l "/proc/self/fd/$_" } @listed;
    return @listed;
}

# The lines of a file in /proc/self.
sub process_lines {
    my ($name) = @_;

    open my $handle, '<', "/proc/self/$name" or die "/proc/self/$name: $!\n";
    return <$handle>;
}

sub session {
    my ($after_name) = join(q{}, process_lines('stat')) =~ /.*[)] (.*)/s;

    return (split q{ }, $after_name)[3];
}

sub limit {
    my ($name) = @_;

    return map { /^\Q$name\E\s+(\S+)/ ? $1 : () } process_lines('limits');
}

# The numbers of the signals in a mask of /proc/self/status, ascending.
sub signals {
    my ($field) = @_;
    my ($mask) = map { /^$field:\s+([0-9a-f]+)/ ? $1 : () } process_lines('status');
    my $bits = reverse unpack 'B*', pack 'H*', $mask;

    return grep { substr $bits, $_ - 1, 1 } 1 .. 64;
}
