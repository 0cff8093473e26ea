# Whatever becomes of the launcher - missing, of another version, crashed, lying - the plain interpreter runs.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use File::Copy qw(copy);

# An install of its own, in which the launcher is replaced.
my $prefix = private_directory('prefix');
mkdir "$prefix/$_" or die "mkdir: $!\n" for qw(bin libexec libexec/prefork-interp lib);
copy(client_path(), "$prefix/bin/prefork-interp") or die "copy: $!\n";
chmod 0755, "$prefix/bin/prefork-interp";
symlink install_path('lib/prefork-interp'), "$prefix/lib/prefork-interp" or die "symlink: $!\n";
my $real = install_path('libexec/prefork-interp/prefork-launch');
my $launcher = "$prefix/libexec/prefork-interp/prefork-launch";

sub plain_with ($text, $name) {
	unlink $launcher;
	write_file($launcher, $text, 0755) if defined $text;
	my $script = script(core_language(), client => "$prefix/bin/prefork-interp");
	my $r = $script->call(['args', 'x']);
	is_result($r, {status => 0, out => "78\n", err => qr/\A(prefork-(interp|launch): [^\n]+\n)*\z/}, $name);
	is_result($script->call(['exit', 3], env => {PREFORK_INTERP_DEBUG => undef}), {status => exited(3), err => ''},
		"$name: nothing is said");
	return;
}

plain_with(undef, 'missing');
plain_with("not a program\n", 'not a program');
plain_with("#!/bin/sh\nexit $_\n", "exits $_") for 0, 1, 3, 4, 5, 77, 127;
plain_with("#!/bin/sh\nkill -$_ \$\$\n", "dies of SIG$_") for qw(SEGV TERM KILL);
plain_with("#!/bin/sh\nexec '$real' 0.0.0-other \"\$\@\"\n", 'gets an argument too many');
plain_with("#!/bin/sh\nshift\nexec '$real' 0.0.0-other \"\$\@\"\n", 'of another version');

unlink $launcher;
copy($real, $launcher) or die "copy: $!\n";
chmod 0755, $launcher;
my $script = script(core_language(), client => "$prefix/bin/prefork-interp");
is_result($script->call(['exit', 3]), {status => exited(3), err => ''}, 'the real one, moved');
is($script->warm, $script->warm, 'serves');

# Run by hand it says so.
for my $words ([], ['x'], ['--help'], [map { 'x' } 1 .. 20]) {
	my $r = run([$real, @$words]);
	isnt($r->{status}, 0, "called with '@$words': an error");
	like($r->{err}, qr/\A[^\n]*\n\z/, 'in one line');
}

finish();
