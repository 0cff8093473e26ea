# prefork_interp.tcl --
#
#	The Tcl runtime of prefork-interp(1).  A script that is started by
#	prefork-interp says here that its initialisation is complete: what it
#	did until then is done once, what follows is done in every call.
#
# SYNOPSIS
#
#	package require prefork_interp
#
#	prefork_interp::initialisation_complete
#		?-max_servers N?		calls that may run at once
#		?-idle_timeout SECONDS?		without a call, then it goes
#		?-max_errors N?			of the server's own, then it goes
#		?-log_facility NAME?		of syslog(3); "" for no log
#		?-autoreload_packages BOOLEAN?	see to packages' files
#		?-autoreload_extra LIST?	more files to see to
#	prefork_interp::autoreload_also_check ?PATH ...?
#
# DESCRIPTION
#
#	In a plain run, and in a child interpreter, both commands check their
#	arguments and do nothing.
#
#	Before initialisation is complete the script has neither its arguments
#	nor its caller's standard channels: stdin is empty, and what it prints
#	goes to the first caller's standard error.  It must not have threads,
#	but for the one that waits for events.  Afterwards argv, argc, argv0, env, the
#	standard channels, the directory and all that the system keeps for a
#	process are the caller's; what the script has done to the standard
#	channels (fconfigure, fileevent, close) is done again.
#
#	A server is replaced when the script, the interpreter, a shared object,
#	or a file that was loaded changes.  Files that `source` or `load` read
#	are known from the time on at which this package is loaded, and those of
#	packages always: load this package first.
#
# ERRORS
#
#	The error code is a list, beginning with PREFORK_INTERP:
#	    USAGE		an option without a value, or not known
#	    OPTION NAME		a value that can't be
#	    FILE PATH		can't be examined
#	    HANDSHAKE		the launcher's message is damaged
#	    CHANNEL NAME	initialisation has replaced a standard channel
#	    SERVER		no server can be made: more than one thread, no
#				memory
#
# EXAMPLE
#
#	#!/usr/bin/prefork-interp -- tclsh
#	package require prefork_interp
#	package require msgcat
#	set started [clock milliseconds]
#	prefork_interp::initialisation_complete -idle_timeout 600
#	puts "Hello, [join $argv]"
#	exit [llength $argv]

package require Tcl 8.6

namespace eval ::prefork_interp {
    namespace export initialisation_complete autoreload_also_check

    # Where this file is.
    variable directory [file dirname [file normalize [info script]]]

    # Has a launcher started the script, and is this still its setup?
    variable in_setup 0

    # The script's path, as far as its file is concerned.
    variable script ""

    # Files that were read by `source` and `load`: the keys of a dictionary.
    variable loaded {}

    # Files that the script has named.
    variable extra {}

    # Has the script called srand()?
    variable seeded 0
}

load [file join $::prefork_interp::directory libprefork_interp.so] Prefork_interp
package provide prefork_interp @VERSION@

# prefork_interp::initialisation_complete --
#
#	Says that initialisation is complete.  When prefork-interp has started
#	the script, this process becomes its server, and the command returns
#	in each call's process; else it returns at once.
#
# Arguments:
#	-max_servers N		How many calls may run at once, further ones
#				run plain; negative: no limit.
#	-idle_timeout SECONDS	How long the server stays without a call;
#				negative: for ever.
#	-max_errors N		After how many errors of its own (failures to
#				fork and the like) the server goes.
#	-log_facility NAME	Where it tells them: a facility of syslog(3), as
#				"user" or "local3"; "" for nowhere.
#	-autoreload_packages BOOLEAN	Whether the server is also replaced
#				when a file changes that was read by `source` or
#				`load`, or belongs to a package; true unless set.
#	-autoreload_extra LIST	Paths of further files, as if given to
#				autoreload_also_check.
#
#	What the #! line sets wins over what is set here.
#
# Results:
#	An empty string.  Errors are those in the head of this file.

proc ::prefork_interp::initialisation_complete {args} {
    variable in_setup
    variable seeded

    set autoreload_packages [ParseOptions $args]
    if {!$in_setup} {
	return
    }
    set in_setup 0
    StopNoting
    foreach path [FilesToWatch $autoreload_packages] {
	WatchFile $path
    }
    set traces [EnvTraces]
    foreach {variable operations command} $traces {
	trace remove variable $variable $operations $command
    }

    # From here on this runs in each call: all of it is compiled by now.
    try {
	Serve $seeded
    } finally {
	foreach {command operations variable} [lreverse $traces] {
	    trace add variable $variable $operations $command
	}
    }
    return
}

# prefork_interp::autoreload_also_check --
#
#	Names files that initialisation depends on: when one of them changes,
#	appears or goes, the next call makes a new server.
#
# Arguments:
#	PATH ...	Files; relative ones are seen from the present
#			directory.
#
# Results:
#	An empty string.

proc ::prefork_interp::autoreload_also_check {args} {
    variable extra

    foreach path $args {
	lappend extra [Absolute $path]
    }
    return
}

# ParseOptions --
#
#	Checks initialisation_complete's arguments and sets the server's
#	options.
#
# Arguments:
#	options		Names and values in turn.
#
# Results:
#	The value of -autoreload_packages.

proc ::prefork_interp::ParseOptions {options} {
    set autoreload_packages 1
    foreach {option value} $options {
	switch -exact -- $option {
	    -max_servers - -idle_timeout - -max_errors - -log_facility -
	    -autoreload_packages - -autoreload_extra {}
	    default {
		Fail USAGE "unknown option \"$option\": must be -autoreload_extra,\
			-autoreload_packages, -idle_timeout, -log_facility,\
			-max_errors or -max_servers"
	    }
	}
    }
    if {[llength $options] % 2} {
	Fail USAGE "value for \"[lindex $options end]\" missing"
    }
    foreach {option value} $options {
	switch -exact -- $option {
	    -autoreload_packages {
		if {![string is boolean -strict $value]} {
		    Fail [list OPTION autoreload_packages] \
			    "option autoreload_packages: $value: not a boolean"
		}
		set autoreload_packages $value
	    }
	    -autoreload_extra {
		if {![string is list $value]} {
		    Fail [list OPTION autoreload_extra] \
			    "option autoreload_extra: $value: not a list"
		}
		autoreload_also_check {*}$value
	    }
	    default {
		SetOption [string range $option 1 end] $value
	    }
	}
    }
    return $autoreload_packages
}

# Fail --
#
#	Raises an error in initialisation_complete.
#
# Arguments:
#	code		What follows PREFORK_INTERP in the error code.
#	message		What is wrong.

proc ::prefork_interp::Fail {code message} {
    return -code error -level 2 -errorcode [list PREFORK_INTERP {*}$code] $message
}

# Adapt --
#
#	When the package is loaded: takes out what the plugin has put in for it
#	to be found, and begins to note what the script does.

proc ::prefork_interp::Adapt {} {
    variable in_setup
    variable script

    set path [LibraryPath]
    set in_setup [Adopt]
    if {!$in_setup} {
	return
    }
    if {[llength $path]} {
	RestoreAutoPath [lindex $path end] [expr {[llength $path] - 1}]
    }
    set script [Absolute $::argv0]
    trace add execution ::source enter ::prefork_interp::NoteSource
    trace add execution ::load enter ::prefork_interp::NoteLoad
    trace add execution ::tcl::mathfunc::srand enter ::prefork_interp::NoteSeed
}

# LibraryPath --
#
#	Reads TCLLIBPATH, at whose end the plugin has put one more element.
#
# Results:
#	A list of directories; an empty one when there was no plugin.

proc ::prefork_interp::LibraryPath {} {
    global env

    if {[info exists env(PREFORK_INTERP_TCLLIBPATH)]} {
	return $env(TCLLIBPATH)
    }
    return {}
}

# RestoreAutoPath --
#
#	Makes auto_path what it is in a plain run.
#
# Arguments:
#	added		The directory that the plugin has added.
#	before		How many others were before it.

proc ::prefork_interp::RestoreAutoPath {added before} {
    global auto_path

    # The caller may name the same directory.
    set at [lsearch -exact -start $before $auto_path $added]
    if {$at >= 0} {
	set auto_path [lreplace $auto_path $at $at]
    }
}

# NoteSource, NoteLoad, NoteSeed --
#
#	Traces on `source`, `load` and srand().
#
# Arguments:
#	words		The command.
#	operation	"enter".

proc ::prefork_interp::NoteSource {words operation} {
    variable loaded

    dict set loaded [Absolute [lindex $words end]] {}
}

proc ::prefork_interp::NoteLoad {words operation} {
    variable loaded

    foreach word [lrange $words 1 end] {
	if {$word ni {-global -lazy --}} {
	    dict set loaded [Absolute $word] {}
	    return
	}
    }
}

proc ::prefork_interp::NoteSeed {words operation} {
    variable seeded 1
}

# StopNoting --
#
#	Takes the traces off.

proc ::prefork_interp::StopNoting {} {
    foreach {command note} {
	::source NoteSource ::load NoteLoad ::tcl::mathfunc::srand NoteSeed
    } {
	# The script may have put another command in its place.
	if {[namespace which -command $command] ne ""} {
	    trace remove execution $command enter ::prefork_interp::$note
	}
    }
}

# Absolute --
#
#	Makes a path independent of the directory.  Links stay, as what they
#	point to may change.
#
# Arguments:
#	path		A path.
#
# Results:
#	The path.

proc ::prefork_interp::Absolute {path} {
    if {[file pathtype $path] eq "absolute"} {
	return $path
    }
    return [file join [pwd] $path]
}

# FilesToWatch --
#
#	Names the files that the server depends on; the interpreter and shared
#	objects are the C library's business.
#
# Arguments:
#	packages	Whether those that were loaded count.
#
# Results:
#	A list of paths.

proc ::prefork_interp::FilesToWatch {packages} {
    variable script
    variable loaded
    variable extra

    set files [list $script {*}$extra]
    if {$packages} {
	foreach path [list [file join [info library] init.tcl] \
		{*}[dict keys $loaded] {*}[PackageFiles] {*}[AutoloadedFiles]] {
	    # Searching for a package reads every index there is.
	    if {[file tail $path] ne "pkgIndex.tcl" && [file isfile $path]
		    && [lindex [file system $path] 0] eq "native"} {
		lappend files $path {*}[IndexFiles [file dirname $path]]
	    }
	}
    }
    return [lsort -unique $files]
}

# PackageFiles --
#
#	Names the files of the packages that are loaded, as far as `package
#	ifneeded` tells.
#
# Results:
#	A list of paths.

proc ::prefork_interp::PackageFiles {} {
    set files {}
    foreach name [package names] {
	set version [package provide $name]
	if {$version ne ""} {
	    lappend files {*}[FilesIn [package ifneeded $name $version]]
	}
    }
    return $files
}

# AutoloadedFiles --
#
#	Names the files of commands that auto_load can have loaded.
#
# Results:
#	A list of paths.

proc ::prefork_interp::AutoloadedFiles {} {
    set files {}
    foreach {command loader} [array get ::auto_index] {
	if {[namespace which -command ::[string trimleft $command :]] ne ""} {
	    lappend files {*}[FilesIn $loader]
	}
    }
    return [lsort -unique $files]
}

# FilesIn --
#
#	Finds the files that a package's loading script names.  There are many
#	forms: most have a whole path in them, some (tclPkgSetup, apply) a
#	directory and names.
#
# Arguments:
#	loader		The script.
#
# Results:
#	A list of paths.

proc ::prefork_interp::FilesIn {loader} {
    set files {}
    set directories {}
    set words [regexp -all -inline {[^][\s{}";$]+} $loader]
    if {[string is list $loader]} {
	lappend words {*}$loader
    }
    foreach word $words {
	if {[string match /* $word]} {
	    if {[file isfile $word]} {
		lappend files $word
	    } elseif {[file isdirectory $word]} {
		lappend directories $word
	    }
	}
    }
    foreach directory $directories {
	foreach word $words {
	    if {[file pathtype $word] eq "relative"
		    && [file isfile [file join $directory $word]]} {
		lappend files [file join $directory $word]
	    }
	}
    }
    return $files
}

# IndexFiles --
#
#	Names the indices by which the files of a directory are found.
#
# Arguments:
#	directory	The directory.
#
# Results:
#	A list of paths.

proc ::prefork_interp::IndexFiles {directory} {
    set files {}
    foreach name {pkgIndex.tcl tclIndex} {
	if {[file isfile [file join $directory $name]]} {
	    lappend files [file join $directory $name]
	}
    }
    return $files
}

# EnvTraces --
#
#	Lists the script's traces on the environment, which the arrival of the
#	caller's must not set off.
#
# Results:
#	Variable, operations and command of each in turn, the youngest first.

proc ::prefork_interp::EnvTraces {} {
    set traces {}
    set variables [lmap name [EnvNames] {format ::env(%s) $name}]
    foreach variable [list ::env {*}$variables] {
	foreach trace [trace info variable $variable] {
	    lappend traces $variable {*}$trace
	}
    }
    return $traces
}

::prefork_interp::Adapt
