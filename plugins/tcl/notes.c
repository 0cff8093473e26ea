/* What a marked script's initialisation does that can't be seen afterwards, and has to be done again in each call. */
#include "rules.h"
#include "runtime.h"
#include "tripwire.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

static int begun;
static char *asked;            /* what no server can depend on was looked at */
static int has_moved;          /* by `cd`, to a directory that is the same for all */
static int has_moved_relative; /* or to one that is not */
static unsigned translated;    /* bit N: -translation of the standard channel N was set */
static Tcl_HashTable due;    /* of timers: their numbers are the keys, pointers to milliseconds since 1970 the values */
static Tcl_HashTable seeded; /* interpreters in which srand() was called */

/* ---- Commands ---- */

static Tcl_WideInt now(void) {
	Tcl_Time time;

	Tcl_GetTime(&time);
	return (Tcl_WideInt)time.sec * 1000 + time.usec / 1000;
}

static int after_done(ClientData data[], Tcl_Interp *interp, int result) {
	static const char prefix[] = "after#";
	const char *name = Tcl_GetStringResult(interp);
	Tcl_WideInt *when = data[0];
	int number, is_new;

	if (result == TCL_OK && strncmp(name, prefix, strlen(prefix)) == 0 &&
	    Tcl_GetInt(NULL, name + strlen(prefix), &number) == TCL_OK)
		Tcl_SetHashValue(Tcl_CreateHashEntry(&due, (char *)(intptr_t)number, &is_new), when);
	else
		ckfree((char *)when);
	return result;
}

void note_after(const struct use *u) {
	Tcl_WideInt milliseconds, *when;

	if (u->count < 3 || Tcl_GetWideIntFromObj(NULL, u->words[1], &milliseconds) != TCL_OK)
		return;
	when = (Tcl_WideInt *)ckalloc(sizeof *when);
	*when = now() + milliseconds;
	Tcl_NRAddCallback(u->interp, after_done, when, NULL, NULL, NULL);
}

static int cd_done(ClientData data[], Tcl_Interp *interp, int result) {
	(void)interp;
	if (result == TCL_OK)
		*(int *)data[0] = 1;
	return result;
}

void note_cd(const struct use *u) {
	int relative = u->count > 1 && Tcl_FSGetPathType(u->words[1]) == TCL_PATH_RELATIVE;

	Tcl_NRAddCallback(u->interp, cd_done, relative ? &has_moved_relative : &has_moved, NULL, NULL, NULL);
}

static int is_one_of(const char *const *names, const char *word) {
	for (; *names; names++)
		if (strcmp(*names, word) == 0)
			return 1;
	return 0;
}

void note_fconfigure(const struct use *u) {
	static const char *const standard[] = {"stdin", "stdout", "stderr", NULL};
	/* The others tell a terminal from a file, and so does the list of all. */
	static const char *const alike[] = {"-blocking", "-buffering", "-buffersize", "-encoding", "-eofchar", NULL};
	int number = 0;

	while (u->count > 1 && standard[number] && strcmp(standard[number], Tcl_GetString(u->words[1])) != 0)
		number++;
	if (u->count < 2 || !standard[number])
		return;
	if (u->count < 4 && (u->count == 2 || !is_one_of(alike, Tcl_GetString(u->words[2]))))
		tripwire_trip("a standard channel's kind", NULL);
	for (int i = 2; i + 1 < u->count; i += 2)
		if (strncmp(Tcl_GetString(u->words[i]), "-translation", strlen(Tcl_GetString(u->words[i]))) == 0)
			translated |= 1u << number;
}

/* note.tcl's Note is called with the command's words. */
void note_in_tcl(const struct use *u) {
	Tcl_InterpState state = Tcl_SaveInterpState(u->interp, TCL_OK);

	if (!Tcl_GetMaster(u->interp) && runtime_call(u->interp, Tcl_ObjPrintf("::prefork_interp::Note_%s", u->rule->name),
	                                              Tcl_NewListObj(u->count, u->words), NULL, NULL) != TCL_OK)
		Tcl_BackgroundException(u->interp, TCL_ERROR);
	Tcl_RestoreInterpState(u->interp, state);
}

void note_srand(const struct use *u) {
	int is_new;

	Tcl_CreateHashEntry(&seeded, (char *)u->interp, &is_new);
}

/* ---- */

static void note_asked(const char *what) {
	if (asked)
		ckfree(asked);
	asked = memcpy(ckalloc((unsigned)strlen(what) + 1), what, strlen(what) + 1);
}

void notes_begin(Tcl_Interp *interp) {
	static const struct tripwire wire = {.tripped = note_asked, .marked = 1};

	begun = 1;
	Tcl_InitHashTable(&due, TCL_ONE_WORD_KEYS);
	Tcl_InitHashTable(&seeded, TCL_ONE_WORD_KEYS);
	tripwire_adopt(interp);
	tripwire_start(&wire);
}

int notes_check(Tcl_Interp *interp) {
	struct prefork_error error;

	if (asked) {
		snprintf(error.message, sizeof error.message, "initialisation has looked at %s", asked);
		return runtime_error(interp, "LOOK", asked, error.message);
	}
	return TCL_OK;
}

int notes_moved(void) {
	return has_moved || has_moved_relative;
}

int notes_moved_absolute(void) {
	return has_moved;
}

int notes_translated(int number) {
	return (int)(translated >> number & 1);
}

int notes_seeded(Tcl_Interp *interp) {
	return begun && Tcl_FindHashEntry(&seeded, (char *)interp) != NULL;
}

int notes_time_left(int number) {
	Tcl_HashEntry *entry = begun ? Tcl_FindHashEntry(&due, (char *)(intptr_t)number) : NULL;
	Tcl_WideInt left;

	if (!entry)
		return -1;
	left = *(Tcl_WideInt *)Tcl_GetHashValue(entry) - now();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
