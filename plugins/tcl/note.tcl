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

# Note_source, Note_trace, Note_package --
#
#	Called before a command, by notes.c.
#
# Arguments:
#	words		The command.

proc ::prefork_interp::Note_source {words} {
    variable loaded

    dict set loaded [Absolute [lindex $words end]] {}
}

proc ::prefork_interp::Note_trace {words} {
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

proc ::prefork_interp::Note_package {words} {
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
