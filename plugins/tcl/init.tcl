# init.tcl --
#
#	What setup's Tcl reads in the place of its library's init.tcl, before
#	the script: the plugin has put this directory into TCL_LIBRARY.  It
#	makes the package known without a search, which a fresh run would not
#	make, reads the library's, and begins to note what the script does.

unset ::env(TCL_LIBRARY)
set ::tcl_library [::tcl::pkgconfig get scriptdir,runtime]
if {![file isfile [file join $::tcl_library init.tcl]]} {
    # A Tcl that looks for its library elsewhere.  Setup fails by that.
    exit 1
}
apply {{directory} {
    source [file join $directory prefork_interp.tcl]
    source [file join $directory note.tcl]
}} [file dirname [file normalize [info script]]]
package ifneeded prefork_interp @VERSION@ ::prefork_interp::Adopt
source [file join $::tcl_library init.tcl]
::prefork_interp::Note
