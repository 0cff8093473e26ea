# The real peer: chiark-utils' client calls our Perl runtime, our client calls its Perl module.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use File::Find ();
use POSIX ();

use constant {
	PEER_CLIENT => '/usr/bin/prefork-interp',
	PEER_MODULE => '/usr/share/perl5/Proc/Prefork/Interp.pm',
};

# Its client keeps its sockets where it wants: what was there before stays, all else goes.
my @PEER_DIRECTORIES = ((getpwuid $>)[7] . '/.prefork-interp', "/run/user/$>/prefork-interp");

sub peer_files() {
	my @there = grep { -d } @PEER_DIRECTORIES;
	my @found;
	File::Find::find({no_chdir => 1, wanted => sub { push @found, $File::Find::name }}, @there) if @there;
	return @found;
}

my %before = map { $_ => 1 } peer_files();

sub clean_up() {
	for my $path (reverse sort grep { !$before{$_} } peer_files()) {
		-d $path && !-l $path ? rmdir $path : unlink $path;
	}
	return;
}

sub usable ($what, $file) {
	my ($built) = grep { $_ eq 'perl' } languages();
	return 1 if $built && -e $file;
	need_missing($what, $built ? "$file is not installed" : 'perl is not built');
	return 0;
}

# Alike whichever side is the peer's: STATUS says whether exit statuses are to be right.
sub carries ($script, $status) {
	my %zero = $status ? (status => 0) : ();
	my @arguments = ('', 'a b', "\xff\n", '--', '-x');
	my $hex = join '', map { unpack('H*', $_) . "\n" } @arguments;
	for my $call ('first call', 'second call', 'third call') {
		is_result($script->call(['args', @arguments]), {%zero, out => $hex, err => ''}, "$call: arguments");
	}
	is_result($script->call(['env', 'CONTRACT_X'], env => {CONTRACT_X => "a\n\xff"}), {%zero, out => "610aff\n"}, 'environment');
	is_result($script->call(['env', 'CONTRACT_X']), {%zero, out => "unset\n"}, 'of each call its own');
	is_result($script->call(['cat'], stdin => "a\0\xffb" x 50_000), {%zero, out => "a\0\xffb" x 50_000}, 'input and output');
	is_result($script->call(['err', 'text']), {%zero, out => '', err => 'text'}, 'error output');
	my $nonce = $script->warm;
	is($script->warm, $nonce, 'one server serves them');
	return;
}

sub caller_gone ($script, $name) {
	my $file = private_directory($name) . '/pid';
	my $p = $script->start(['spawn', $file]);
	my @watches = map { open_watch($_) } split ' ', wait_for_file($file);
	kill KILL => $p->{pid};
	end($p);
	ok(process_gone(\@watches), 'client killed: script and child are gone');
	return;
}

subtest 'its client, our runtime' => sub {
	return if !usable('the peer\'s client', PEER_CLIENT);
	my $interpreter = $ENV{PREFORK_PERL} // 'perl';
	my $script = script('perl', client => PEER_CLIENT, line => "-U,$interpreter");
	carries($script, 1);
	is_result($script->call(['exit', 3]), {status => exited(3), out => '', err => ''}, 'exit 3') for 1 .. 10;
	is_result($script->call(['exit', $_]), {status => exited($_)}, "exit $_") for 0, 1, 255;
	is_result($script->call(['die']), {status => exited(255), err => "contract death\n"}, 'an uncaught exception');
	caller_gone($script, 'their-client');
	is($script->warm, $script->warm, 'the server goes on');
	clean_up();
	ok(wait_for(sub { !descendants() }), 'it goes when its socket is gone');
};

subtest 'our client, its module' => sub {
	return if !usable('the peer\'s module', PEER_MODULE);
	my $has_fdpass = run(['/usr/bin/env', 'perl', '-MIO::FDPass', '-e', '1']);
	if ($has_fdpass->{status} ne 0) {
		need_missing('the peer\'s module', 'libio-fdpass-perl is not installed');
		return;
	}
	my $text = read_file(source_path('t/contract/script.pl')) =~ s/^(?=use Proc::Prefork::Interp)/use lib '\/usr\/share\/perl5';\n/mr;
	expect_syslog(qr/prefork/);
	my $script = script('perl', text => $text);
	# Its statuses are not: it signals its group when a pipe closes.
	carries($script, 0);
	caller_gone($script, 'their-module');
	quiet_down();
};

clean_up();
finish();
