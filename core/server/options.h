/* A server's options, from the script and from the #! line. */
#ifndef PREFORK_OPTIONS_H
#define PREFORK_OPTIONS_H

#include "prefork-server.h"

struct server_options {
	long max_servers;  /* concurrent calls; negative: no limit */
	long idle_timeout; /* seconds; negative: never */
	long max_errors;
	int log_facility; /* as syslog(3) wants it; -1: no log */
	long min_gain;    /* milliseconds; negative: none */
};

/* The values that hold when nobody sets any. */
void options_default(struct server_options *o);

/* Set the option NAME from its text.  0, or -1 with *ERROR. */
int options_set(struct server_options *o, const char *name, const char *value, struct prefork_error *error);

/* Set every "name=value" of a comma-separated list.  0, or -1 with *ERROR. */
int options_set_list(struct server_options *o, const char *list, struct prefork_error *error);

#endif
