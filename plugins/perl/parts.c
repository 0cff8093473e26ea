/* What perl keeps elsewhere than in its values: see parts.h. */
#include "parts.h"

#include "api.h"

#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Something that perl keeps elsewhere than in its values, and others can change. */
struct part {
	const char *what;
	void *at; /* where it can be put back; else NULL */
	size_t size;
	uint64_t sum;
};

#define PARTS 40
#define PART_MOST 4096 /* bytes of one that can be put back */

struct perl {
	struct part parts[PARTS];
	size_t count;
};

struct move {
	void *at;
	size_t size;
	char before[PART_MOST], after[PART_MOST];
	struct move *next;
};

struct parts {
	struct perl before;
	struct move *moves;
	PerlExitListEntry *exits; /* what perl is to call at its end */
	I32 exit_count, old_exits;
};

static uint64_t sum_of(const void *bytes, size_t n) {
	uint64_t sum = 0xCBF29CE484222325ull;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ ((const unsigned char *)bytes)[i]) * 0x100000001B3ull;
	return sum;
}

static void add_part(struct perl *p, const char *what, void *at, size_t size, int can_be_put_back) {
	p->parts[p->count++] = (struct part){what, can_be_put_back ? at : NULL, size, sum_of(at, size)};
}

static void add_signals(struct perl *p) {
	void *handlers[NSIG] = {NULL};
	struct sigaction action;

	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &action) == 0)
			memcpy(&handlers[number], &action.sa_handler, sizeof handlers[number]);
	add_part(p, "what a signal does", handlers, sizeof handlers, 0);
}

static void add_descriptors(struct perl *p) {
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	while (d && readdir(d))
		count++;
	if (d)
		closedir(d);
	add_part(p, "which files are open", &count, sizeof count, 0);
}

#define ADD(variable, put_back) add_part(p, #variable, &(variable), sizeof(variable), put_back)

static void look_at_perl(pTHX_ struct perl *p) {
	char *locale = setlocale(LC_ALL, NULL);
	U8 warned = PL_dowarn & PARTS_SWITCHES;

	p->count = 0;
	add_signals(p);
	add_descriptors(p);
	if (locale)
		add_part(p, "the locale", locale, strlen(locale), 0);
	add_part(p, "-w", &warned, sizeof warned, 0);
	add_part(p, "PL_ppaddr", PL_ppaddr, sizeof(PL_ppaddr[0]) * MAXO, 0);
	add_part(p, "PL_check", PL_check, sizeof(PL_check[0]) * MAXO, 0);
	ADD(PL_keyword_plugin, 0);
	ADD(PL_globhook, 1);
	if (PL_known_layers)
		ADD(PL_known_layers->cur, 0);
	ADD(PL_peepp, 0);
	ADD(PL_rpeepp, 0);
	ADD(PL_opfreehook, 1);
	ADD(PL_runops, 0);
	ADD(PL_destroyhook, 0);
	ADD(PL_threadhook, 0);
	ADD(PL_lockhook, 0);
	ADD(PL_unlockhook, 0);
	ADD(PL_sharehook, 0);
	ADD(PL_defoutgv, 0);
	ADD(PL_def_layerlist, 0);
	ADD(PL_srand_called, 0);
	ADD(PL_warnhook, 0);
	ADD(PL_diehook, 0);
	ADD(PL_checkav, 0);
	ADD(PL_initav, 0);
	ADD(PL_perldb, 0);
	ADD(PL_signals, 0);
	ADD(PL_unicode, 0);
}

/* All that can be put back, as it is now. */
static struct move *copy_perl(const struct perl *p) {
	struct move *all = NULL, *m;

	for (size_t i = 0; i < p->count; i++) {
		if (!p->parts[i].at || p->parts[i].size > PART_MOST || !(m = calloc(1, sizeof *m)))
			continue;
		m->at = p->parts[i].at;
		m->size = p->parts[i].size;
		memcpy(m->before, m->at, m->size);
		m->next = all;
		all = m;
	}
	return all;
}

/* Those of ALL that are another thing now; the others are freed. */
static struct move *moved(struct move *all) {
	struct move *changed = NULL, *next;

	for (; all; all = next) {
		next = all->next;
		if (memcmp(all->at, all->before, all->size) == 0) {
			free(all);
			continue;
		}
		memcpy(all->after, all->at, all->size);
		all->next = changed;
		changed = all;
	}
	return changed;
}

static const char *perl_changed(const struct perl *before, const struct perl *after) {
	static char why[100];

	for (size_t i = 0; i < before->count; i++) {
		const struct part *a = &before->parts[i], *b = &after->parts[i];

		snprintf(why, sizeof why, "changes perl itself: %s", a->what);
		if (after->count != before->count || (!a->at && a->sum != b->sum))
			return why;
	}
	return NULL;
}

struct parts *parts_note(pTHX) {
	struct parts *p;

	Newxz(p, 1, struct parts);
	look_at_perl(aTHX_ & p->before);
	p->moves = copy_perl(&p->before);
	p->old_exits = PL_exitlistlen;
	return p;
}

struct parts *parts_changes(pTHX_ struct parts *p, const char **why) {
	struct perl after = {.count = 0};

	look_at_perl(aTHX_ & after);
	*why = perl_changed(&p->before, &after);
	p->moves = moved(p->moves);
	p->exit_count = PL_exitlistlen - p->old_exits;
	Newx(p->exits, p->exit_count + 1, PerlExitListEntry);
	for (I32 i = 0; i < p->exit_count; i++)
		p->exits[i] = PL_exitlist[p->old_exits + i];
	return p;
}

void parts_undo(pTHX_ const struct parts *p) {
	PL_exitlistlen -= p->exit_count;
	for (struct move *at = p->moves; at; at = at->next)
		memcpy(at->at, at->before, at->size);
}

int parts_can_redo(const struct parts *p) {
	for (const struct move *at = p->moves; at; at = at->next)
		if (memcmp(at->at, at->before, at->size) != 0)
			return 0;
	return 1;
}

void parts_redo(pTHX_ const struct parts *p) {
	for (I32 i = 0; i < p->exit_count; i++)
		call_atexit(p->exits[i].fn, p->exits[i].ptr);
	for (struct move *at = p->moves; at; at = at->next)
		memcpy(at->at, at->after, at->size);
}
