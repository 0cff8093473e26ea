package Proc::Prefork::Interp;

# The Perl half of Perl's runtime: what a script sees of prefork-interp.
#
# Uses neither strict and warnings nor anything else: a script that has not loaded them is to find them not loaded.
## no critic (RequireUseStrict, RequireUseWarnings)

require Proc::Prefork::Interp::Runtime;

our $VERSION = '@VERSION@';
our @EXPORT  = qw(prefork_initialisation_complete prefork_autoreload_also_check);

my %is_server_option = map { $_ => 1 } qw(max_servers idle_timeout max_errors log_facility);

# True from being loaded by prefork-interp until there is a call to serve.
my $in_setup = _adopt();

my $script = $0;

if ($in_setup) {
    delete $ENV{PREFORK_INTERP};
    _note_reads();
    _forget_own_folder();
    _watch_files($script);
}

sub import {
    my ($class, @names) = @_;
    my $to = caller;

    for my $name (@names ? @names : @EXPORT) {
        _fail("$name is not exported") if !grep { $_ eq $name } @EXPORT;
        *{"${to}::$name"} = \&{$name};
    }
    return;
}

sub prefork_initialisation_complete {
    my @options = @_;
    my $errno   = _errno();

    my @watch = _read_options(@options);
    if ($in_setup) {
        my $why = _disarm();
        _refuse($why) if defined $why;
        _refuse_relative_modules();
        _watch_files(@watch);
        $why = _serve($0 ne $script);
        _refuse($why) if defined $why;
        $in_setup = 0;
    }
    _errno($errno);
    return;
}

sub prefork_autoreload_also_check {
    my @paths = @_;

    _watch_files(@paths);
    return;
}

# Hands the server's options on, and returns the files to watch.
sub _read_options {
    my @options = @_;

    _fail('options come in pairs of name and value') if @options % 2;
    my %options        = @options;
    my $autoreload_inc = exists $options{autoreload_inc} ? delete $options{autoreload_inc} : 1;
    my $extra          = exists $options{autoreload_extra} ? delete $options{autoreload_extra} : [];

    _fail('option autoreload_extra: not a reference to an array') if ref $extra ne 'ARRAY';
    for my $name (sort keys %options) {
        my $value = $options{$name};
        _fail("option $name: not known") if !$is_server_option{$name};
        _fail("option $name: not a plain value") if !defined $value || ref $value;
        my $error = _option($name, $value);
        _fail($error) if defined $error;
    }
    return (@{$extra}, $autoreload_inc ? _module_files() : ());
}

# A module that a hook in @INC has made up has no file of its own.
sub _module_files {
    return grep { defined && !ref } values %INC;
}

sub _watch_files {
    my @paths = @_;

    for my $path (@paths) {
        _fail('a path to watch is undefined') if !defined $path;
        my $error = _watch($path);
        _fail($error) if defined $error;
    }
    return;
}

# By such a path another module may be found from another caller's directory.  Where the script itself was called by
# a relative path, all callers are in one directory.
sub _refuse_relative_modules {
    return if $script !~ m{\A/};
    for my $path (sort(_module_files())) {
        _refuse("$path: loaded by a path that depends on the working directory") if $path !~ m{\A/} && -e $path;
    }
    return;
}

# The launcher has put the folder in which this module lies into @INC, once.
sub _forget_own_folder {
    my ($folder) = __FILE__ =~ m{\A (.*) /Proc/Prefork/Interp[.]pm \z}xs or return;

    for my $i (0 .. $#INC) {
        next if $INC[$i] ne $folder;
        splice @INC, $i, 1;
        last;
    }
    return;
}

# The script is wrong.  A bareword here would make Carp's symbol table as soon as this is compiled.
sub _fail {
    my ($message) = @_;

    require 'Carp.pm';    ## no critic (RequireBarewordIncludes)
    'Carp'->can('croak')->("prefork-interp: $message");
}

# The script can't be served: no eval of its own may keep it from ending here, for then it would run twice.
sub _refuse {
    my ($message) = @_;

    print {*STDERR} "prefork-interp: $message\n";
    CORE::exit(1);
}

1;

__END__

=head1 NAME

Proc::Prefork::Interp - keep a Perl script initialised, and serve each call of it by a fork

=head1 SYNOPSIS

    #!/usr/bin/prefork-interp -- perl
    use strict;
    use warnings;
    use JSON::PP;
    use Proc::Prefork::Interp;

    # Once: modules, tables, whatever every call needs.
    my $json = JSON::PP->new->canonical;

    prefork_initialisation_complete(idle_timeout => 3600);

    # In each call: arguments, environment, standard input and output are its caller's.
    print $json->encode({ arguments => [@ARGV] }), "\n";

=head1 DESCRIPTION

A script whose C<#!> line runs prefork-interp(1) is started once.  When it calls
C<prefork_initialisation_complete> it becomes a server, and that function returns once for every call of the
script, each time in a process of its own: its I<executor>.

Started in any other way, by C<perl script> for example, the script runs as if the call were not there.

=head2 Before initialisation is complete

Standard input is F</dev/null>.  What is written to standard output and standard error appears in each call, as if it had
been written there.

What the script looks at here is a part of its state, and the same for all calls of one server.  That is noticed:

=over

=item *

Environment variables, the time zone, the working directory: a call in which they differ has a server of its own.

=item *

Files that are read, or looked for: when they change, the script is started afresh, as for its modules.

=item *

The umask, what a signal does, whether a handle is a terminal: a call in which it differs is a plain run of perl.

=item *

Arguments, standard input, the type of a standard handle, the time, C<$$>, C<$^T>, the parent process, the whole of C<%ENV> at
once: each call is a plain run.  So it is after files of the working directory have been changed, with a connection, a
pipe, a thread or a child left, and with a file open for writing, other than for appending.

=back

Not noticed is what another program is started to find out, and what an extension finds out by itself.  What is done to
files elsewhere is done once.  When the script dies or exits here, each call is a plain run of perl.  C<END> blocks do not
run in the processes which stay behind.  With C<PREFORK_INTERP_DEBUG> set the first call says why it is a plain run.

=head2 In each call

C<@ARGV>, C<%ENV>, C<$0>, C<$^T>, standard handles, working directory, umask, limits and ignored signals are the
caller's.  What the script has set itself before (C<$0>, C<$^T>, C<%ENV>, handlers, umask, directory) stays so.
C<$!> and C<$?> are as they were.  Files that were open for reading, C<DATA> too, are read on from where they
were, by each call for itself.  C<rand> gives each call its own numbers, unless the script gave C<srand> a seed.
The exit status, or the signal that ends the executor, becomes the caller's.

=head1 FUNCTIONS

Both are exported.

=head2 prefork_initialisation_complete(%options)

Says that initialisation is complete.  Returns nothing, in each executor, or at once where the script was not started by
prefork-interp.  Options:

=over

=item max_servers => NUMBER

How many calls may run at once; further ones wait a moment, and then are plain runs.  Negative: no limit.  Default: 64.

=item idle_timeout => SECONDS

The server goes after this time without a call.  Negative: never.  Default: 1,000,000 (12 days).

=item autoreload_inc => BOOLEAN

Whether the files in C<%INC> are watched.  Default: true.

=item autoreload_extra => [PATHS]

Further files to watch.

=item max_errors => NUMBER

The server goes after this number of errors of its own.  Default: 100.

=item log_facility => NAME

The syslog facility for the server's messages: C<user>, C<LOG_DAEMON>, C<local3>.  The empty string: no log.
Default: C<LOG_USER>.

=back

Limits given on the C<#!> line win over those given here.

Dies when an option is not known or its value makes no sense, and when a file can't be watched.  Exits with 1, which no
C<eval> catches, when no server can be made; prefork-interp then runs the script plain.

=head2 prefork_autoreload_also_check(@paths)

Watches these files too.  A file that does not exist is watched for its appearing.  Dies when a path can't be examined.

Before each call the server compares the watched files with what they were: the script, loaded modules and
shared objects, perl itself, and those named here.  If one differs, the script is started afresh.

=head1 LIMITATIONS

Parent process, process group and session are not those of the caller.  The order of hash keys
is the same in all calls of one server.

=head1 SEE ALSO

prefork-interp(1), prefork-interp-protocol(7)

=cut
