/* SPDX-License-Identifier: MIT */
/*
 * The parts of the control socket: only vmm/control*.c includes it.
 */
#ifndef VMM_CONTROL_PRIVATE_H
#define VMM_CONTROL_PRIVATE_H

#include <jansson.h>

#include "vmm/control.h"
#include "vmm/control_place.h"
#include "vmm/peer.h"

#define CONTROL_LINE_MAX 4096 /* bytes of a request; a longer one ends the connection */
#define CONTROL_CONNECTIONS_MAX 8

struct control_connection {
	struct peer peer;
	bool holds; /* counts in vm->holds */
	size_t used;
	char line[CONTROL_LINE_MAX];
};

struct control {
	int fd; /* listens */
	char path[CONTROL_PATH_LEN];
	char name[CONTROL_PATH_LEN];
	const char *image;
	uint64_t start_ns;
	bool paused; /* by `pause`: counts in vm->holds */
	struct control_connection connections[CONTROL_CONNECTIONS_MAX];
};

/* One request, and what becomes of it. */
struct control_call {
	struct vm *vm;
	struct control_connection *from;
	const json_t *request;
	json_t *result; /* an object, to be filled */
	int pass_fd;	/* goes with the reply; -1: none */
	struct image_error error;
};

/* Carries call->request out. 0, or -E* with a sentence in call->error. */
int control_call(struct control_call *call);

/* Holds the vCPU for this connection, or no longer. */
void control_hold(struct vm *vm, struct control_connection *connection, bool hold);

/* The commands that look at memory. Each: 0, or -E* with a sentence. */
int control_inspect(struct control_call *call);
int control_registers(struct control_call *call);
int control_host_walk(struct control_call *call);
int control_host_map(struct control_call *call);

/* "rwx", with '-' for what is not granted. */
json_t *control_rights(uint32_t rights);

#endif
