# A Tcl program with heavy imports and little to do: STATUS WORD... -> one line of JSON, and that exit status.
package require http
package require msgcat
package require opt
package require platform
clock format 0 -format {%c} -timezone :UTC ;# loads the clock's own scripts and tables

if {[info exists env(PREFORK_INTERP)]} { ;# only where prefork-interp starts the script: plain runs load nothing more
    package require prefork_interp
    prefork_interp::initialisation_complete
}

proc json_string {word} {
    return "\"[string map {\\ \\\\ \" \\\"} $word]\""
}

set words [lassign $argv status]
puts "{\"count\": [llength $words], \"words\": \[[join [lmap word $words {json_string $word}] {, }]\]}"
exit $status
