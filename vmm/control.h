/* SPDX-License-Identifier: MIT */
/*
 * The control socket of a running VM (docs/control.md): JSON lines, one request and one reply each.
 *
 * There is no thread for it: what a peer sends makes a signal, which ends KVM_RUN, and the vCPU's
 * own thread answers, between two instructions of the guest. So the guest stands still while a
 * request is carried out, and nothing here has to be locked. A peer is never waited for.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include "vmm/vm.h"

struct control_options {
	const char *path;  /* of the socket; NULL: in the user's folder, by name or PID */
	const char *name;  /* of the VM; NULL: it has none */
	const char *image; /* what status says of it; outlives the run */
};

/*
 * Makes vm->control, which listens: what peers say waits until control_begin(). -E* with a
 * sentence, and vm->control stays NULL.
 */
int control_open(struct vm *vm, const struct control_options *options, struct image_error *error);

/*
 * For the thread that runs the vCPU, with vm->control or without: begin, once its signals are open;
 * serve, whenever SIGNAL_ATTENTION came, with the vCPU between two instructions; close, before the
 * signals are closed. close ends every connection and removes the socket.
 */
int control_begin(struct vm *vm);
void control_serve(struct vm *vm);
void control_close(struct vm *vm);

#endif
