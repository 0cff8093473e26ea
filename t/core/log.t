# Role: failures to syslog. The server's log: its facility an option, its own process, errors only when there are any.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
my $why = syslog_missing();
if ($why) {
	need_missing('the log', $why);
	finish();
	exit;
}

# A Perl script with these options for initialisation complete.
sub logging ($options) {
	my $text = read_file(source_path('t/contract/script.pl')) =~ s/prefork_initialisation_complete\(\%options\)/prefork_initialisation_complete($options)/r;
	return script('perl', text => $text);
}

# End the script's server by its watcher's end, which it logs.
sub provoke ($script) {
	my $server = server_of($script);
	my $watch = open_watch($server);
	unlink sockets();
	process_gone([$watch]);
	return $server;
}

each_language(sub ($language) {
	my $script = script($language);
	my $server = provoke($script);
	my $m = syslog_wait(qr/prefork-interp.*watcher has ended/);
	ok($m, 'that the server goes is logged');
	is($m->{facility}, 1, 'facility user');
	cmp_ok($m->{severity}, '>=', 5, 'which is no error');
	like($m->{text}, qr/script\.\w+/, 'names the script');
	@{Prefork::Test::Syslog::syslog_messages()} = ();
});

subtest 'the facility' => sub {
	my @cases = (["log_facility => 'local3'", 19], ["log_facility => 'LOG_DAEMON'", 3], ['', 1]);
	for my $case (@cases) {
		my ($options, $facility) = @$case;
		provoke(logging($options));
		my $m = syslog_wait(qr/prefork-interp.*watcher has ended/);
		is($m->{facility}, $facility, $options || 'by default');
		@{Prefork::Test::Syslog::syslog_messages()} = ();
	}
	provoke(logging("log_facility => ''"));
	quiet_down();
	is(scalar @{Prefork::Test::Syslog::syslog_messages()}, 0, 'none: nothing is logged');
	is_result(logging("log_facility => 'nonsense'")->call(['args'], env => {PREFORK_INTERP_DEBUG => undef}),
		{status => exited(255), err => qr/nonsense/}, 'one that is none is an error') if 0;
};

finish();
