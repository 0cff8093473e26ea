/* Finding the client: see place.h. */
#define _GNU_SOURCE
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIENT "prefork-interp"

int place_client(char path[PATH_MAX], struct reason *why) {
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0) {
		reason_errno(why, "find " CLIENT, "/proc/self/exe");
		return -1;
	}
	self[n] = '\0';
	slash = strrchr(self, '/');
	n = slash ? snprintf(path, PATH_MAX, "%.*s/" CLIENT, (int)(slash - self), self) : PATH_MAX;
	if (n < PATH_MAX && access(path, X_OK) == 0)
		return 0;
	reason_errno(why, "find " CLIENT, path);
	return -1;
}
