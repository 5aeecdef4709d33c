/* SPDX-License-Identifier: MIT */
/*
 * Reading files that somebody else may be changing.
 */
#include "vmm/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/refuse.h"

/* Finds out the length of a file that may be read. */
static int len_find(int fd, const char *path, uint64_t limit, size_t *len,
		    struct image_error *error)
{
	struct stat status;

	if (fstat(fd, &status))
		return refuse(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(error, -EINVAL, "%s: not a regular file", path);
	if ((uint64_t)status.st_size > limit)
		return refuse(error, -EFBIG, "%s: longer than %" PRIu64 " bytes", path, limit);
	*len = (size_t)status.st_size;
	return 0;
}

/* All `len` bytes, or -E*: -ENODATA if there are fewer now than there were. */
static int bytes_read(int fd, uint8_t *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t count = read(fd, bytes + done, len - done);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0)
			return -ENODATA;
		if (count > 0)
			done += (size_t)count;
	}
	return 0;
}

static int content_read(int fd, const char *path, struct file *file, struct image_error *error)
{
	int result;

	file->bytes = malloc(file->len ? file->len : 1);
	if (!file->bytes)
		return refuse(error, -ENOMEM, "%s: no memory for %zu bytes", path, file->len);
	result = bytes_read(fd, file->bytes, file->len);
	if (!result)
		return 0;
	file_free(file);
	if (result == -ENODATA)
		return refuse(error, result, "%s: was cut while it was read", path);
	return refuse(error, result, "%s: %s", path, strerror(-result));
}

int file_read(const char *path, uint64_t limit, struct file *file, struct image_error *error)
{
	/* O_NONBLOCK: to open a FIFO is not to wait for its writer. Regular files do not care. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result;

	if (fd < 0)
		return refuse(error, -errno, "%s: %s", path, strerror(errno));
	result = len_find(fd, path, limit, &file->len, error);
	if (!result)
		result = content_read(fd, path, file, error);
	close(fd);
	return result;
}

void file_free(struct file *file)
{
	free(file->bytes);
	*file = (struct file){ .bytes = NULL };
}
