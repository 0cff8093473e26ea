# init.tcl --
#
#	What setup's Tcl reads in the place of its library's init.tcl, before
#	the script: the plugin has put this directory into TCL_LIBRARY.  It
#	loads the package and the library's init.tcl, and begins to note what
#	the script does.  A search for the package, which a fresh run would not
#	make, is not needed then.

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
source [file join $::tcl_library init.tcl]
::prefork_interp::Note
