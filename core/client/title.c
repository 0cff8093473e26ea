/* The client's name and arguments: see title.h. */
#define _GNU_SOURCE
#include "title.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define TITLE "prefork-interp"

static char *area, *saved; /* the arguments where the kernel shows them; a copy while they are hidden */
static size_t area_size;
static char saved_name[16]; /* TASK_COMM_LEN */

void title_note(char **argv) {
	area = *argv;
	area_size = 0;
	/* The kernel puts them one behind the other. */
	for (; area && *argv == area + area_size; argv++)
		area_size += strlen(*argv) + 1;
}

void title_hide(void) {
	saved = area_size > sizeof TITLE ? malloc(area_size) : NULL;
	if (!saved || prctl(PR_GET_NAME, saved_name, 0, 0, 0) < 0)
		return;
	memcpy(saved, area, area_size);
	memset(area, 0, area_size);
	memcpy(area, TITLE, sizeof TITLE);
	prctl(PR_SET_NAME, TITLE, 0, 0, 0);
}

void title_show(void) {
	if (!saved)
		return;
	memcpy(area, saved, area_size);
	prctl(PR_SET_NAME, saved_name, 0, 0, 0);
	free(saved);
	saved = NULL;
}
