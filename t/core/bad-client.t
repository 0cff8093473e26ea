# A server whose client talks rubbish, too much, too little or out of turn serves the next one all the same.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Prefork::Test::Wire;

my $script = script(core_language());
my $nonce = $script->warm;
my ($path) = sockets();
my $server = server_of($script);
expect_syslog(qr/./);
open my $null, '+<', '/dev/null' or die "/dev/null: $!\n";

# Where a script that ran would leave a trace.
my $trace = private_directory('trace') . '/trace';
my @good = wire_request(script => $script->path, arguments => ['closed', $trace], environment => environment_list());

# The good request with one field changed; undef leaves it out.
sub changed (%change) {
	my @fields = @good;
	my @new;
	while (my ($tag, $value) = splice @fields, 0, 2) {
		$value = delete $change{$tag} if exists $change{$tag};
		push @new, $tag, $value if defined $value;
	}
	return wire_message(REQUEST, @new, %change);
}

# Say these bytes after the greeting; what the server answers (types, and whether it hangs up).
sub said ($bytes, @handles) {
	my $s = wire_connect($path) or return 'no connection';
	wire_read_greeting($s) or return 'no greeting';
	wire_send($s, $bytes, @handles);
	my @answers;
	while (my $m = wire_read_message($s)) {
		push @answers, $m->{type};
	}
	return join ' ', @answers, wire_at_end($s) ? 'end' : 'open';
}

my @three = ($null, $null, $null);
is(said(wire_message(REQUEST, @good), @three), STATUS . ' end', 'a good one');
ok(unlink($trace), 'runs');

my $big = "\0" x 4096;
my %MALFORMED = (
	'rubbish'                         => ["GET / HTTP/1.0\r\n\r\n"],
	'zeros'                           => ["\0" x 100],
	'an unknown message'              => [wire_message(99)],
	'a message of the server'         => [wire_message(STATUS, WAITSTATUS, wire_u32(0))],
	'a signal before the request'     => [wire_message(SIGNAL, SIGNUMBER, wire_u32(15))],
	'a payload that is too long'      => [pack('NN', REQUEST, (16 << 20) + 1)],
	'a control that is too long'      => [pack('NN', CONTROL, 4097)],
	'a control with a descriptor'     => [wire_message(CONTROL, VERB, wire_u32(1)), $null],
	'an unknown verb'                 => [wire_message(CONTROL, VERB, wire_u32(99))],
	'a control without verb'          => [wire_message(CONTROL)],
	'an empty request'                => [wire_message(REQUEST), @three],
	'no descriptors'                  => [wire_message(REQUEST, @good)],
	'too few descriptors'             => [wire_message(REQUEST, @good), $null, $null],
	'too many descriptors'            => [wire_message(REQUEST, @good), @three, $null],
	'251 descriptors'                 => [wire_message(REQUEST, @good), ($null) x 251],
	'a number twice'                  => [changed(DESCRIPTORS, pack 'N*', 0, 1, 1), @three],
	'a number that is too high'       => [changed(DESCRIPTORS, pack 'N*', 0, 1, 65536), @three],
	'half a number'                   => [changed(DESCRIPTORS, pack('N*', 0, 1, 2) . "\0\0"), @three],
	'a directory that is none'        => [changed(DESCRIPTORS, pack 'N*', 0, 1, 0xffffffff), @three],
	'a script without end'            => [changed(SCRIPT, 'script'), @three],
	'a script of two'                 => [changed(SCRIPT, "a\0b\0"), @three],
	'arguments without end'           => [changed(ARGUMENTS, "a\0b"), @three],
	'an environment without end'      => [changed(ENVIRONMENT, 'A=b'), @three],
	'a umask that is too short'       => [changed(UMASK, "\0\0"), @three],
	'a mask that is too long'         => [changed(SIGMASK, "\0" x 9), @three],
	'half a limit'                    => [changed(LIMITS, "\0" x 11), @three],
	'33 limits'                       => [changed(LIMITS, "\0" x (33 * 12)), @three],
	'a field twice'                   => [wire_message(REQUEST, @good, UMASK, wire_u32(0)), @three],
	'an unknown mandatory field'      => [wire_message(REQUEST, @good, 0x80ff, ''), @three],
	'a field behind the end'          => [pack('NN', REQUEST, 12) . pack('nnN', UMASK, 0, 100) . wire_u32(0), @three],
	'bytes that are not zero'         => [pack('NN', REQUEST, 12) . pack('nnN', UMASK, 1, 4) . wire_u32(0), @three],
	map({ my $tag = $_; (sprintf 'without field %04x', $tag) => [changed($tag, undef), @three] }
		DESCRIPTORS, SCRIPT, ARGUMENTS, ENVIRONMENT, UMASK, LIMITS, SIGMASK, SIGIGNORED),
);
for my $name (sort keys %MALFORMED) {
	my ($bytes, @handles) = @{$MALFORMED{$name}};
	like(said($bytes, @handles), qr/\A(@{[DECLINED]} )?end\z/, $name);
	ok(!-e $trace, "$name: nothing runs");
}
is($script->warm, $nonce, 'the server serves');
is(said(wire_message(REQUEST, @good, 0x00ff, 'x'), @three), STATUS . ' end', 'an unknown optional field is skipped');
is(said(pack('NN', REQUEST, length $big) . $big, @three), DECLINED . ' end', 'zeros as fields');

# A descriptor that comes late, or with another message.
{
	my $s = wire_connect($path);
	wire_read_greeting($s);
	my $bytes = wire_message(REQUEST, @good);
	unlink $trace;
	wire_send($s, substr($bytes, 0, 20), @three);
	wire_send($s, substr($bytes, 20), $null);
	my $m = wire_read_message($s);
	ok(!$m || $m->{type} == DECLINED, 'a descriptor in the middle of a request');
	ok(!-e $trace, 'nothing runs');
}

# While the executor runs.
my %LATER = (
	'rubbish'             => 'rubbish, rubbish',
	'a second request'    => wire_message(REQUEST, @good),
	'a control'           => wire_message(CONTROL, VERB, wire_u32(1)),
	'an over-long signal' => pack('NN', SIGNAL, 5000),
);
my $folder = private_directory('later');
my $count = 0;

# A running call: (socket, pidfds of its group).
sub running() {
	my $s = wire_connect($path);
	wire_read_greeting($s);
	my $file = "$folder/" . ++$count;
	wire_send($s, wire_message(REQUEST, wire_request(script => $script->path, arguments => ['spawn', $file],
		environment => environment_list())), @three);
	return ($s, map { open_watch($_) } split ' ', wait_for_file($file));
}

for my $name (sort keys %LATER) {
	my ($s, @watches) = running();
	wire_send($s, $LATER{$name});
	ok(process_gone(\@watches), "$name while the script runs ends the call");
}
for my $bytes (wire_message(SIGNAL), wire_message(SIGNAL, SIGNUMBER, wire_u32(0)), wire_message(SIGNAL, SIGNUMBER, wire_u32(65)),
	wire_message(SIGNAL, SIGNUMBER, '')) {
	my ($s, @watches) = running();
	wire_send($s, $bytes);
	wire_send($s, wire_message(SIGNAL, SIGNUMBER, wire_u32(15)));
	my $m = wire_read_message($s);
	is($m->{type}, STATUS, 'a signal that is none is ignored');
	process_gone(\@watches);
}

# Many who say nothing, and the server's descriptors.
my @silent = map { wire_connect($path) } 1 .. 40;
is($script->warm, $nonce, 'beside 40 who say nothing');
@silent = ();
my $descriptors = sub () { return scalar(() = glob "/proc/$server/fd/*") };
$script->warm;
ok(wait_for(sub { $descriptors->() < 12 }), 'no descriptor is leaked') or diag($descriptors->());
is(server_of($script), $server, 'it is the same server still');

finish();
