/* Lines that say why: see reason.h. */
#include "reason.h"

#include "../run/launch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_one_line(struct reason *r) {
	for (char *c = r->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
}

void reason_set(struct reason *r, const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(r->text, sizeof r->text, format, arguments);
	va_end(arguments);
	make_one_line(r);
}

void reason_errno(struct reason *r, const char *what, const char *on) {
	int saved = errno;

	reason_set(r, "%s: %s: %s", what, on, strerror(saved));
	errno = saved;
}

int reason_wanted(void) {
	const char *debug = getenv(PREFORK_ENV_DEBUG);

	return debug && debug[0];
}

void reason_say(const char *on, const char *format, ...) {
	struct reason r;
	va_list arguments;

	if (!reason_wanted())
		return;
	va_start(arguments, format);
	vsnprintf(r.text, sizeof r.text, format, arguments);
	va_end(arguments);
	make_one_line(&r);
	fprintf(stderr, "prefork-interp: %s: %s\n", on, r.text);
}
