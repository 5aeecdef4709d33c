/* SPDX-License-Identifier: MIT */
/*
 * Where the control sockets of running VMs are, and how they are found.
 *
 * A VM's socket is NAME.sock or PID.sock in $XDG_RUNTIME_DIR/vmm, or in /tmp/vmm-UID where there is
 * no such variable: a folder of the user's own, mode 0700. Sockets have mode 0600. One that nobody
 * listens at is stale, and is removed by who finds it.
 */
#ifndef VMM_CONTROL_PLACE_H
#define VMM_CONTROL_PLACE_H

#include <stdbool.h>
#include <sys/un.h>

#include "vmm/image.h"

#define CONTROL_PATH_LEN sizeof(((struct sockaddr_un *)0)->sun_path) /* with the final NUL */
#define CONTROL_SUFFIX ".sock"

/*
 * The folder. `make`: makes it if it is not there. -EPERM if it is somebody else's, or others may
 * enter it; -ENAMETOOLONG, -ENOENT and what else the kernel says.
 */
int control_folder(char folder[CONTROL_PATH_LEN], bool make);

/*
 * Can a VM have this name? Letters, digits, '.', '_' and '-', at most 32, the first a letter or
 * digit; digits alone are a PID.
 */
bool control_name_is_good(const char *name);

/* The path of the socket called `name` in the folder. Errors as control_folder(). */
int control_path_of(const char *name, bool make, char path[CONTROL_PATH_LEN]);

/*
 * A socket that listens at `path`, mode 0600; a stale one there is replaced. The descriptor is the
 * caller's, who removes the file when he closes it. -EADDRINUSE if somebody listens there, or
 * something else is there; -ENAMETOOLONG; -EAGAIN others are changing the folder all the time; and
 * what else the kernel says.
 */
int control_listen(const char *path);

/*
 * A connection to the socket at `path`, which blocks; *pid (may be NULL) is who listens. The
 * descriptor is the caller's. -ECONNREFUSED it is stale, -EAGAIN too many wait there; others as the
 * kernel says.
 */
int control_connect(const char *path, int *pid);

/* Is nobody listening there any more? Then it is removed: true. */
bool control_remove_stale(const char *path);

/*
 * Connects to the VM that a user means: a path (it has a '/'), a name, or a PID. The descriptor, or
 * -E* with a sentence.
 */
int control_find(const char *vm, struct image_error *error);

#endif
