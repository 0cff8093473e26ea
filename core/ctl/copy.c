/* Copying bytes: see copy.h. */
#include "copy.h"

#include <errno.h>
#include <unistd.h>

#define COPY_SIZE 65536

int copy_bytes(int fd, const char *bytes, size_t n) {
	while (n > 0) {
		ssize_t written = write(fd, bytes, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -1;
		bytes += written;
		n -= (size_t)written;
	}
	return 0;
}

int copy_range(int to, int fd, off_t from, off_t end) {
	char bytes[COPY_SIZE];

	while (from < end) {
		size_t wanted = end - from < COPY_SIZE ? (size_t)(end - from) : COPY_SIZE;
		ssize_t n = pread(fd, bytes, wanted, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* it has become shorter */
		if (n <= 0 || copy_bytes(to, bytes, (size_t)n) < 0)
			return -1;
		from += n;
	}
	return 0;
}
