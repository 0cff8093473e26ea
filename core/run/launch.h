/* Between client and launcher: how prefork-launch is called, and what its exit status says.  Private to one version. */
#ifndef PREFORK_LAUNCH_H
#define PREFORK_LAUNCH_H

/* The launcher's arguments.  Those after LAUNCH_SCRIPT's place are the script's; NAME is followed by as many of
 * the interpreter's own arguments as LAUNCH_COUNT says, then by the script as the caller spelt it. */
enum launch_argument {
	LAUNCH_VERSION = 1, /* PACKAGE_VERSION of the client: another one is refused */
	LAUNCH_MODE,        /* LAUNCH_MODE_... */
	LAUNCH_CALL,        /* number of the inherited descriptor of the call socket's server end; "-" with --kill */
	LAUNCH_KEY,         /* see core/client/key.h */
	LAUNCH_BASE,        /* the key without what a server of this script is seen to depend on: see lock_note() */
	LAUNCH_LEARNED,     /* the key of what was learned */
	LAUNCH_SESSION,     /* LAUNCH_SESSION_... */
	LAUNCH_BOUNDARY,    /* LAUNCH_BOUNDARY_... */
	LAUNCH_OPTIONS,     /* server options for the handshake, "name=value,..." or empty */
	LAUNCH_COUNT,       /* of the interpreter's own arguments */
	LAUNCH_INTERPRETER, /* absolute path */
	LAUNCH_NAME,        /* as spelt; first of the variable part */
};

#define LAUNCH_MODE_START "start"
#define LAUNCH_MODE_START_UNLAUNDERED "start-unlaundered" /* -U: setup gets the script's arguments */
#define LAUNCH_MODE_FRESH "fresh"                         /* -f: put an existing server aside first */
#define LAUNCH_MODE_FRESH_UNLAUNDERED "fresh-unlaundered"
#define LAUNCH_MODE_KILL "kill" /* --kill: put an existing server aside, start none */

#define LAUNCH_BOUNDARY_USUAL "usual" /* where a script does not say where initialisation ends, the plugin does */
#define LAUNCH_BOUNDARY_SPLIT "split" /* later: the script's own first lines run ahead too */

#define LAUNCH_SESSION_OWN "own"       /* the server stays in the caller's session */
#define LAUNCH_SESSION_SHARED "shared" /* it is a daemon */

enum launch_status {
	LAUNCH_SERVED = 0,     /* a server holds the other end of the call socket */
	LAUNCH_CONNECT = 3,    /* another launcher was first: connect */
	LAUNCH_PLAIN = 4,      /* can't be served: run the plain interpreter */
	LAUNCH_KILLED = 5,     /* --kill: there is no server now */
	LAUNCH_NOT_KILLED = 6, /* --kill: can't, and why has been said on standard error */
};

/* Access time, in seconds, of the file that is setup's standard input, as long as nobody has read it. */
#define LAUNCH_UNREAD 1

/* Environment variables that client and launcher read. */
#define PREFORK_ENV_DEBUG "PREFORK_INTERP_DEBUG"
#define PREFORK_ENV_DISABLE "PREFORK_INTERP_DISABLE"
#define PREFORK_ENV_RUNDIR "PREFORK_INTERP_RUNDIR"

#endif
