/* The key: which calls may share a server. */
#ifndef PREFORK_KEY_H
#define PREFORK_KEY_H

#include "../run/rundir.h"
#include "../wire/buf.h"
#include "interpreter.h"
#include "session.h"
#include "words.h"

#include <stddef.h>

/* Append everything that may not differ between two calls of one server, as "name=value" strings, but for the session:
 *
 *     our version and options
 *     the interpreter's path, name as spelt and arguments, the script's absolute path as spelt
 *     user and group ids, groups, capabilities, securebits, no_new_privs, seccomp, dumpable
 *     root directory, namespaces, cgroup, hard limits, soft stack limit, scheduling, nice value, I/O priority,
 *     affinity, personality, security label, OOM score, timer slack
 *     environment that shapes the interpreter's start: LANG, LANGUAGE, LC_*, LOCPATH, NLSPATH, TZDIR, HOME, LD_*,
 *     GLIBC_TUNABLES, MALLOC_*, VIRTUAL_ENV, and what begins with the interpreter's own name
 *     (python3: PYTHON*, perl: PERL*, tclsh: TCL*)
 *     where the interpreter is itself a script (pyenv, asdf): the directory, the managers' variables, and what
 *     their files that choose a version are (device, inode, size, mtime, ctime)
 *
 * With -g NAME only the version and the name.  0, or -1 with errno. */
int key_ingredients(struct buf *b, const struct words *w, const struct interpreter *interpreter);

/* Append the session, where its server is one's own. */
void key_session(struct buf *b, const struct session *session);

/* Append what a server depends on besides: LENGTH bytes of strings as WIRE_DIFFERS has them, each with the value that
 * it has here.  0, or -1 with errno. */
int key_differs(struct buf *b, const char *strings, size_t length);

/* The key of these bytes: RUNDIR_KEY_LENGTH hexadecimal digits. */
void key_hash(const void *bytes, size_t n, char key[RUNDIR_KEY_LENGTH + 1]);

#endif
