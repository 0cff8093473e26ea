/* The key: which calls may share a server. */
#ifndef PREFORK_KEY_H
#define PREFORK_KEY_H

#include "../run/rundir.h"
#include "../wire/buf.h"
#include "interpreter.h"
#include "session.h"
#include "words.h"

#include <stddef.h>

/* Append everything that may not differ between two calls of one server, as "name=value" strings:
 *
 *     our version and options; the session, where the server is one's own; the interpreter's path, name as spelt and
 * arguments, the script's absolute path as spelt user and group ids, groups, capabilities, securebits, no_new_privs,
 * seccomp, dumpable root directory, namespaces, hard limits, scheduling, nice value, I/O priority, affinity,
 * personality, security label environment that shapes the interpreter's start: LANG, LANGUAGE, LC_*, HOME, LD_*,
 * GLIBC_TUNABLES, MALLOC_*, VIRTUAL_ENV, and what begins with the interpreter's own name (python3: PYTHON*, perl:
 * PERL*, tclsh: TCL*) where the interpreter is itself a script (pyenv, asdf): the directory, the managers' variables,
 * and what their files that choose a version are (device, inode, size, mtime, ctime)
 *
 * With -g NAME only the version, the name and the session.  0, or -1 with errno. */
int key_ingredients(struct buf *b, const struct words *w, const struct interpreter *interpreter,
                    const struct session *session);

/* Append what a server depends on besides: LENGTH bytes of strings as WIRE_DIFFERS has them, each with the value that it
 * has here.  0, or -1 with errno. */
int key_differs(struct buf *b, const char *strings, size_t length);

/* The key of these bytes: RUNDIR_KEY_LENGTH hexadecimal digits. */
void key_hash(const void *bytes, size_t n, char key[RUNDIR_KEY_LENGTH + 1]);

#endif
