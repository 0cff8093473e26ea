/* Numbers from /proc/PID/stat. */
#ifndef PREFORK_PROCSTAT_H
#define PREFORK_PROCSTAT_H

#include <sys/types.h>

/* Fields as proc_pid_stat(5) counts them. */
enum procstat_field {
	PROCSTAT_PARENT = 4,
	PROCSTAT_TERMINAL = 7, /* device number, 0: none */
	PROCSTAT_START_TIME = 22,
	PROCSTAT_START_CODE = 26,
	PROCSTAT_END_CODE = 27,
	PROCSTAT_START_STACK = 28,
	PROCSTAT_START_DATA = 45,
	PROCSTAT_END_DATA = 46,
	PROCSTAT_START_BRK = 47,
	PROCSTAT_ARG_START = 48,
	PROCSTAT_ARG_END = 49,
	PROCSTAT_ENV_START = 50,
	PROCSTAT_ENV_END = 51,
	PROCSTAT_FIELDS = 53, /* room for each of them by its number */
};

/* Read the fields of process PID (0: this one) into NUMBERS, at the places of their numbers; what a kernel does not
 * tell is 0.  0, or -1 with errno. */
int procstat_read(pid_t pid, unsigned long long numbers[PROCSTAT_FIELDS]);

#endif
