# note.tcl --
#
#	Notes what initialisation does that is not to be seen afterwards, as
#	far as notes.c does not.

namespace eval ::prefork_interp {
    # Files that were read by `source`: the keys of a dictionary.
    variable loaded {}

    # Elements of env that `trace` was told of: most are not there.
    variable traced {}

    # The variables that tell a call's arguments, as they are before the script.
    variable given

    # The script's path, as far as its file is concerned.
    variable script
}

# Note --
#
#	Begins.

proc ::prefork_interp::Note {} {
    variable given [Given]
    variable script [Absolute $::argv0]
    variable loaded [dict create [file join [info library] init.tcl] {}]

    trace add execution ::source enter ::prefork_interp::NoteSource
    trace add execution ::trace enter ::prefork_interp::NoteTrace
    trace add execution ::package enter ::prefork_interp::NotePackage
    trace add execution ::interp leave ::prefork_interp::NoteInterpreter
    Notes begin
}

# Given --
#
#	Reads the variables that tell a call's arguments.
#
# Results:
#	A list; two of them are alike when nobody has changed the variables.

proc ::prefork_interp::Given {} {
    return [lmap name {argv0 argc argv} {
	expr {[info exists ::$name] ? [list [set ::$name]] : {}}
    }]
}

# NoteSource, NoteTrace, NotePackage --
#
#	Called before a command.
#
# Arguments:
#	words		The command.
#	operation	"enter".

proc ::prefork_interp::NoteSource {words operation} {
    variable loaded

    dict set loaded [Absolute [lindex $words end]] {}
}

proc ::prefork_interp::NoteTrace {words operation} {
    variable traced

    foreach word [lrange $words 2 3] {
	if {[regexp {^(?:::)?env\(.*\)$} $word]} {
	    lappend traced $word
	}
    }
}

# When the package is asked for it is made known: earlier it would have a place
# among the names of packages that a fresh run does not give it.  A script that
# asks in a setup only has looked for one; else a plain run looks for the
# package, and that leaves much to be seen.

proc ::prefork_interp::NotePackage {words operation} {
    if {![string match req* [lindex $words 1]] || "prefork_interp" ni $words
	    || [package provide prefork_interp] ne ""} {
	return
    }
    if {![Notes asked]} {
	uplevel #0 [list {*}[package unknown] prefork_interp 0-]
	package forget prefork_interp
    }
    package ifneeded prefork_interp @VERSION@ ::prefork_interp::Adopt
}

# NoteInterpreter --
#
#	Called after `interp`.
#
# Arguments:
#	words		The command.
#	code, result	What came of it.
#	operation	"leave".

proc ::prefork_interp::NoteInterpreter {words code result operation} {
    if {$code == 0 && [string match cr* [lindex $words 1]]} {
	Notes child [list $result]
    }
}

# StopNoting --
#
#	Ends.  The script may have put other commands in the place of those that
#	were traced, and given these other names.
#
# Arguments:
#	interpreters	Paths of all.

proc ::prefork_interp::StopNoting {interpreters} {
    Notes end $interpreters
    foreach command [info commands ::*] {
	foreach trace [trace info execution $command] {
	    if {[string match ::prefork_interp::Note* [lindex $trace 1]]} {
		trace remove execution $command {*}$trace
	    }
	}
    }
}

# Interpreters --
#
#	Names the interpreter and its children, and theirs.
#
# Arguments:
#	path		Where to begin.
#
# Results:
#	A list of paths, that of each before its children's.

proc ::prefork_interp::Interpreters {{path {}}} {
    set paths [list $path]
    foreach name [interp slaves $path] {
	lappend paths {*}[Interpreters [list {*}$path $name]]
    }
    return $paths
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
