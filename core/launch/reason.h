/* Why something can't be done: one line, for PREFORK_INTERP_DEBUG and for refusals. */
#ifndef PREFORK_REASON_H
#define PREFORK_REASON_H

struct reason {
	char text[512];
};

/* printf into the reason; longer ones are cut, and what would break the line is replaced. */
void reason_set(struct reason *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "WHAT: ON: WHY", the last from errno, which stays. */
void reason_errno(struct reason *r, const char *what, const char *on);

/* Is PREFORK_INTERP_DEBUG set? */
int reason_wanted(void);

/* When it is, one line on standard error: "prefork-interp: ON: TEXT". */
void reason_say(const char *on, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
