/* Comparing the runs of a trial: see verdict.h. */
#define _GNU_SOURCE
#include "verdict.h"

#include "names.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN_BYTES 160 /* of a line */
#define STATE_SIZE (PATH_MAX + 64)

struct verdict {
	const struct trial *trial;
	size_t plain[TRIAL_RUNS], plains; /* numbers of runs */
	size_t other[TRIAL_RUNS], others;
	int differences;
	FILE *out;
};

static const char *name_of(const struct verdict *v, size_t n) {
	return v->trial->runs[n].name;
}

/* ---- status */

static void describe_status(const struct run *run, char *text, size_t size) {
	if (run->overdue)
		snprintf(text, size, "not ended in time");
	else if (WIFSIGNALED(run->status))
		snprintf(text, size, "signal %d (%s)", WTERMSIG(run->status), strsignal(WTERMSIG(run->status)));
	else
		snprintf(text, size, "status %d", WEXITSTATUS(run->status));
}

/* Whether a core file was left is no part of it: see prefork-interp(1). */
static int status_differs(const struct run *a, const struct run *b) {
	return a->overdue != b->overdue || ((a->status ^ b->status) & ~0x80);
}

static void compare_status(struct verdict *v) {
	const struct run *plain = &v->trial->runs[v->plain[0]];
	char expected[64], got[64];

	describe_status(plain, expected, sizeof expected);
	for (size_t i = 1; i < v->plains; i++) {
		if (status_differs(plain, &v->trial->runs[v->plain[i]])) {
			fprintf(v->out, "status differs between plain runs: not compared\n");
			return;
		}
	}
	for (size_t i = 0; i < v->others; i++) {
		const struct run *run = &v->trial->runs[v->other[i]];

		if (!status_differs(plain, run))
			continue;
		describe_status(run, got, sizeof got);
		fprintf(v->out, "%s: status differs\n  plain: %s\n  %s: %s\n", run->name, expected, run->name, got);
		v->differences++;
	}
}

/* ---- texts */

/* A line as it can be shown: what is no printing ASCII as \xNN, long ones cut. */
static void show_line(const struct verdict *v, const char *name, const struct text *line) {
	size_t n = line->length < SHOWN_BYTES ? line->length : SHOWN_BYTES;

	fprintf(v->out, "  %s: ", name);
	if (n == 0)
		fprintf(v->out, "(the end)");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line->bytes[i];

		if (c == '\n' && i + 1 == line->length)
			break;
		fprintf(v->out, c < ' ' || c > '~' ? "\\x%02x" : "%c", c);
	}
	if (n < line->length)
		fprintf(v->out, "...");
	else if (n > 0 && line->bytes[n - 1] != '\n')
		fprintf(v->out, " (no newline)");
	fprintf(v->out, "\n");
}

static void show_difference(const struct verdict *v, const char *what, const char *name,
                            const struct text_difference *d) {
	for (size_t i = 0; i < d->count && i < TEXT_SHOWN; i++) {
		fprintf(v->out, "%s: %s differs in line %zu\n", name, what, d->shown[i].number);
		show_line(v, "plain", &d->shown[i].expected);
		show_line(v, name, &d->shown[i].got);
	}
	if (d->count > TEXT_SHOWN)
		fprintf(v->out, "%s: %s differs in %zu more lines\n", name, what, d->count - TEXT_SHOWN);
}

static void show_noise(const struct verdict *v, const char *what, const struct text *plain) {
	size_t lines;

	switch (text_noise(plain, v->plains, &lines)) {
	case TEXT_SAME:
		break;
	case TEXT_LINES_DIFFER:
		fprintf(v->out, "%s differs in %zu line%s between plain runs: not compared\n", what, lines,
		        lines == 1 ? "" : "s");
		break;
	case TEXT_COUNT_DIFFERS:
		fprintf(v->out, "%s differs in length between plain runs: not compared\n", what);
		break;
	}
}

/* Where run N has what PART or, below a folder of files, NAME says. */
static int open_part(const struct verdict *v, struct text *t, const char *part, const char *name, size_t n) {
	char folder[PATH_MAX], path[PATH_MAX];

	trial_path(v->trial, folder, part, n);
	if ((size_t)snprintf(path, sizeof path, "%s%s%s", folder, name[0] ? "/" : "", name) >= sizeof path)
		return -1;
	return text_open(t, path);
}

/* WHAT as it is told of; a text that can't be read is an empty one. */
static void compare_part(struct verdict *v, const char *what, const char *part, const char *name) {
	struct text plain[TRIAL_RUNS], got;
	struct text_difference d;

	for (size_t i = 0; i < v->plains; i++)
		(void)open_part(v, &plain[i], part, name, v->plain[i]);
	show_noise(v, what, plain);
	for (size_t i = 0; i < v->others; i++) {
		(void)open_part(v, &got, part, name, v->other[i]);
		v->differences += text_compare(plain, v->plains, &got, &d) > 0;
		show_difference(v, what, name_of(v, v->other[i]), &d);
		text_close(&got);
	}
	for (size_t i = 0; i < v->plains; i++)
		text_close(&plain[i]);
}

/* ---- files */

/* What there is under this name after run N: type, mode, where a link leads.  1 for a regular file. */
static int describe_file(const struct verdict *v, size_t n, const char *name, char *text) {
	char folder[PATH_MAX], path[STATE_SIZE], target[PATH_MAX] = "";
	struct stat st;

	trial_path(v->trial, folder, "files", n);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (lstat(path, &st) < 0) {
		snprintf(text, STATE_SIZE, "not there");
		return 0;
	}
	if (S_ISLNK(st.st_mode)) {
		ssize_t length = readlink(path, target, sizeof target - 1);

		target[length > 0 ? length : 0] = '\0';
		snprintf(text, STATE_SIZE, "a link to %s", target);
		return 0;
	}
	snprintf(text, STATE_SIZE, "%s, mode %04o",
	         S_ISREG(st.st_mode)    ? "a file"
	         : S_ISDIR(st.st_mode)  ? "a folder"
	         : S_ISFIFO(st.st_mode) ? "a pipe"
	         : S_ISSOCK(st.st_mode) ? "a socket"
	                                : "a device",
	         st.st_mode & 07777);
	return S_ISREG(st.st_mode);
}

static void show_state(const struct verdict *v, const char *name, const char *state) {
	struct text text = {state, strlen(state)};

	fprintf(v->out, "  %s: ", name);
	for (size_t i = 0; i < text.length; i++)
		fprintf(v->out, (unsigned char)state[i] < ' ' || state[i] == 127 ? "\\x%02x" : "%c", (unsigned char)state[i]);
	fprintf(v->out, "\n");
}

static void compare_file(struct verdict *v, const char *name) {
	char what[PATH_MAX + 8], expected[STATE_SIZE], state[STATE_SIZE];
	int regular = describe_file(v, v->plain[0], name, expected), alike = 1;

	snprintf(what, sizeof what, "file %s", name);
	for (size_t i = 1; i < v->plains; i++) {
		describe_file(v, v->plain[i], name, state);
		if (strcmp(state, expected) != 0) {
			fprintf(v->out, "%s differs between plain runs: not compared\n", what);
			return;
		}
	}
	for (size_t i = 0; i < v->others; i++) {
		describe_file(v, v->other[i], name, state);
		if (strcmp(state, expected) == 0)
			continue;
		alike = 0;
		v->differences++;
		fprintf(v->out, "%s: %s differs\n", name_of(v, v->other[i]), what);
		show_state(v, "plain", expected);
		show_state(v, name_of(v, v->other[i]), state);
	}
	if (regular && alike)
		compare_part(v, what, "files", name);
}

static int compare_files(struct verdict *v, struct reason *why) {
	struct names names = {0};
	char root[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->trial->count; i++) {
		trial_path(v->trial, root, "files", i);
		r = names_add_tree(&names, root);
	}
	if (r < 0)
		reason_errno(why, "read", root);
	names_sort(&names);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		compare_file(v, names.at[i]);
	names_free(&names);
	return r;
}

int verdict(const struct trial *t, const char *plain, FILE *out, struct reason *why) {
	struct verdict v = {.trial = t, .out = out};

	for (size_t i = 0; i < t->count; i++) {
		if (t->runs[i].name == plain)
			v.plain[v.plains++] = i;
		else
			v.other[v.others++] = i;
	}
	compare_status(&v);
	compare_part(&v, "stdout", "stdout", "");
	compare_part(&v, "stderr", "stderr", "");
	if (t->copied && compare_files(&v, why) < 0)
		return -1;
	return v.differences;
}
