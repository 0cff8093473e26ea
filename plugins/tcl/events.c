/* What waits for events: Tcl's notifier thread, which no fork takes along, and timers, which are set for a time of day
 * that may be long past when a call begins. */
#include "runtime.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tcl's own descriptors have the lowest numbers that were free. */
#define DESCRIPTORS 1024

/* How Tcl 8.6 keeps what `after` has set; that is not public. */
#define AFTER_TABLE "tclAfter"

struct after {
	struct after_table *table;
	Tcl_Obj *command;
	int number;           /* its identifier is after#NUMBER */
	Tcl_TimerToken token; /* NULL: to be run when idle */
	struct after *next;   /* the youngest is the first */
};

struct after_table {
	Tcl_Interp *interp;
	struct after *first;
};

static struct timer {
	struct after *after;
	int milliseconds; /* that it has left */
} *timers;            /* the youngest is the first */
static int timer_count;

static int had_thread;

/* How many threads this process has; 0 when that can't be found out. */
static int thread_count(void) {
	struct stat tasks;

	/* Its links are "." and "..", and one to each thread's folder. */
	return stat("/proc/self/task", &tasks) == 0 ? (int)tasks.st_nlink - 2 : 0;
}

/* For which descriptors is there an error?  One is that of a pipe which nobody reads. */
static void look_for_errors(struct pollfd *fds) {
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		fds[fd] = (struct pollfd){.fd = fd};
	if (poll(fds, DESCRIPTORS, 0) < 0)
		memset(fds, 0, DESCRIPTORS * sizeof *fds);
}

/* Waiting for events once (vwait, update) starts the thread.  Other threads are the library's to refuse. */
static void stop_thread(void) {
	static struct pollfd before[DESCRIPTORS], after[DESCRIPTORS];
	struct stat st;

	had_thread = thread_count() != 1;
	if (!had_thread)
		return;
	look_for_errors(before);
	Tcl_FinalizeNotifier(NULL); /* waits for the thread's end; Unix has no use for the argument */
	Tcl_InitNotifier();
	look_for_errors(after);
	/* Tcl asks the thread to end, and closes its own end of their pipe then: if the thread is the first, it forgets to
	 * close it. */
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (!before[fd].revents && after[fd].revents == POLLERR && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
			close(fd);
}

static struct after *first_after(Tcl_Interp *interp) {
	struct after_table *table = Tcl_GetAssocData(interp, AFTER_TABLE, NULL);

	return table ? table->first : NULL;
}

/* The time that it has left, or -1. */
static int time_left(const struct after *a, Tcl_Obj *due) {
	Tcl_Obj *key = Tcl_ObjPrintf("after#%d", a->number), *value = NULL;
	Tcl_WideInt at = 0, left;
	Tcl_Time now;
	int known;

	Tcl_IncrRefCount(key);
	known = Tcl_DictObjGet(NULL, due, key, &value) == TCL_OK && value &&
	        Tcl_GetWideIntFromObj(NULL, value, &at) == TCL_OK;
	Tcl_DecrRefCount(key);
	if (!known)
		return -1;
	Tcl_GetTime(&now);
	left = at - ((Tcl_WideInt)now.sec * 1000 + now.usec / 1000);
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static int timer_error(Tcl_Interp *interp, const struct after *a) {
	char name[32];

	snprintf(name, sizeof name, "after#%d", a->number);
	return runtime_error(interp, "TIMER", name, "initialisation has set a timer that can't be set again in a call");
}

static int note_timers(Tcl_Interp *interp, Tcl_Obj *due) {
	int count = 0;

	for (struct after *a = first_after(interp); a; a = a->next)
		count++;
	if (!count)
		return TCL_OK;
	timers = (struct timer *)ckalloc((unsigned)count * sizeof *timers);
	for (struct after *a = first_after(interp); a; a = a->next) {
		struct timer *t = &timers[timer_count];

		if (!a->token)
			continue;
		*t = (struct timer){a, time_left(a, due)};
		if (t->milliseconds < 0)
			return timer_error(interp, a);
		timer_count++;
	}
	return TCL_OK;
}

int events_take(const struct interpreters *all, Tcl_Obj *due) {
	for (int i = 1; i < all->count; i++)
		for (struct after *a = first_after(all->at[i]); a; a = a->next)
			if (a->token)
				return timer_error(all->at[0], a);
	if (note_timers(all->at[0], due) != TCL_OK)
		return TCL_ERROR;
	stop_thread();
	return TCL_OK;
}

/* What Tcl does when a timer of `after` is due. */
static void run_timer(ClientData data) {
	struct after *a = data, **link = &a->table->first;
	Tcl_Interp *interp = a->table->interp;
	int code;

	while (*link != a)
		link = &(*link)->next;
	*link = a->next;
	Tcl_Preserve(interp);
	code = Tcl_EvalObjEx(interp, a->command, TCL_EVAL_GLOBAL);
	if (code != TCL_OK) {
		Tcl_AddErrorInfo(interp, "\n    (\"after\" script)");
		Tcl_BackgroundException(interp, code);
	}
	Tcl_Release(interp);
	Tcl_DecrRefCount(a->command);
	ckfree((char *)a);
}

/* The oldest first: of two that are due at one time it is the first to run. */
void events_install(void) {
	for (int i = timer_count - 1; i >= 0; i--) {
		struct timer *t = &timers[i];

		Tcl_DeleteTimerHandler(t->after->token);
		t->after->token = Tcl_CreateTimerHandler(t->milliseconds, run_timer, t->after);
	}
}

void events_start(void) {
	Tcl_Time none = {0, 0};

	if (had_thread)
		Tcl_WaitForEvent(&none);
}
