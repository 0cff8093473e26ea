# init.tcl --
#
#	What setup's Tcl reads in the place of its library's init.tcl, before
#	the script: the plugin has put this directory into TCL_LIBRARY.  It
#	makes the package known without a search, which a fresh run would not
#	make, begins to note what the script does, and reads the library's.

unset ::env(TCL_LIBRARY)
set ::tcl_library [::tcl::pkgconfig get scriptdir,runtime]
if {![file isfile [file join $::tcl_library init.tcl]]} {
    # A Tcl that looks for its library elsewhere.  Setup fails by that.
    exit 1
}
apply {{dir} {
    source [file join $dir pkgIndex.tcl]
    source [file join $dir note.tcl]
}} [file dirname [file normalize [info script]]]
source [file join $::tcl_library init.tcl]
