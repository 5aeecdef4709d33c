/* SPDX-License-Identifier: MIT */
/*
 * Finding control sockets: see control_place.h.
 */
#include "vmm/control_place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vmm/refuse.h"

#define NAME_LEN_MAX 32
#define BACKLOG 8

/* How often and how long a folder that others are changing is waited for: a second in all. */
#define LOCK_TRIES 100
#define LOCK_WAIT_NS 10000000

static int folder_path(char folder[CONTROL_PATH_LEN])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int len;

	if (runtime && runtime[0] == '/')
		len = snprintf(folder, CONTROL_PATH_LEN, "%s/vmm", runtime);
	else
		len = snprintf(folder, CONTROL_PATH_LEN, "/tmp/vmm-%u", (unsigned)geteuid());
	return len < 0 || (size_t)len >= CONTROL_PATH_LEN ? -ENAMETOOLONG : 0;
}

int control_folder(char folder[CONTROL_PATH_LEN], bool make)
{
	struct stat status;
	int result = folder_path(folder);

	if (result)
		return result;
	if (make && mkdir(folder, 0700) && errno != EEXIST)
		return -errno;
	if (lstat(folder, &status))
		return -errno;
	if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || status.st_mode & 077)
		return -EPERM;
	return 0;
}

bool control_name_is_good(const char *name)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789._-";
	size_t len = strlen(name);

	return len <= NAME_LEN_MAX && isalnum((unsigned char)name[0]) &&
	       strspn(name, characters) == len && strspn(name, "0123456789") != len;
}

int control_path_of(const char *name, bool make, char path[CONTROL_PATH_LEN])
{
	char folder[CONTROL_PATH_LEN];
	int result = control_folder(folder, make);
	int len;

	if (result)
		return result;
	len = snprintf(path, CONTROL_PATH_LEN, "%s/%s%s", folder, name, CONTROL_SUFFIX);
	return len < 0 || (size_t)len >= CONTROL_PATH_LEN ? -ENAMETOOLONG : 0;
}

static int address_of(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

/*
 * The folder of `path`, locked against others who make or remove sockets in it. A folder may be
 * locked by anybody who can read it: it is not waited for without end.
 */
static int folder_lock(const char *path)
{
	const struct timespec wait = { .tv_nsec = LOCK_WAIT_NS };
	char folder[CONTROL_PATH_LEN] = ".";
	const char *slash = strrchr(path, '/');
	int fd;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		nanosleep(&wait, NULL);
	}
	close(fd);
	return -EAGAIN;
}

static bool is_stale(const char *path)
{
	struct stat status;
	int fd;

	if (lstat(path, &status) || !S_ISSOCK(status.st_mode))
		return false;
	fd = control_connect(path, NULL);
	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

/* Under the folder's lock: who has bound a socket there and not listened yet has the lock, too. */
static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
	const struct sockaddr *generic = (const struct sockaddr *)address;

	/* What the file's mode will be, whatever the umask is. */
	if (fchmod(fd, 0600))
		return -errno;
	if (bind(fd, generic, sizeof(*address)) &&
	    (errno != EADDRINUSE || !is_stale(address->sun_path) || unlink(address->sun_path) ||
	     bind(fd, generic, sizeof(*address))))
		return -errno;
	return listen(fd, BACKLOG) ? -errno : 0;
}

int control_listen(const char *path)
{
	struct sockaddr_un address;
	int result = address_of(path, &address);
	int lock, fd;

	if (result)
		return result;
	lock = folder_lock(path);
	if (lock < 0)
		return lock;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	result = fd < 0 ? -errno : bind_and_listen(fd, &address);
	close(lock);
	if (!result)
		return fd;
	if (fd >= 0)
		close(fd);
	return result;
}

static int connected(int fd, const struct sockaddr_un *address, int *pid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return -errno;
	if (pid)
		*pid = peer.pid;
	return 0;
}

int control_connect(const char *path, int *pid)
{
	const struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_un address;
	int result = address_of(path, &address);
	int fd;

	if (result)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect() waits while too many others do. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	result = connected(fd, &address, pid);
	if (!result)
		return fd;
	close(fd);
	return result;
}

bool control_remove_stale(const char *path)
{
	int lock = folder_lock(path);
	bool stale;

	if (lock < 0)
		return false;
	stale = is_stale(path);
	if (stale)
		unlink(path);
	close(lock);
	return stale;
}

/* The VM with this PID, whatever its name. -ENOENT. */
static int find_pid(const char *folder, int wanted)
{
	char path[CONTROL_PATH_LEN + NAME_MAX + 2];
	DIR *stream = opendir(folder);
	struct dirent *entry;
	int found = -ENOENT;

	while (stream && found < 0 && (entry = readdir(stream))) {
		int pid, fd;

		if (!strstr(entry->d_name, CONTROL_SUFFIX))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fd = control_connect(path, &pid);
		if (fd >= 0 && pid == wanted)
			found = fd;
		else if (fd >= 0)
			close(fd);
	}
	if (stream)
		closedir(stream);
	return found;
}

static int find_in_folder(const char *vm)
{
	char folder[CONTROL_PATH_LEN], path[CONTROL_PATH_LEN];
	size_t len = strlen(vm);
	int result = control_folder(folder, false);

	if (!result)
		result = control_path_of(vm, false, path);
	if (result)
		return result;
	result = control_connect(path, NULL);
	if (result == -ENOENT && len < 10 && strspn(vm, "0123456789") == len)
		result = find_pid(folder, atoi(vm));
	return result;
}

int control_find(const char *vm, struct image_error *error)
{
	int fd;

	if (strchr(vm, '/'))
		fd = control_connect(vm, NULL);
	else if (control_name_is_good(vm) || (*vm && strspn(vm, "0123456789") == strlen(vm)))
		fd = find_in_folder(vm);
	else
		return refuse(error, -EINVAL, "%s: not a name, a PID or the path of a socket", vm);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return refuse(error, fd, "%s: no such VM is running: see vmm ps", vm);
	if (fd < 0)
		return refuse(error, fd, "%s: %s", vm, strerror(-fd));
	return fd;
}
