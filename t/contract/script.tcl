#!/usr/bin/prefork-interp -- tclsh
# The contract script in Tcl: one behaviour per first argument, the same in every language.
set VERSION_MARK "one"

package require prefork_interp

set random [open /dev/urandom rb]
set nonce [binary encode hex [read $random 8]]
close $random

# --- what the verbs have in common ---

proc bytes_in_hex {text} {
    return [binary encode hex [encoding convertto $text]]
}

proc read_file {path} {
    set file [open $path]
    set text [read $file]
    close $file
    return $text
}

proc write_atomically {path text} {
    set file [open $path.new w]
    puts -nonewline $file $text
    close $file
    file rename -force $path.new $path
}

# The value of NAME in this process's status.
proc status_field {name} {
    if {![regexp -line "^$name:\\s*(\\S+)\$" [read_file /proc/self/status] -> value]} {
	error "/proc/self/status has no $name"
    }
    return $value
}

# The numbers of the signals in a mask of the process's status.
proc signals_in {field} {
    scan [status_field $field] %llx mask
    set numbers {}
    for {set number 1} {$number <= 64} {incr number} {
	if {$mask >> ($number - 1) & 1} {
	    lappend numbers $number
	}
    }
    return $numbers
}

# Without a thread for the event loop, and so that any signal ends it.
proc wait_for_ever {} {
    while 1 {
	after 1000000
    }
}

# Run a program on our standard channels; its exit status.
proc run {args} {
    if {[catch {exec {*}$args <@stdin >@stdout 2>@stderr} message options]} {
	set code [dict get $options -errorcode]
	if {[lindex $code 0] eq "CHILDSTATUS"} {
	    return [lindex $code 2]
	}
	return -options $options $message
    }
    return 0
}

# --- the verbs ---

proc verb_args {args} {
    foreach word $args {
	puts [bytes_in_hex $word]
    }
}

proc verb_script {} {
    puts [bytes_in_hex $::argv0]
}

proc verb_env {name} {
    puts [expr {[info exists ::env($name)] ? [bytes_in_hex $::env($name)] : "unset"}]
}

proc verb_environ {} {
    set lines [lmap {name value} [array get ::env] {bytes_in_hex $name=$value}]
    foreach line [lsort $lines] {
	puts $line
    }
}

proc verb_cenv {name} {
    exit [run printenv $name]
}

proc verb_cwd {} {
    puts [pwd]
}

proc verb_umask {} {
    puts [format %04o [scan [status_field Umask] %o]]
}

proc verb_cat {} {
    fconfigure stdin -translation binary
    fconfigure stdout -translation binary
    fcopy stdin stdout
}

proc verb_out {text} {
    puts -nonewline $text
}

proc verb_err {text} {
    puts -nonewline stderr $text
}

proc verb_both {} {
    foreach {channel text} {stdout o1 stderr e1 stdout o2 stderr e2} {
	puts -nonewline $channel $text
	flush $channel
    }
}

proc verb_readline {} {
    puts [gets stdin]
}

proc verb_fds {} {
    set numbers {}
    foreach entry [glob -directory /proc/self/fd *] {
	# The listing's own is gone by now.
	if {![catch {file readlink $entry}]} {
	    lappend numbers [file tail $entry]
	}
    }
    puts [lsort -integer $numbers]
}

proc verb_closed {path} {
    set states [lmap number {0 1 2} {
	expr {[catch {file readlink /proc/self/fd/$number}] ? "closed" : "open"}
    }]
    set file [open $path w]
    puts $file $states
    close $file
}

proc verb_exit {status} {
    exit $status
}

proc verb_die {} {
    error "contract death"
}

proc verb_signal {name} {
    exec sh -c "kill -$name [pid]"
    wait_for_ever
}

proc verb_pid {} {
    regexp {^(\d+) \(.*\) \S (\d+) (\d+) (\d+)} [read_file /proc/self/stat] -> pid parent group session
    puts "$pid $parent $group $session"
}

proc verb_spawn {path} {
    set child [exec sleep 1000 </dev/null >/dev/null 2>/dev/null &]
    write_atomically $path "[pid] $child\n"
    wait_for_ever
}

# Tcl has no signal handlers.
proc verb_trap {path signal} {
    puts unsupported
    exit 77
}

proc verb_ignore {path} {
    puts unsupported
    exit 77
}

proc verb_wait {path fifo} {
    write_atomically $path [pid]
    set file [open $fifo]
    read $file
    close $file
    exit 0
}

proc verb_nest {depth} {
    if {$depth == 0} {
	puts bottom
	exit 5
    }
    exit [run [file join . $::argv0] nest [expr {$depth - 1}]]
}

proc verb_count {} {
    puts $::nonce
}

proc verb_version {} {
    puts $::VERSION_MARK
}

# By the options that Tcl gives a channel on a terminal, so that it is the channel that is asked.
proc verb_tty {} {
    puts [lmap channel {stdin stdout stderr} {
	expr {![catch {fconfigure $channel} options] && [dict exists $options -mode] ? "tty" : "no"}
    }]
}

proc verb_limits {} {
    regexp -line {^Max open files\s+(\S+)} [read_file /proc/self/limits] -> soft
    puts $soft
}

proc verb_ignored {} {
    puts [signals_in SigIgn]
}

proc verb_blocked {} {
    puts [signals_in SigBlk]
}

# --- initialisation ---

proc act {words} {
    if {$words ne ""} {
	set rest [lassign $words verb]
	verb_$verb {*}$rest
    }
}

switch [expr {[info exists env(CONTRACT_SETUP)] ? $env(CONTRACT_SETUP) : ""}] {
    die {
	error "contract death in setup"
    }
    exit3 {
	exit 3
    }
    never {
	act $argv
	exit 0
    }
    hang {
	wait_for_ever
    }
    noise {
	puts setup-out
	puts stderr setup-err
    }
}

set options {}
foreach {option variable} {-idle_timeout CONTRACT_IDLE_TIMEOUT -max_servers CONTRACT_MAX_SERVERS} {
    if {[info exists env($variable)]} {
	lappend options $option $env($variable)
    }
}
prefork_interp::initialisation_complete {*}$options

act $argv
