/* The server library: what every language's runtime links and calls.
 *
 * A runtime calls prefork_server_adopt() when it is loaded, and prefork_server_run() where the script says that its
 * initialisation is complete.  prefork_server_run() returns once in every executor, with the call to install; the
 * processes that it leaves behind (setup, server) never return from it.
 *
 * Not thread-safe, and not to be called with more than one thread: prefork_server_run() refuses that. */
#ifndef PREFORK_SERVER_H
#define PREFORK_SERVER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

/* Why a function below failed: one line without newline, naming what, on what, why. */
struct prefork_error {
	char message[512];
};

/* Read the handshake from the environment variable PREFORK_INTERP, remove it there, and make its descriptors
 * close-on-exec, so that nothing which the script starts inherits them.  The first call counts; later ones return the
 * same answer.
 *
 * Returns 1 when started by prefork-interp, 0 when the script runs standalone, -1 when the variable is malformed
 * or its descriptors are not open (the variable is removed all the same). */
int prefork_server_adopt(struct prefork_error *error);

/* Before prefork_server_adopt(): remember how this process was executed, so that setup can be started again. */
void prefork_server_note_start(void);

/* In setup: start from the beginning, in this process, as the launcher has started it, with VARIABLE ("NAME=value") in
 * its environment.  What was written so far is forgotten.  Returns only when it can't be done: -1 with errno. */
int prefork_server_start_again(const char *variable);

/* Set one option from its text form.  Names and values:
 *
 *     max_servers   how many calls may run at once; negative: no limit
 *     idle_timeout  seconds without a call after which the server goes; negative: never
 *     max_errors    after how many errors of its own the server goes
 *     log_facility  syslog facility by name ("user", "LOG_DAEMON", "local3"); empty: no log
 *     min_gain      milliseconds that a call must gain by a server whose boundary the runtime found; negative: none
 *
 * An option that the caller gave on the #! line wins over one set here.  0, or -1. */
int prefork_server_option(const char *name, const char *value, struct prefork_error *error);

/* Also look at this file before each call, and start afresh when it differs from what it is now (device, inode, size,
 * mtime, ctime) or changed after the script was started.  A file that does not exist is watched for its appearing.
 * 0, or -1 when the path can't be examined (EACCES and the like) or memory is short. */
int prefork_server_watch_file(const char *path, struct prefork_error *error);

/* The same, of a directory that setup has looked for: start afresh when it has gone, or is another.  What it holds does
 * not count. */
int prefork_server_watch_directory(const char *path, struct prefork_error *error);

/* Setup has looked at the environment variable NAME, at the working directory, or at the umask: another call may be
 * served only if its own is the same as the first caller's.  The client of one that differs finds or makes another
 * server. 0, or -1 when memory is short. */
int prefork_server_depend_on_variable(const char *name, struct prefork_error *error);
void prefork_server_depend_on_directory(void);
void prefork_server_depend_on_umask(void);

/* Since prefork_server_adopt(), and while improve() loads, the library notes which variables are read from the memory
 * that `environ` points to, by whatever code, and depends on them.  A runtime that is about to read them all ends that
 * first.  0, or -1 when memory is short. */
int prefork_server_end_reads(struct prefork_error *error);

/* What has been read so far was the runtime's own: note reads from here on.  `environ` is replaced by a copy that is
 * the library's; for nobody to free. */
void prefork_server_begin_reads(void);

/* ---- Learning: what one call finds out, later servers and executors have ----
 *
 * A runtime may keep bytes of its own for each script, such as the modules that calls of it load.  When they have
 * changed and no call runs, the server forks a process that loads what is new (prefork_language's improve) and takes
 * the server's place; if it can't, everything stays as it is. */

#define PREFORK_LEARNED_MAX (256u << 10) /* bytes */

/* What was learned: malloc'ed, with a NUL behind its *LENGTH bytes.  NULL when there is nothing, or it can't be read.
 */
char *prefork_server_learned(size_t *length);

/* Learn these bytes in place of what was learned before.  In setup, in improve(), or in an executor.  0, or -1:
 * learning is not to be had (no run directory, a disk that is full), or another process is just learning. */
int prefork_server_learn(const char *bytes, size_t length);

/* Can calls be forked from this process as it is now?  After each thing that improve() has loaded, to find out which
 * one has started a thread or a child, opened what can't be shared, printed, changed the environment, the directory,
 * the umask, limits, timers or signals.  0, or -1 with *ERROR. */
int prefork_server_gate(struct prefork_error *error);

/* What is known of a caller before its call is forked. */
struct prefork_caller {
	mode_t umask;
	uint64_t ignored;   /* bit N-1: signal N is ignored */
	unsigned terminals; /* bit N: descriptor N (0, 1, 2) is a terminal */
};

/* How the language forks, and loads what was learned. */
struct prefork_language {
	/* Fork as the language's own fork() does, all its hooks run on both sides.  As fork(2): the child's process id, 0
	 * in the child, -1 with errno. */
	pid_t (*fork)(void *context);
	/* Load what was learned, in a process forked from the server that no call knows of.  Standard output and error
	 * lead nowhere.  0: it takes the server's place; -1: it ends; -2: it ends by an error of the runtime's, of which
	 * the last line that it printed tells.  NULL where nothing is learned. */
	int (*improve)(void *context);
	/* Why this caller can't have what setup has made, as one line that stays; NULL when it can.  It is then run plain.
	 * NULL where all can. */
	const char *(*declines)(void *context, const struct prefork_caller *caller);
	void *context;
	/* Not the script but its runtime has said where initialisation ends: where the server saves too little (option
	 * min_gain) it goes, and the script runs plain. */
	int found_boundary;
};

/* One call, in its executor.  The library has already installed descriptors, directory, umask, limits, process group,
 * signal dispositions and `environ`; all signals are still blocked; what the language keeps copies of is the runtime's
 * to renew.  The memory lives as long as the process. */
struct prefork_call {
	const char *script; /* argv[0] as this caller spelt it; NULL with a protocol 1 client: keep the present one */
	int argument_count;
	char **arguments;   /* without argv[0]; NULL-terminated */
	char **environment; /* the same as `environ`; NULL-terminated */
	unsigned closed;    /* bit N: descriptor N (0, 1, 2) is closed in the caller, and here */
	uint64_t ignored;   /* bit N-1: signal N is ignored in the caller, and here where it was at its default */
	sigset_t mask;      /* what the signal mask is to be: see prefork_server_unblock() */
	/* What setup wrote to standard output: to be written there by the language's own stream, before all else, so that
	 * it is buffered as this caller's output is.  What it wrote to standard error has been written. */
	const char *setup_output;
	size_t setup_output_length;
	/* The strings that ps(1) shows as this process's arguments, one behind the other, each with its NUL; they may be
	 * written over.  NULL where the kernel does not let us choose them. */
	char *command_line;
	size_t command_line_length;
	size_t command_area_length;     /* the same, and the environment's strings, which lie right behind */
	const struct itimerval *timers; /* setup's ITIMER_REAL, _VIRTUAL and _PROF, to be armed again */
};

/* Initialisation is complete.
 *
 * Standalone, returns 0 at once.  Otherwise the caller must have flushed the language's output buffers; the process
 * forks: the one that called exits 0 without running the language's exit handlers, its child becomes the server
 * and serves until it is idle, stale, or its socket is gone.  In every executor it returns 1 with *CALL filled.
 *
 * Returns -1, in the process that called, when no server can be made (more than one thread, no memory, fork failed). */
int prefork_server_run(const struct prefork_language *language, struct prefork_call *call, struct prefork_error *error);

/* The last step of installing a call: arm setup's timers again, and give the executor its signal mask.  What arrived
 * since the call began is delivered now, to the script as it would find itself in a fresh run. */
void prefork_server_unblock(const struct prefork_call *call);

#endif
