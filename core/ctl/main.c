/* preforkctl: enables and disables installed scripts, and verifies that a command behaves the same when it is served.
 */
#define _GNU_SOURCE
#include "../wire/fd.h"
#include "enable.h"
#include "verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

static const char usage[] = "usage: preforkctl enable FILE...\n"
							"       preforkctl disable FILE...\n"
							"       preforkctl verify [--] COMMAND [ARGUMENT...]\n"
							"       preforkctl --help | --version\n"
							"\n"
							"  enable   let prefork-interp run these scripts, by their first lines\n"
							"  disable  give them back the first lines that they had\n"
							"  verify   run COMMAND, a script, plain and served, and show what differs\n"
							"\n"
							"See preforkctl(1).\n";

static int refuse_usage(const char *what, const char *why) {
	fprintf(stderr, "preforkctl: %s%s%s\n", what, what[0] ? ": " : "", why);
	return EXIT_USAGE;
}

/* The operands of a command, behind a "--" that may be there; *COUNT is how many. */
static char **operands(char **argv, int *count) {
	if (*count > 0 && strcmp(argv[0], "--") == 0) {
		--*count;
		return argv + 1;
	}
	return argv;
}

static int run_command(const char *command, char **argv, int count) {
	static const struct {
		const char *name;
		int (*run)(char **operands, int count);
	} commands[] = {{"enable", enable_files}, {"disable", disable_files}, {"verify", verify_command}};
	int separated = count > 0 && strcmp(argv[0], "--") == 0;

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(command, commands[i].name) != 0)
			continue;
		argv = operands(argv, &count);
		if (count > 0 && !separated && argv[0][0] == '-')
			return refuse_usage(argv[0], "option not known");
		return count > 0 ? commands[i].run(argv, count) : refuse_usage(command, "what?  See preforkctl --help");
	}
	return refuse_usage(command, "command not known");
}

/* Keep what we open off the numbers 0 to 2 where the caller has closed them. */
static void occupy_standard(void) {
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	fd_close(&fd);
}

int main(int argc, char **argv) {
	occupy_standard();
	if (argc < 2)
		return refuse_usage("", "no command is given.  See preforkctl --help");
	if (strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0 || fflush(stdout) != 0;
	if (strcmp(argv[1], "--version") == 0)
		return printf("preforkctl %s\n", PACKAGE_VERSION) < 0 || fflush(stdout) != 0;
	return run_command(argv[1], argv + 2, argc - 2);
}
