/* What the C files of the Tcl runtime share. */
#ifndef PREFORK_TCL_RUNTIME_H
#define PREFORK_TCL_RUNTIME_H

#include "server/prefork-server.h"

#include <tcl.h>

/* The script's interpreters: the first is the main one, each stands before its children. */
struct interpreters {
	int count;
	Tcl_Interp **at;
};

/* Leave MESSAGE as the result and {PREFORK_INTERP CODE ?WHAT?} as the error code.  Returns TCL_ERROR. */
int runtime_error(Tcl_Interp *interp, const char *code, const char *what, const char *message);

/* Take the handshake out of the environment: 1 when started by prefork-interp, 0 standalone, -1 with a message in
 * INTERP. */
int runtime_adopt(Tcl_Interp *interp);

/* Become the server.  TCL_OK in each executor, with its call installed; TCL_ERROR, with a message in the first of ALL,
 * when no server can be made.  IMPROVE: see struct prefork_language; its context is that interpreter. */
int runtime_serve(const struct interpreters *all, int (*improve)(void *context));

/* Evaluate a command at global level: up to four words, the last ones NULL.  As Tcl_EvalObjv(). */
int runtime_call(Tcl_Interp *interp, Tcl_Obj *first, Tcl_Obj *second, Tcl_Obj *third, Tcl_Obj *fourth);

/* ---- notes.c: what initialisation does and looks at ---- */

/* Before a marked script: see to what it does, until tripwire_stop(). */
void notes_begin(Tcl_Interp *interp);

/* TCL_ERROR, with a message, when it has looked at what no server can depend on. */
int notes_check(Tcl_Interp *interp);

/* Has it gone to another directory? */
int notes_moved(void);

/* To one that is the same for all callers? */
int notes_moved_absolute(void);

/* Has it set -translation of the standard channel NUMBER? */
int notes_translated(int number);

/* Has it chosen INTERP's sequence of rand()? */
int notes_seeded(Tcl_Interp *interp);

/* The milliseconds that the timer after#NUMBER has left; -1 where `after` did not make it. */
int notes_time_left(int number);

/* ---- channels.c: stdin, stdout and stderr ---- */

/* When the package is loaded: note which files descriptors 0 to 2 are. */
void channels_adopt(void);

/* At the boundary, in setup: note what the script has done to the channels, and let go of them.  TCL_ERROR, with a
 * message in the main interpreter, when it has put another file, or a transformation, in the place of one. */
int channels_take(const struct interpreters *all);

/* In the server, when more was loaded: let go of them if Tcl has made them only now, on what 0 to 2 are now. */
int channels_take_later(const struct interpreters *all);

/* In the executor, whose descriptors 0 to 2 are now the caller's, but for those of which CALL->closed has the bit: make
 * the channels as a fresh tclsh would, do to them again what the script has done, and give stdout CALL->setup_output.
 * With CALL NULL, in a setup that no server comes of: only make them.
 * TCL_ERROR, with the message in the main interpreter, when that output can't be written. */
int channels_install(const struct interpreters *all, const struct prefork_call *call);

/* ---- events.c: what waits for events ---- */

/* At the boundary, in setup: end Tcl's thread, and note how much time the timers of `after` have left.  TCL_ERROR, with
 * a message in the main interpreter, when that is not known of one. */
int events_take(const struct interpreters *all);

/* In the executor: let that time begin. */
void events_install(void);

/* Last of all, with signals no longer blocked: start the thread, if it was there. */
void events_start(void);

#endif
