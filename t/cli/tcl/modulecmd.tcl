package: environment-modules
program: /usr/lib/x86_64-linux-gnu/modulecmd.tcl
version: sh --version
help: sh --help
job: sh load ./towns/1.2
job: sh avail
environment: MODULEPATH=modules
environment: MODULES_PAGER=cat
--- modules/towns/1.2
#%Module1.0
module-whatis "tells about towns"
prepend-path PATH /opt/towns/bin
setenv TOWNS 1.2
--- towns/1.2
#%Module1.0
prepend-path PATH /opt/towns/bin
setenv TOWNS 1.2
