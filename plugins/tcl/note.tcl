# note.tcl --
#
#	Notes what initialisation does that is not to be seen afterwards: what
#	it has loaded and looked at, and what has to be done again in each call.

namespace eval ::prefork_interp {
    # Files that were read by `source` and `load`: the keys of a dictionary.
    variable loaded {}

    # When the timers of `after` are due: identifier, milliseconds since 1970.
    variable due {}

    # Has `cd` been used?
    variable moved 0

    # What was looked at that each call has its own of.
    variable asked ""

    # Standard channels whose -translation was set.
    variable translated {}

    # Interpreters, by path, in which srand() was called.
    variable seeded {}

    # Elements of env that `trace` was told of: most are not there.
    variable traced {}

    # What is traced for that: commands, operations and callbacks.
    variable watchers {
	::source			enter NoteSource
	::load				enter NoteLoad
	::after				leave NoteTimer
	::cd				leave NoteDirectory
	::fconfigure			enter NoteConfigure
	::pid				enter NoteProcess
	::interp			leave NoteInterpreter
	::trace				enter NoteTrace
	::tcl::mathfunc::srand		enter NoteSeed
    }

    # Noted in a child interpreter without a command of ours there.
    variable note_in_child {::set ::tcl::prefork_interp_seeded 1;#}

    # The variables that tell a call's arguments, as they are before the script.
    variable given

    # The script's path, as far as its file is concerned.
    variable script
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

# NoteSource, NoteLoad, NoteConfigure, NoteProcess, NoteTrace, NoteSeed --
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

proc ::prefork_interp::NoteLoad {words operation} {
    variable loaded

    foreach word [lrange $words 1 end] {
	if {$word ni {-global -lazy --}} {
	    dict set loaded [Absolute $word] {}
	    return
	}
    }
}

proc ::prefork_interp::NoteConfigure {words operation} {
    variable translated
    variable asked

    lassign $words command channel option
    if {$channel ni {stdin stdout stderr}} {
	return
    }
    if {[llength $words] < 4} {
	# What of these it answers does not tell a terminal from a file.
	if {$option ni {-blocking -buffering -buffersize -encoding -eofchar}} {
	    set asked $channel
	}
	return
    }
    foreach {option value} [lrange $words 2 end] {
	if {[string equal -length [string length $option] $option -translation]} {
	    lappend translated $channel
	}
    }
}

proc ::prefork_interp::NoteProcess {words operation} {
    variable asked

    if {[llength $words] == 1} {
	set asked pid
    }
}

proc ::prefork_interp::NoteTrace {words operation} {
    variable traced

    foreach word [lrange $words 2 3] {
	if {[regexp {^(?:::)?env\(.*\)$} $word]} {
	    lappend traced $word
	}
    }
}

proc ::prefork_interp::NoteSeed {words operation} {
    variable seeded

    lappend seeded {}
}

# NoteTimer, NoteDirectory, NoteInterpreter --
#
#	Called after a command.
#
# Arguments:
#	words		The command.
#	code, result	What came of it.
#	operation	"leave".

proc ::prefork_interp::NoteTimer {words code result operation} {
    variable due

    set time [lindex $words 1]
    if {$code == 0 && [string is entier -strict $time]
	    && [string match after#* $result]} {
	dict set due $result [expr {[clock milliseconds] + $time}]
    }
}

proc ::prefork_interp::NoteDirectory {words code result operation} {
    variable moved

    if {$code == 0} {
	set moved 1
    }
}

proc ::prefork_interp::NoteInterpreter {words code result operation} {
    variable note_in_child

    if {$code == 0 && [string match cr* [lindex $words 1]]} {
	interp eval $result [list ::trace add execution \
		::tcl::mathfunc::srand enter $note_in_child]
	Reads child [list $result]
    }
}

# StopNoting --
#
#	Takes the traces off.  The script may have put other commands in the
#	place of those that were traced, and given these other names.
#
# Arguments:
#	interpreters	Paths of all.

proc ::prefork_interp::StopNoting {interpreters} {
    Reads end $interpreters
    foreach command [list {*}[info commands ::*] ::tcl::mathfunc::srand] {
	foreach trace [trace info execution $command] {
	    if {[string match ::prefork_interp::Note* [lindex $trace 1]]} {
		trace remove execution $command {*}$trace
	    }
	}
    }
    foreach path $interpreters {
	StopNotingIn $path
    }
}

# StopNotingIn --
#
#	The same in a child interpreter.
#
# Arguments:
#	path		Which one; {} is not a child and has nothing.

proc ::prefork_interp::StopNotingIn {path} {
    variable note_in_child
    variable seeded

    if {[interp eval $path {::namespace which -command ::tcl::mathfunc::srand}] ne ""} {
	interp eval $path [list ::trace remove execution \
		::tcl::mathfunc::srand enter $note_in_child]
    }
    if {[interp eval $path {::info exists ::tcl::prefork_interp_seeded}]} {
	interp eval $path {::unset ::tcl::prefork_interp_seeded}
	lappend seeded $path
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

# Note --
#
#	Begins.

proc ::prefork_interp::Note {} {
    variable given [Given]
    variable script [Absolute $::argv0]
    variable loaded [dict create [file join [info library] init.tcl] {}]
    variable watchers

    foreach {command operation note} $watchers {
	trace add execution $command $operation ::prefork_interp::$note
    }
    Reads begin
}
