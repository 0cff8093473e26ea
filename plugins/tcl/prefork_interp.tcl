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
#	is printed in each call.  Afterwards argv, argc, argv0, env, the
#	standard channels, the directory and all that the system keeps for a
#	process are the caller's; what the script has done to the standard
#	channels (fconfigure, fileevent) is done again, and the time of its
#	timers (after) begins.
#
#	What can't be had in each call is an error: threads, but for the one
#	that waits for events, channels that can't be shared, another file in
#	the place of a standard channel; and what initialisation looks at that
#	each call has its own of: argv, the process's number, the kind of a
#	standard channel, all of env.  Where the script does not catch it, it is
#	run by the plain interpreter.  Callers that differ in an element of env
#	or a directory which initialisation has looked at have servers of their
#	own.
#
#	A server is replaced when the script, the interpreter, a shared object,
#	or a file that `source` or `load` has read changes.
#
# ERRORS
#
#	The error code is a list, beginning with PREFORK_INTERP:
#	    USAGE		an option without a value, or not known
#	    OPTION NAME		a value that can't be
#	    FILE PATH		can't be examined
#	    HANDSHAKE		the launcher's message is damaged
#	    ARGUMENTS		initialisation has changed argv, argc or argv0
#	    LOOK WHAT		it has looked at what each call has its own of
#	    CHANNEL NAME	it has replaced a standard channel
#	    TIMER NAME		it has set a timer that can't be set again
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

# The commands that are used here are Tcl's own, also where the script has put
# others in their places.
namespace eval :: {
    namespace export array clock dict file info interp lindex lrange lsort
    namespace export namespace package pwd regexp source string trace
}

namespace eval ::prefork_interp {
    namespace import ::*
    namespace export initialisation_complete autoreload_also_check

    # Where this file is.
    variable directory [file dirname [file normalize [info script]]]

    # Has a launcher started the script, and is this still its setup?
    variable in_setup 0

    # Files that the script has named.
    variable extra {}
}

namespace eval :: {
    namespace export -clear
}

load [file join $::prefork_interp::directory libprefork_interp.so] Prefork_interp
# It stays, but is not among those that `info loaded` tells.
unload [file join $::prefork_interp::directory libprefork_interp.so] Prefork_interp

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
    # A name for it, so that it keeps its place among the variables.
    global env
    variable in_setup

    set autoreload_packages [ParseOptions $args]
    if {!$in_setup} {
	return
    }
    set in_setup 0
    set interpreters [Interpreters]
    Notes end
    set traces [Traces $interpreters]
    Untrace $traces
    try {
	Check
	foreach path [FilesToWatch $autoreload_packages] {
	    WatchFile $path
	}

	# From here on this runs in each call: all of it is compiled by now.
	Serve $interpreters
    } finally {
	Retrace $traces
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
    variable in_setup
    variable extra

    if {$in_setup} {
	foreach path $args {
	    lappend extra [Absolute $path]
	}
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

# Adopt --
#
#	The package is required: is this a setup?  Where another program than
#	ours has started it, what the script does is noted from now on.

proc ::prefork_interp::Adopt {} {
    variable directory
    variable in_setup
    variable given

    package provide prefork_interp @VERSION@
    set in_setup [TakeHandshake]
    if {!$in_setup} {
	return
    }
    if {![info exists given]} {
	source [file join $directory note.tcl]
	Note
    }
    # The handshake is gone, and env is to know that.
    set traces [Traces {{}}]
    Untrace $traces
    set ::env(PREFORK_INTERP) ""
    unset ::env(PREFORK_INTERP)
    Retrace $traces
}

# Check --
#
#	Raises an error when the script has changed what a call sets.

proc ::prefork_interp::Check {} {
    variable given

    if {$given ne [Given]} {
	Fail ARGUMENTS "initialisation has changed the script's arguments"
    }
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
	foreach path [dict keys $loaded] {
	    # Searching for a package reads every index there is.
	    if {[file tail $path] ne "pkgIndex.tcl" && [file isfile $path]
		    && [lindex [file system $path] 0] eq "native"} {
		lappend files $path {*}[IndexFiles [file dirname $path]]
	    }
	}
    }
    return [lsort -unique $files]
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

# Traces --
#
#	Lists the script's traces on what the arrival of a call sets, which is
#	not to set them off.
#
# Arguments:
#	interpreters	Where to look.
#
# Results:
#	Interpreter, variable, operations and command of each in turn, the
#	youngest first.

proc ::prefork_interp::Traces {interpreters} {
    variable traced

    set variables [list ::argv0 ::argc ::argv ::env]
    set elements [lmap name [EnvNames] {format ::env(%s) $name}]
    set elements [lsort -unique [list {*}$elements {*}[lmap name $traced {
	format ::%s [string trimleft $name :]
    }]]]
    set traces {}
    foreach path $interpreters {
	foreach variable [list {*}$variables {*}$elements] {
	    foreach trace [interp eval $path [list ::trace info variable $variable]] {
		lappend traces $path $variable {*}$trace
	    }
	}
    }
    return $traces
}

# Untrace, Retrace --
#
#	Takes such traces off, and puts them on again.
#
# Arguments:
#	traces		What Traces has listed.

proc ::prefork_interp::Untrace {traces} {
    foreach {path variable operations command} $traces {
	interp eval $path [list ::trace remove variable $variable $operations $command]
    }
}

proc ::prefork_interp::Retrace {traces} {
    foreach {command operations variable path} [lreverse $traces] {
	interp eval $path [list ::trace add variable $variable $operations $command]
    }
}
