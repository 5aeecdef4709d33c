/* SPDX-License-Identifier: MIT */
/*
 * A server of the GDB remote serial protocol for one VM, one gdb at a time (docs/debugging.md).
 *
 * As the control socket, it has no thread: the vCPU's own answers, between two instructions. While
 * gdb has the guest stopped, it counts in vm->holds.
 */
#ifndef VMM_GDB_H
#define VMM_GDB_H

#include "vmm/vm.h"

struct gdb_options {
	uint16_t port;	  /* of 127.0.0.1; 0: a Unix socket at `path` */
	const char *path; /* replaced if it is stale; removed at the end */
	bool wait;	  /* the guest's first instruction waits for gdb to say so */
	bool qemu_exit;	  /* how gdb is told of the guest's own code */
};

/* Makes vm->gdb, which listens. -E* with a sentence, and vm->gdb stays NULL. */
int gdb_open(struct vm *vm, const struct gdb_options *options, struct image_error *error);

/*
 * For the thread that runs the vCPU, with vm->gdb or without, as control_begin(), control_serve()
 * and control_close(). close takes all breakpoints out of the guest.
 */
int gdb_begin(struct vm *vm);
void gdb_serve(struct vm *vm);
void gdb_close(struct vm *vm);

/* KVM_RUN returned: is that exit gdb's? Then it has been dealt with, and nobody else may. */
bool gdb_take_exit(struct vm *vm);

/*
 * The run has ended: tells gdb. true if the guest died and gdb may look at it: until vm->holds is 0
 * again, serve gdb, and then call this once more.
 */
bool gdb_ended(struct vm *vm);

#endif
