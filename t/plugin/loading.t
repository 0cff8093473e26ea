# Plugins: what can't be loaded is passed over, what refuses is heeded, and one built outside the tree works.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;

use File::Copy qw(copy);

# An install of its own: the staged one's programs and runtimes, and plugins that the test chooses.
my $prefix = private_directory('prefix');
mkdir "$prefix/$_" or die "mkdir: $!\n"
	for qw(bin libexec libexec/prefork-interp lib lib/prefork-interp lib/prefork-interp/plugins);
for my $program ('bin/prefork-interp', 'libexec/prefork-interp/prefork-launch') {
	copy(install_path($program), "$prefix/$program") or die "$program: $!\n";
	chmod 0755, "$prefix/$program";
}
symlink install_path('lib/prefork-interp/runtime'), "$prefix/lib/prefork-interp/runtime" or die "symlink: $!\n";
my $plugins = "$prefix/lib/prefork-interp/plugins";
my $language = core_language();
my $staged = install_path("lib/prefork-interp/plugins/$language.so");
# Elsewhere than the headers of the tree: the one that a plugin includes is all that it may need.
my $include = private_directory('include');
copy(source_path('core/prefork-plugin.h'), "$include/prefork-plugin.h") or die "prefork-plugin.h: $!\n";

# Build NAME.so from this text.
sub build ($name, $text) {
	my $source = write_file("$include/$name.c", $text);
	my $r = run(['/usr/bin/env', split(' ', $ENV{CC} // 'cc'), qw(-std=c11 -Wall -Werror -fPIC -fvisibility=hidden -shared), '-I', $include,
		'-o', "$plugins/$name.so", $source]);
	is($r->{status}, 0, "$name.so is built") or diag($r->{err});
	return;
}

# A plugin's text: these parts of the structure, which takes every interpreter unless told otherwise.
sub plugin (%o) {
	my $accepts = $o{accepts} // 'return PREFORK_ACCEPT;';
	my $prepare = $o{prepare} // 'return host->add_argument(setup, invocation->script);';
	my $abi = $o{abi} // 'PREFORK_PLUGIN_ABI';
	my $size = $o{size} // 'sizeof(struct prefork_plugin)';
	my $said = $o{language} // $language;
	my $symbol = $o{symbol} // 'prefork_plugin';
	return <<"C";
#include <errno.h>
#include <prefork-plugin.h>
#include <stdio.h>
#include <stdlib.h>

static enum prefork_answer accepts(const struct prefork_invocation *invocation, char *why, size_t why_size) {
	(void)invocation, (void)why, (void)why_size;
	$accepts
}

static int prepare(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	(void)invocation, (void)host, (void)setup;
	$prepare
}

__attribute__((visibility("default"))) const struct prefork_plugin $symbol = {$abi, $size, "$said", accepts, prepare};
C
}

sub without_plugins() {
	quiet_down();
	unlink glob "$plugins/*";
	return;
}

sub served ($name, %o) {
	my $script = script($language, client => "$prefix/bin/prefork-interp");
	my $r = $script->call(['args', 'x'], %o);
	is_result($r, {status => 0, out => "78\n", err => ''}, "$name: a call");
	is($script->warm(%o), $script->warm(%o), "$name: is served");
	return;
}

sub plain ($name, $why) {
	my $script = script($language, client => "$prefix/bin/prefork-interp");
	is_result($script->call(['args', 'x']), {status => 0, out => "78\n", err => $why}, "$name: runs plain");
	is_result($script->call(['exit', 3], env => {PREFORK_INTERP_DEBUG => undef}), {status => exited(3), out => '', err => ''},
		"$name: of which nothing is said");
	ok(wait_for(sub { !descendants() }), "$name: no process is left");
	is(scalar(sockets()), 0, "$name: no socket is left");
	return;
}

plain('no plugin', qr/prefork-\w+: /);
copy($staged, "$plugins/$language.so") or die "$staged: $!\n";
served('the staged plugin');
without_plugins();

build('mine', plugin());
served('a plugin from outside the tree');
without_plugins();

my %PASSED_OVER = (
	'another ABI'  => [plugin(abi => 'PREFORK_PLUGIN_ABI + 1'), qr/ABI/i],
	'ABI 0'        => [plugin(abi => 0), qr/ABI/i],
	'another size' => [plugin(size => 8), qr/8 bytes/],
	'no symbol'    => [plugin(symbol => 'something_else'), qr/prefork_plugin/],
	'not its own'  => [plugin(accepts => 'return PREFORK_NOT_MINE;'), qr/prefork-\w+: /],
	'a symbol that is nowhere' => [plugin() . "extern int nowhere(void); int (*const used)(void) = nowhere;\n", qr/nowhere/],
);
for my $name (sort keys %PASSED_OVER) {
	my ($text, $why) = @{$PASSED_OVER{$name}};
	build('first', $text);
	plain($name, $why);
	copy($staged, "$plugins/second.so") or die "$staged: $!\n";
	my $script = script($language, client => "$prefix/bin/prefork-interp");
	my %quiet = (env => {PREFORK_INTERP_DEBUG => undef});
	is($script->warm(%quiet), $script->warm(%quiet), "$name: the next plugin is asked");
	without_plugins();
}
write_file("$plugins/rubbish.so", "not a shared object\n");
plain('no shared object', qr/rubbish\.so/);
copy($staged, "$plugins/second.so") or die "$staged: $!\n";
my $script = script($language, client => "$prefix/bin/prefork-interp");
my %quiet = (env => {PREFORK_INTERP_DEBUG => undef});
is($script->warm(%quiet), $script->warm(%quiet), 'no shared object: the next plugin is asked');
without_plugins();

build('refusing', plugin(accepts => 'snprintf(why, why_size, "not on a Monday"); return PREFORK_REFUSE;'));
copy($staged, "$plugins/second.so") or die "$staged: $!\n";
plain('one that refuses', qr/not on a Monday/);
without_plugins();
build('failing', plugin(prepare => 'errno = ENOMEM; return -1;'));
plain('one whose prepare fails', qr/Cannot allocate memory/);
without_plugins();
build('crashing', plugin(accepts => 'abort();'));
plain('one that crashes', qr/prefork-interp: /);
without_plugins();

# What a plugin is told, and what it can do.
my $told = private_directory('told') . '/told';
build('telling', plugin(accepts => <<"C"));
	FILE *f = fopen("$told", "w");
	fprintf(f, "interpreter %s\\nname %s\\n", invocation->interpreter, invocation->name);
	for (const char *const *a = invocation->arguments; *a; a++)
		fprintf(f, "argument %s\\n", *a);
	fprintf(f, "script %s\\n", invocation->script);
	for (const char *const *a = invocation->script_arguments; *a; a++)
		fprintf(f, "script argument %s\\n", *a);
	fprintf(f, "runtime %d\\n", invocation->runtime_directory != NULL);
	fclose(f);
	return PREFORK_REFUSE;
C
for my $unlaundered (0, 1) {
	my $one = script($language, client => "$prefix/bin/prefork-interp", options => $unlaundered ? '-U' : '', arguments => ['-w']);
	my ($interpreter) = @{$one->{interpreter}};
	my ($path) = $interpreter =~ m{/} ? $interpreter : grep { -x } map { "$_/$interpreter" } split /:/, $ENV{PATH};
	$one->call(['args', 'a b', '']);
	my $arguments = $unlaundered ? "script argument args\nscript argument a b\nscript argument \n" : '';
	is(read_file($told), "interpreter $path\nname $interpreter\nargument -w\nscript @{[$one->path]}\n${arguments}runtime 1\n",
		$unlaundered ? 'with -U it is told the script\'s arguments' : 'it is told the invocation');
	unlink $told;
}
without_plugins();

build('setting', plugin(prepare => <<'C'));
	const char *value = host->get_environment(setup, "CONTRACT_FROM_CALLER");
	if (!value || host->get_environment(setup, "CONTRACT_NOT_SET"))
		return -1;
	if (host->set_environment(setup, "CONTRACT_SETUP", value) < 0 || host->set_environment(setup, "CONTRACT_SETUP_2", NULL) < 0)
		return -1;
	if (host->get_environment(setup, "CONTRACT_SETUP_2"))
		return -1;
	return host->add_argument(setup, invocation->script);
C
my $one = script($language, client => "$prefix/bin/prefork-interp");
is_result($one->call(['out', 'x'], env => {CONTRACT_FROM_CALLER => 'noise', CONTRACT_SETUP_2 => 1}),
	{status => 0, out => "setup-out\nx", err => "setup-err\n"}, 'it sets setup\'s environment');
without_plugins();

finish();
