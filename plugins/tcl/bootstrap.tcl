# bootstrap.tcl --
#
#	What tclsh runs in the place of a script that marks no boundary of its
#	own.  The runtime takes over when this file has been evaluated; it
#	makes no command, variable or namespace, and is itself not to be seen
#	by `info loaded`.

load [file join [file dirname [info script]] libprefork_interp.so] Prefork_unmarked
unload [file join [file dirname [info script]] libprefork_interp.so] Prefork_unmarked
