/* The key: see key.h. */
#define _GNU_SOURCE
#include "key.h"

#include "../wire/fd.h"
#include "../wire/wire.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>

extern char **environ;

/* Scheduling classes of ioprio_get(2), which the C library has no name for. */
#define IOPRIO_WHO_PROCESS 1
/* capget(2), version 3: kernel headers are not there for every C library. */
#define CAPABILITY_VERSION 0x20080522u
#define CAPABILITY_WORDS 2
#define LANGUAGE_PREFIX_MAX 32

struct capability_header {
	uint32_t version;
	int pid;
};

struct capability_data {
	uint32_t effective, permitted, inheritable;
};

static void add(struct buf *b, const char *name, const char *value) {
	buf_put(b, name, strlen(name));
	buf_put(b, "=", 1);
	buf_put_string(b, value);
}

static void add_numbers(struct buf *b, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void add_numbers(struct buf *b, const char *name, const char *format, ...) {
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	add(b, name, text);
}

static void add_identity(struct buf *b) {
	struct capability_header header = {.version = CAPABILITY_VERSION};
	struct capability_data caps[CAPABILITY_WORDS] = {{0}};
	uid_t r, e, s;
	gid_t groups[NGROUPS_MAX];
	uint64_t bounding = 0;
	int n;

	getresuid(&r, &e, &s);
	add_numbers(b, "uid", "%u %u %u", r, e, s);
	getresgid(&r, &e, &s);
	add_numbers(b, "gid", "%u %u %u", r, e, s);
	n = getgroups(NGROUPS_MAX, groups);
	for (int i = 0; i < n; i++)
		add_numbers(b, "group", "%u", groups[i]);
	syscall(SYS_capget, &header, caps);
	for (int i = 0; i < CAPABILITY_WORDS; i++)
		add_numbers(b, "cap", "%x %x %x", caps[i].effective, caps[i].permitted, caps[i].inheritable);
	for (int c = 0; c < 64; c++) {
		int has = prctl(PR_CAPBSET_READ, c, 0, 0, 0);

		if (has < 0)
			break;
		bounding |= (uint64_t)has << c;
	}
	add_numbers(b, "bounding", "%llx", (unsigned long long)bounding);
	/* A capability can be ambient only where it is inheritable. */
	for (int c = 0; (caps[0].inheritable || caps[1].inheritable) && c < 64; c++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1)
			add_numbers(b, "ambient", "%d", c);
	add_numbers(b, "security", "%d %d %d %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_SECCOMP, 0, 0, 0, 0),
	            prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

/* What a file of /proc says; nothing where there is none. */
static void add_content(struct buf *b, const char *path) {
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	fd_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	add(b, path, text);
}

/* How many seccomp filters there are: what they say can't be seen. */
static void add_filters(struct buf *b) {
	char text[4096], *line;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	fd_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "Seccomp_filters:");
	if (!line)
		return;
	line[strcspn(line, "\n")] = '\0';
	add(b, "seccomp", line);
}

static int add_surroundings(struct buf *b) {
	static const char *const namespaces[] = {"cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children",
	                                         "user",   "uts"};
	int directory = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat root;
	char name[64];

	if (directory < 0 || stat("/", &root) < 0) {
		fd_close(&directory);
		return -1;
	}
	add_numbers(b, "root", "%llx %llx", (unsigned long long)root.st_dev, (unsigned long long)root.st_ino);
	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
		ssize_t n = readlinkat(directory, namespaces[i], name, sizeof name - 1);

		if (n <= 0)
			continue;
		name[n] = '\0';
		add(b, "namespace", name);
	}
	fd_close(&directory);
	add_content(b, "/proc/self/attr/current");
	/* Who ends a service or a session ends its cgroup, and what is in it has that one's limits. */
	add_content(b, "/proc/self/cgroup");
	add_content(b, "/proc/self/oom_score_adj");
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0)
		add_filters(b);
	return 0;
}

static void add_scheduling(struct buf *b) {
	unsigned long affinity[1024 / sizeof(unsigned long)];
	struct rlimit limit;
	long n, class = syscall(SYS_sched_getscheduler, 0);
	int parameter = 0;

	for (int r = 0; r < RLIM_NLIMITS; r++)
		if (getrlimit(r, &limit) == 0)
			add_numbers(b, "limit", "%d %llx", r, (unsigned long long)limit.rlim_max);
	/* The soft one too of this: it shapes the address space and the size of threads' stacks when a program starts. */
	if (getrlimit(RLIMIT_STACK, &limit) == 0)
		add_numbers(b, "stack", "%llx", (unsigned long long)limit.rlim_cur);
	add_numbers(b, "timer slack", "%d", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	syscall(SYS_sched_getparam, 0, &parameter);
	errno = 0;
	add_numbers(b, "scheduling", "%ld %d %d %ld %x", class, parameter, getpriority(PRIO_PROCESS, 0),
	            syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0), (unsigned)personality(0xffffffff));
	n = syscall(SYS_sched_getaffinity, 0, sizeof affinity, affinity);
	for (long i = 0; i < n / (long)sizeof *affinity; i++)
		add_numbers(b, "affinity", "%lx", affinity[i]);
}

/* The letters that the interpreter's variables begin with: its name's, without the "sh" that makes a language a shell.
 */
static void language_prefix(const char *interpreter, char prefix[LANGUAGE_PREFIX_MAX]) {
	const char *name = strrchr(interpreter, '/') ? strrchr(interpreter, '/') + 1 : interpreter;
	size_t n = 0;

	while (n < LANGUAGE_PREFIX_MAX - 1 && isalpha((unsigned char)name[n])) {
		prefix[n] = (char)toupper((unsigned char)name[n]);
		n++;
	}
	if (n > 4 && memcmp(prefix + n - 2, "SH", 2) == 0)
		n -= 2;
	prefix[n] = '\0';
}

static int has_prefix(const char *s, const char *prefix) {
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int shapes_start(const char *variable, const char *language) {
	static const char *const prefixes[] = {"LANG=",           "LANGUAGE=", "LC_",         "LOCPATH=",
	                                       "NLSPATH=",        "TZDIR=",    "HOME=",       "LD_",
	                                       "GLIBC_TUNABLES=", "MALLOC_",   "VIRTUAL_ENV="};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (has_prefix(variable, prefixes[i]))
			return 1;
	return language[0] && has_prefix(variable, language);
}

/* Version managers put a script in the interpreter's place, which chooses by directory and variables. */
static int is_managers(const char *variable) {
	static const char *const prefixes[] = {"PATH=", "PYENV_", "RBENV_", "NODENV_", "PLENV_", "ASDF_", "MISE_", "RTX_"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (has_prefix(variable, prefixes[i]))
			return 1;
	return 0;
}

static void add_file(struct buf *b, const char *path) {
	struct stat st;

	if (stat(path, &st) == 0)
		add_numbers(b, "file", "%llx %llx %llx %lld.%09ld %lld.%09ld", (unsigned long long)st.st_dev,
		            (unsigned long long)st.st_ino, (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
		            st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	else
		add(b, "file", "");
}

/* PATH/NAME, where it fits. */
static void add_file_in(struct buf *b, const char *directory, size_t length, const char *name) {
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%.*s/%s", (int)length, directory, name);

	if (n > 0 && n < PATH_MAX)
		add_file(b, path);
}

/* What a version manager's stand-in chooses by: itself, its root's choice, the files in this and the directories above.
 */
static int add_managers_choice(struct buf *b, const char *interpreter) {
	static const char *const names[] = {".python-version", ".perl-version", ".ruby-version", ".node-version",
	                                    ".tool-versions",  "mise.toml",     ".mise.toml"};
	const char *home = getenv("HOME");
	char directory[PATH_MAX];

	if (!getcwd(directory, sizeof directory))
		return -1;
	add(b, "directory", directory);
	add_file(b, interpreter);
	add_file_in(b, interpreter, (size_t)(strrchr(interpreter, '/') - interpreter), "../version");
	if (home)
		add_file_in(b, home, strlen(home), ".tool-versions");
	for (size_t n = strlen(directory);; n--) {
		if (n > 0 && directory[n] != '/' && directory[n])
			continue;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			add_file_in(b, directory, n, names[i]);
		if (n == 0)
			return 0;
	}
}

/* In the order of environ: where a name comes twice the order matters. */
static int add_environment(struct buf *b, const struct interpreter *interpreter) {
	char language[LANGUAGE_PREFIX_MAX];
	int managed = interpreter->is_script;

	language_prefix(interpreter->path, language);
	for (char **e = environ; *e; e++)
		if (!has_prefix(*e, "PREFORK_INTERP") && (shapes_start(*e, language) || (managed && is_managers(*e))))
			add(b, "env", *e);
	return managed ? add_managers_choice(b, interpreter->path) : 0;
}

static int add_script(struct buf *b, const char *script) {
	char directory[PATH_MAX];

	if (script[0] == '/') {
		add(b, "script", script);
		return 0;
	}
	if (!getcwd(directory, sizeof directory))
		return -1;
	add(b, "script directory", directory);
	add(b, "script", script);
	return 0;
}

static void add_extra(struct buf *b, const struct words *w) {
	for (size_t i = 0; i < w->extra_count; i += 2) {
		const char *value = w->extra[i][0] == 'E' ? getenv(w->extra[i + 1]) : NULL;

		add(b, w->extra[i], w->extra[i + 1]);
		if (value)
			add(b, "value", value);
	}
}

void key_session(struct buf *b, const struct session *session) {
	if (session->own)
		add_numbers(b, "session", "%ld %llu", (long)session->id, session->leader_start);
}

int key_ingredients(struct buf *b, const struct words *w, const struct interpreter *interpreter) {
	add(b, "version", PACKAGE_VERSION);
	if (w->key_name) {
		add(b, "name", w->key_name);
	} else {
		add(b, "interpreter", interpreter->path);
		for (int i = 0; i < w->interpreter_argument_count; i++)
			add(b, "argument", w->interpreter_arguments[i]);
		add(b, "name", w->interpreter);
		if (w->split)
			add(b, "split", "");
		if (w->unlaundered)
			add(b, "unlaundered", "");
		add(b, "idle timeout", w->idle_timeout ? w->idle_timeout : "");
		add(b, "max servers", w->max_servers ? w->max_servers : "");
		add(b, "min gain", w->min_gain ? w->min_gain : "");
		add_extra(b, w);
		add_identity(b);
		add_scheduling(b);
		if (add_script(b, w->script) < 0 || add_surroundings(b) < 0 || add_environment(b, interpreter) < 0)
			return -1;
	}
	errno = b->failed;
	return b->failed ? -1 : 0;
}

int key_differs(struct buf *b, const char *strings, size_t length) {
	char directory[PATH_MAX], mask[16];

	for (const char *s = strings; s < strings + length; s += strlen(s) + 1) {
		const char *value = getenv(s);

		if (strcmp(s, WIRE_DIFFERS_DIRECTORY) == 0) {
			value = getcwd(directory, sizeof directory);
			if (!value)
				return -1;
		}
		if (strcmp(s, WIRE_DIFFERS_UMASK) == 0) {
			mode_t own = umask(0);

			umask(own);
			snprintf(mask, sizeof mask, "%o", (unsigned)own);
			value = mask;
		}
		add(b, "differs", s);
		add(b, value ? "value" : "none", value ? value : "");
	}
	errno = b->failed;
	return b->failed ? -1 : 0;
}

void key_hash(const void *bytes, size_t n, char key[RUNDIR_KEY_LENGTH + 1]) {
	XXH128_hash_t h = XXH3_128bits(bytes, n);

	snprintf(key, RUNDIR_KEY_LENGTH + 1, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}
