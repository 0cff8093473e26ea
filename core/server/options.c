/* A server's options: see options.h. */
#define _GNU_SOURCE
#include "options.h"

#include "../run/number.h"
#include "error.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

/* 12 days: as good as for ever, but a forgotten server does go. */
#define DEFAULT_IDLE_TIMEOUT 1000000
#define DEFAULT_MAX_SERVERS 64
#define DEFAULT_MAX_ERRORS 100
#define DEFAULT_MIN_GAIN 3

void options_default(struct server_options *o) {
	*o = (struct server_options){
		.max_servers = DEFAULT_MAX_SERVERS,
		.idle_timeout = DEFAULT_IDLE_TIMEOUT,
		.max_errors = DEFAULT_MAX_ERRORS,
		.log_facility = LOG_USER,
		.min_gain = DEFAULT_MIN_GAIN,
	};
}

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},     {"daemon", LOG_DAEMON},
	{"ftp", LOG_FTP},       {"kern", LOG_KERN},         {"lpr", LOG_LPR},       {"mail", LOG_MAIL},
	{"news", LOG_NEWS},     {"syslog", LOG_SYSLOG},     {"user", LOG_USER},     {"uucp", LOG_UUCP},
	{"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
	{"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},     {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

static int set_facility(int *facility, const char *value, struct prefork_error *error) {
	const char *name = strncasecmp(value, "LOG_", 4) == 0 ? value + 4 : value;

	if (!value[0]) {
		*facility = -1;
		return 0;
	}
	for (size_t i = 0; i < sizeof facilities / sizeof *facilities; i++) {
		if (strcasecmp(name, facilities[i].name) == 0) {
			*facility = facilities[i].facility;
			return 0;
		}
	}
	return error_set(error, "option log_facility: %s: not a syslog facility", value);
}

static int set_number(long *number, const char *name, const char *value, struct prefork_error *error) {
	/* Milliseconds of it have to fit into what deadlines are computed with. */
	if (number_read(value, INT_MIN, INT_MAX, number) < 0)
		return error_set(error, "option %s: %s: %s", name, value,
		                 errno == ERANGE ? "out of range" : "not a whole number");
	return 0;
}

int options_set(struct server_options *o, const char *name, const char *value, struct prefork_error *error) {
	if (strcmp(name, "max_servers") == 0) {
		if (set_number(&o->max_servers, name, value, error) < 0)
			return -1;
		if (o->max_servers != 0)
			return 0;
		return error_set(error, "option max_servers: 0: no call could ever be served");
	}
	if (strcmp(name, "idle_timeout") == 0)
		return set_number(&o->idle_timeout, name, value, error);
	if (strcmp(name, "max_errors") == 0)
		return set_number(&o->max_errors, name, value, error);
	if (strcmp(name, "min_gain") == 0)
		return set_number(&o->min_gain, name, value, error);
	if (strcmp(name, "log_facility") == 0)
		return set_facility(&o->log_facility, value, error);
	return error_set(error, "option %s: not known", name);
}

int options_set_list(struct server_options *o, const char *list, struct prefork_error *error) {
	char *copy = strdup(list), *rest = copy, *item;
	int r = 0;

	if (!copy)
		return error_set(error, "server options: %s", strerror(errno));
	while (r == 0 && (item = strsep(&rest, ","))) {
		char *value = strchr(item, '=');

		if (!item[0])
			continue;
		if (!value) {
			r = error_set(error, "server option %s: has no value", item);
			break;
		}
		*value = '\0';
		r = options_set(o, item, value + 1, error);
	}
	free(copy);
	return r;
}
