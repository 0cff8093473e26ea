/* What waits for events: Tcl's notifier thread, which no fork takes along, and timers, which are set for a time of day
 * that may be long past when a call begins. */
#include "runtime.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
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
} * timers;           /* of all interpreters; the oldest is the first */
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

static int timer_error(Tcl_Interp *interp, const struct after *a) {
	char name[32];

	snprintf(name, sizeof name, "after#%d", a->number);
	return runtime_error(interp, "TIMER", name, "initialisation has set a timer that can't be set again in a call");
}

static int note_timers(Tcl_Interp *main, Tcl_Interp *interp) {
	for (struct after *a = first_after(interp); a; a = a->next) {
		struct timer t = {a, a->token ? notes_time_left(a->number) : 0};

		if (!a->token)
			continue;
		if (t.milliseconds < 0)
			return timer_error(main, a);
		timers = (struct timer *)ckrealloc((char *)timers, (unsigned)(timer_count + 1) * sizeof *timers);
		timers[timer_count++] = t;
	}
	return TCL_OK;
}

/* Numbers rise with age. */
static int by_number(const void *a, const void *b) {
	const struct timer *x = a, *y = b;

	return x->after->number - y->after->number;
}

int events_take(const struct interpreters *all) {
	for (int i = 0; i < all->count; i++)
		if (note_timers(all->at[0], all->at[i]) != TCL_OK)
			return TCL_ERROR;
	if (timer_count)
		qsort(timers, (size_t)timer_count, sizeof *timers, by_number);
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
	for (int i = 0; i < timer_count; i++) {
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
