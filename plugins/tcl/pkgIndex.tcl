# Tells `package require` where prefork_interp is.
package ifneeded prefork_interp @VERSION@ \
	"[list source [file join $dir prefork_interp.tcl]]; ::prefork_interp::Adopt"
