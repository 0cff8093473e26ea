# The wire, spoken by the tests themselves: fake clients and fake servers.  See docs/prefork-interp-protocol.7.
package Prefork::Test::Wire;
use v5.30;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use Prefork::Test::Process qw(now system_call wait_ready DEADLINE);
use Socket;

our @EXPORT = qw(
	wire_listen wire_accept wire_connect wire_send wire_receive wire_at_end wire_close_write
	wire_greeting wire_read_greeting wire_message wire_read_message wire_request wire_u32 wire_u64
	REQUEST SIGNAL CONTROL PARTED DECLINED STATUS STOPPED CONTINUED REPORT STARTED
	CAP_PROTOCOL DESCRIPTORS SCRIPT ARGUMENTS ENVIRONMENT UMASK LIMITS SIGMASK SIGIGNORED SIGNUMBER VERB WAITSTATUS
	REASON PID RUNNING SERVED IDLE_MS LEARNING wire_report wire_is_learning
);

use constant {
	REQUEST => 1, SIGNAL => 2, CONTROL => 3, PARTED => 5, DECLINED => 65, STATUS => 66, STOPPED => 67, CONTINUED => 68,
	REPORT => 69, STARTED => 70,
};
use constant {
	CAP_PROTOCOL => 1,
	DESCRIPTORS  => 0x8010, SCRIPT => 0x8011, ARGUMENTS => 0x8012, ENVIRONMENT => 0x8013,
	UMASK        => 0x8014, LIMITS => 0x8015, SIGMASK   => 0x8016, SIGIGNORED  => 0x8017,
	SIGNUMBER    => 0x8020, VERB   => 0x8030, WAITSTATUS => 0x8040,
	REASON       => 65, PID => 66, RUNNING => 67, SERVED => 68, IDLE_MS => 69, LEARNING => 71,
};

# A listening socket at PATH.
sub wire_listen ($path) {
	socket my $s, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
	bind $s, pack_sockaddr_un($path) or die "$path: $!\n";
	listen $s, 100 or die "listen: $!\n";
	return $s;
}

sub readable ($socket, $seconds) {
	my $end = now() + $seconds;
	while (1) {
		my ($ready) = wait_ready($end - now(), [$socket]);
		return 1 if @$ready;
		return 0 if now() >= $end;
	}
}

# The next connection, or undef when none comes.
sub wire_accept ($socket, $seconds = DEADLINE) {
	return if !readable($socket, $seconds);
	accept my $s, $socket or return;
	return $s;
}

# The fields of what the server at PATH reports of itself, or undef when it does not answer in SECONDS.
sub wire_report ($path, $seconds = DEADLINE) {
	my $s = wire_connect($path) or return;
	wire_read_greeting($s, $seconds) or return;
	wire_send($s, wire_message(CONTROL, VERB, wire_u32(1))) or return;
	my $m = wire_read_message($s, $seconds);
	return $m && $m->{type} == REPORT ? $m->{fields} : undef;
}

# Has the server at PATH still something to load that its calls have learned?
sub wire_is_learning ($path) {
	my $report = wire_report($path);
	return $report && unpack 'N', $report->{+LEARNING};
}

sub wire_connect ($path) {
	socket my $s, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
	connect $s, pack_sockaddr_un($path) or return;
	return $s;
}

# Send bytes, with descriptors of HANDLES attached to the first: true when all went.
sub wire_send ($socket, $bytes, @handles) {
	my $data = "$bytes";
	my $control = '';
	if (@handles) {
		my $fds = pack 'i*', map { fileno $_ } @handles;
		$control = pack('Jii', 16 + length $fds, SOL_SOCKET, 1) . $fds;
		$control .= "\0" x (-length($control) % 8);
	}
	while (length $data) {
		my $vector = pack 'PJ', $data, length $data;
		my $message = pack 'JJPJ', 0, 0, $vector, 1;
		$message .= length $control ? pack('PJ', $control, length $control) : pack('JJ', 0, 0);
		$message .= pack 'J', 0;
		my $n = system_call('sendmsg', fileno $socket, $message, 0);
		return 0 if $n < 0;
		substr $data, 0, $n, '';
		$control = '';
	}
	return 1;
}

# Exactly N bytes; fewer where the peer ends or nothing comes.
sub wire_receive ($socket, $n, $seconds = DEADLINE) {
	my $bytes = '';
	my $end = now() + $seconds;
	while (length $bytes < $n && readable($socket, $end - now())) {
		sysread $socket, $bytes, $n - length $bytes, length $bytes or last;
	}
	return $bytes;
}

# Does the peer hang up (without more bytes)?
sub wire_at_end ($socket, $seconds = DEADLINE) {
	return 0 if !readable($socket, $seconds);
	my $n = sysread $socket, my $bytes, 1;
	return !$n;
}

sub wire_u32 ($n) { return pack 'N', $n }
sub wire_u64 ($n) { return pack 'Q>', $n }

sub fields (@fields) {
	my $bytes = '';
	while (my ($tag, $value) = splice @fields, 0, 2) {
		$bytes .= pack('nnN', $tag, 0, length $value) . $value;
	}
	return $bytes;
}

# The greeting's bytes: protocol 1, or with that number offered.
sub wire_greeting ($protocol, @more) {
	my $data = fields($protocol > 1 ? (CAP_PROTOCOL, wire_u32($protocol)) : (), @more);
	return "PFI\n" . pack('N', length $data) . $data;
}

sub read_fields ($bytes) {
	my %f;
	while (length $bytes >= 8) {
		my ($tag, undef, $n) = unpack 'nnN', $bytes;
		$f{$tag} = substr $bytes, 8, $n;
		substr $bytes, 0, 8 + $n, '';
	}
	return \%f;
}

# {banner, fields} of what the server greets with; undef where that is not whole.
sub wire_read_greeting ($socket, $seconds = DEADLINE) {
	my $head = wire_receive($socket, 8, $seconds);
	return if length $head < 8;
	my ($banner, $n) = unpack 'a4N', $head;
	return if $n > 4096;
	return {banner => $banner, fields => read_fields(wire_receive($socket, $n, $seconds))};
}

# A message's bytes: TYPE, then (tag => value)...
sub wire_message ($type, @fields) {
	my $payload = fields(@fields);
	return pack('NN', $type, length $payload) . $payload;
}

# {type, fields} of the next message; undef at the end.
sub wire_read_message ($socket, $seconds = DEADLINE) {
	my $head = wire_receive($socket, 8, $seconds);
	return if length $head < 8;
	my ($type, $n) = unpack 'NN', $head;
	my $payload = $n ? wire_receive($socket, $n, $seconds) : '';
	return if length $payload < $n;
	return {type => $type, fields => read_fields($payload)};
}

# A whole request, as fields that a test may change: (tag => value)...
#   numbers (of the descriptors, default 0 1 2), script, arguments, environment (lists)
sub wire_request (%o) {
	my $strings = sub ($list) { return join '', map { "$_\0" } @{$list // []} };
	return (
		DESCRIPTORS, pack('N*', @{$o{numbers} // [0, 1, 2]}),
		SCRIPT,      ($o{script} // 'script') . "\0",
		ARGUMENTS,   $strings->($o{arguments}),
		ENVIRONMENT, $strings->($o{environment}),
		UMASK,       wire_u32(022),
		LIMITS,      '',
		SIGMASK,     wire_u64(0),
		SIGIGNORED,  wire_u64(0),
	);
}

1;
