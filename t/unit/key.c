/* The key: what may not differ between two calls of one server changes it, and nothing else does. */
#define _GNU_SOURCE
#include "core/client/key.h"

#include "tap.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct interpreter interpreter = {.path = "/usr/bin/python3"};
static struct session session;

/* The key of these words, after CHANGE() in a process of its own; "failed" when there is none. */
static void key_of(const char *const *words, void (*change)(void), char key[RUNDIR_KEY_LENGTH + 1]) {
	int p[2], status;
	pid_t child;

	if (pipe(p) < 0 || (child = fork()) < 0)
		abort();
	if (child == 0) {
		char *argv[16];
		char why[512];
		struct words w;
		struct buf b;
		int argc = 0;

		for (; words[argc]; argc++)
			argv[argc] = strdup(words[argc]);
		argv[argc] = NULL;
		if (change)
			change();
		buf_init(&b, 1 << 20);
		if (words_parse(argc, argv, &w, why, sizeof why) < 0 || key_ingredients(&b, &w, &interpreter) < 0)
			_exit(1);
		key_session(&b, &session);
		key_hash(b.data, b.length, key);
		_exit(write(p[1], key, RUNDIR_KEY_LENGTH + 1) == RUNDIR_KEY_LENGTH + 1 ? 0 : 1);
	}
	close(p[1]);
	if (read(p[0], key, RUNDIR_KEY_LENGTH + 1) != RUNDIR_KEY_LENGTH + 1)
		snprintf(key, RUNDIR_KEY_LENGTH + 1, "failed");
	close(p[0]);
	waitpid(child, &status, 0);
}

static const char *const usual_words[] = {"prefork-interp", "--", "python3", "/s", "a", NULL};
static char usual[RUNDIR_KEY_LENGTH + 1];

static void compare(const char *const *words, void (*change)(void), int differs, const char *what) {
	char key[RUNDIR_KEY_LENGTH + 1];

	key_of(words, change, key);
	ok(strlen(key) == RUNDIR_KEY_LENGTH && (strcmp(key, usual) != 0) == differs, "%s: %s", what,
	   differs ? "another key" : "the same key");
}

#define WORDS(...) ((const char *const[]){"prefork-interp", __VA_ARGS__, NULL})

static void set_home(void) {
	setenv("HOME", "/elsewhere", 1);
}
static void set_lang(void) {
	setenv("LANG", "de_DE.UTF-8", 1);
}
static void set_lc(void) {
	setenv("LC_NUMERIC", "C", 1);
}
static void set_pythonpath(void) {
	setenv("PYTHONPATH", "/x", 1);
}
static void set_perl5lib(void) {
	setenv("PERL5LIB", "/x", 1);
}
static void set_preload(void) {
	setenv("LD_PRELOAD", "", 1);
}
static void set_other(void) {
	setenv("OTHER", "x", 1);
}
static void set_umask(void) {
	umask(0123);
}
static void go_elsewhere(void) {
	(void)!chdir("/usr");
}
static void be_nicer(void) {
	(void)!nice(1);
}
static void limit_softly(void) {
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = 50;
	setrlimit(RLIMIT_NOFILE, &r);
}
static void limit_hard(void) {
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_max = r.rlim_cur = 50;
	setrlimit(RLIMIT_NOFILE, &r);
}
static void gain_nothing(void) {
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
static void run_on_one(void) {
	cpu_set_t set;

	sched_getaffinity(0, sizeof set, &set);
	for (int i = 0, first = 1; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			if (!first)
				CPU_CLR(i, &set);
			first = 0;
		}
	sched_setaffinity(0, sizeof set, &set);
}
static void run_in_batches(void) {
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
}

static void of_words(void) {
	compare(usual_words, NULL, 0, "the same words");
	compare(WORDS("--", "python3", "/s", "other", "arguments"), NULL, 0, "other arguments");
	compare(WORDS("python3", "/s"), NULL, 0, "without --");
	compare(WORDS("-- python3", "/s"), NULL, 0, "a #! line");
	compare(WORDS("--", "python3", "/t"), NULL, 1, "another script");
	compare(WORDS("--", "python3", "/./s"), NULL, 1, "the script spelt otherwise");
	compare(WORDS("--", "python3", "-O", "/s"), NULL, 1, "an argument of the interpreter");
	compare(WORDS("-U", "--", "python3", "/s"), NULL, 1, "-U");
	compare(WORDS("-E", "X", "--", "python3", "/s"), NULL, 1, "-E");
	compare(WORDS("-G", "x", "--", "python3", "/s"), NULL, 1, "-G");
	compare(WORDS("-g", "x", "--", "python3", "/s"), NULL, 1, "-g");
	strcpy(interpreter.path, "/usr/local/bin/python3");
	compare(usual_words, NULL, 1, "another interpreter");
	strcpy(interpreter.path, "/usr/bin/python3");
}

static void of_the_session(void) {
	session = (struct session){.own = 0, .id = 7};
	compare(usual_words, NULL, 0, "any session, where the server is not of it");
	session.own = 1;
	compare(usual_words, NULL, 1, "a session of one's own");
	key_of(usual_words, NULL, usual);
	session.id = 8;
	compare(usual_words, NULL, 1, "another one");
	session = (struct session){.own = 1, .id = 7, .leader_start = 1};
	compare(usual_words, NULL, 1, "one of the same number, later");
	session.own = 0;
	key_of(usual_words, NULL, usual);
}

static void of_the_process(void) {
	compare(usual_words, set_home, 1, "HOME");
	compare(usual_words, set_lang, 1, "LANG");
	compare(usual_words, set_lc, 1, "LC_NUMERIC");
	compare(usual_words, set_pythonpath, 1, "PYTHONPATH");
	compare(usual_words, set_preload, 1, "LD_PRELOAD, set to nothing");
	compare(usual_words, set_perl5lib, 0, "another language's variable");
	compare(usual_words, set_other, 0, "any other variable");
	compare(usual_words, set_umask, 0, "umask");
	compare(usual_words, limit_softly, 0, "a soft limit");
	compare(usual_words, limit_hard, 1, "a hard limit");
	compare(usual_words, go_elsewhere, 0, "the directory, for an absolute path");
	compare(usual_words, be_nicer, 1, "nice value");
	compare(usual_words, gain_nothing, 1, "no_new_privs");
	compare(usual_words, run_in_batches, 1, "scheduling class");
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		compare(usual_words, run_on_one, 1, "affinity");
	else
		ok(1, "affinity # SKIP one processor");
}

static void relative(void) {
	char here[RUNDIR_KEY_LENGTH + 1], there[RUNDIR_KEY_LENGTH + 1], again[RUNDIR_KEY_LENGTH + 1];

	key_of(WORDS("--", "python3", "s"), NULL, here);
	key_of(WORDS("--", "python3", "s"), go_elsewhere, there);
	key_of(WORDS("--", "python3", "s"), go_elsewhere, again);
	ok(strcmp(here, there) != 0, "a relative path counts from its directory");
	is_string(there, again, "and is the same in the same one");
}

static void named(void) {
	char one[RUNDIR_KEY_LENGTH + 1], two[RUNDIR_KEY_LENGTH + 1], three[RUNDIR_KEY_LENGTH + 1];

	key_of(WORDS("-g", "x", "--", "python3", "/s"), NULL, one);
	key_of(WORDS("-g", "x", "--", "perl", "/t"), set_home, two);
	key_of(WORDS("-g", "y", "--", "python3", "/s"), NULL, three);
	is_string(one, two, "-g: the name alone counts");
	ok(strcmp(one, three) != 0, "-g: another name");
}

int main(void) {
	if (chdir("/") < 0)
		return 1;
	/* What is looked at is what we make it. */
	unsetenv("LC_NUMERIC");
	unsetenv("PYTHONPATH");
	unsetenv("PERL5LIB");
	unsetenv("LD_PRELOAD");
	key_of(usual_words, NULL, usual);
	ok(strlen(usual) == RUNDIR_KEY_LENGTH && strspn(usual, "0123456789abcdef") == RUNDIR_KEY_LENGTH,
	   "32 hexadecimal digits");
	of_words();
	of_the_session();
	of_the_process();
	relative();
	named();
	return tap_end();
}
