# A link or folder on the way to what setup has loaded that leads elsewhere is noticed: while setup runs, and later.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Prefork::Test;
use Time::HiRes ();

# Setup loads the module, switches once if told to, and each call tells the module's version.
my %TEXT = (
	perl => <<'PERL',
use Proc::Prefork::Interp;
use lib 'FOLDER/way';
use Versioned;
system 'FOLDER/switch' if -x 'FOLDER/switch';
prefork_initialisation_complete();
print Versioned::version(), "\n";
PERL
	python => <<'PYTHON',
import os, sys
import prefork_interp
sys.path.insert(0, "FOLDER/way")
import versioned
if os.path.exists("FOLDER/switch"):
    os.system("FOLDER/switch")
prefork_interp.initialisation_complete()
print(versioned.version())
PYTHON
	tcl => <<'TCL',
package require prefork_interp
source FOLDER/way/versioned.tcl
if {[file exists FOLDER/switch]} {exec FOLDER/switch}
prefork_interp::initialisation_complete
puts [version]
TCL
);
my %MODULE = (
	perl   => ['Versioned.pm',  'package Versioned; sub version { "VERSION" } 1;'],
	python => ['versioned.py',  'def version(): return "VERSION"'],
	tcl    => ['versioned.tcl', 'proc version {} {return VERSION}'],
);

# File times are coarser than the clock: wait until a new file's would differ.
sub let_time_pass ($folder) {
	my $first = changed_at(write_file("$folder/first", ''));
	wait_for(sub { return changed_at(write_file("$folder/later", '')) > $first });
	return;
}

sub changed_at ($path) { return (Time::HiRes::stat($path))[10] }

# A folder with two versions of the module, and the way to the first.
sub prepare ($language, $name, $make_way) {
	my $folder = private_directory("$name-$language");
	my ($file, $text) = @{$MODULE{$language}};
	for my $version (qw(one two)) {
		mkdir "$folder/$version";
		write_file("$folder/$version/$file", $text =~ s/VERSION/$version/r . "\n");
	}
	$make_way->($folder);
	let_time_pass($folder);
	return ($folder, script($language, text => $TEXT{$language} =~ s/FOLDER/$folder/gr));
}

my %SWITCH = (
	link => [sub ($folder) { symlink 'one', "$folder/way" }, 'ln -s two next && mv -T next way'],
	folder => [sub ($folder) { rename "$folder/one", "$folder/way" }, 'mv way old && mv two way'],
);

each_language(sub ($language) {
	for my $name (sort keys %SWITCH) {
		my ($make_way, $commands) = @{$SWITCH{$name}};
		my ($folder, $script) = prepare($language, $name, $make_way);
		write_file("$folder/switch", "#!/bin/sh\ncd $folder && mv switch done && $commands\n", 0755);
		is_result($script->call([]), {status => 0, out => qr/\A(one|two)\n\z/}, "$name: the call whose setup switches it");
		ok(-e "$folder/done", 'it was switched');
		is_result($script->call([]), {status => 0, out => "two\n", err => ''}, 'the next has the new version');

		($folder, $script) = prepare($language, "later-$name", $make_way);
		is_result($script->call([]), {status => 0, out => "one\n", err => ''}, "$name: as it was") for 1 .. 2;
		system "cd $folder && $commands";
		is_result($script->call([]), {status => 0, out => "two\n", err => ''}, 'switched later: the new version') for 1 .. 2;
	}
});

finish();
