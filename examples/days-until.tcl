#!/usr/bin/prefork-interp -- tclsh
# How many days are there until a date?
#
#	days-until.tcl 2030-01-01
#	days-until.tcl -locale de -from 2029-12-24 2030-01-01
#	days-until.tcl -fields 2030-01-01	as the fields of a web form
#
# The packages and the clock's tables take far longer to load than the answer to find.

package require http
package require msgcat
package require opt
package require prefork_interp

namespace import ::msgcat::mc ::msgcat::mcset

foreach {locale today tomorrow later earlier} {
    {} "%s is today." "%s is tomorrow." "%s is in %d days." "%s was %d days ago."
    de "%s ist heute." "%s ist morgen." "%s ist in %d Tagen." "%s war vor %d Tagen."
    fr "C'est aujourd'hui, %s." "C'est demain, %s." "%s, c'est dans %d jours." "%s, c'était il y a %d jours."
} {
    foreach name {today tomorrow later earlier} {
	mcset $locale $name [set $name]
    }
}

# The number of the day that begins with this date.
proc day_number {date} {
    return [clock format [clock scan $date -format %Y-%m-%d -timezone :UTC] -format %J -timezone :UTC]
}

::tcl::OptProc days_until {
    {-locale -string "" "language of the answer; else the environment's"}
    {-from   -string "" "the day to count from, YYYY-MM-DD; else today"}
    {-fields            "answer as the fields of a web form"}
    {date    -string    "the day, YYYY-MM-DD"}
} {
    if {$locale ne ""} {
	msgcat::mclocale $locale
    }
    if {$from eq ""} {
	set from [clock format [clock seconds] -format %Y-%m-%d]
    }
    set days [expr {[day_number $date] - [day_number $from]}]
    if {$fields} {
	return [http::formatQuery date $date days $days]
    }
    set name [expr {$days == 0 ? "today" : $days == 1 ? "tomorrow" : $days > 1 ? "later" : "earlier"}]
    return [format [mc $name] $date [expr {abs($days)}]]
}

day_number 2000-01-01 ;# loads what the clock reads

prefork_interp::initialisation_complete

if {[catch {days_until {*}$argv} answer]} {
    puts stderr "$argv0: $answer"
    exit 2
}
puts $answer
