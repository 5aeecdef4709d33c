/* SPDX-License-Identifier: MIT */
/*
 * Asking a running VM: the other end of its control socket.
 */
#ifndef VMM_CONTROL_CLIENT_H
#define VMM_CONTROL_CLIENT_H

#include <jansson.h>

#include "vmm/image.h"

struct control_client {
	int fd;
	char *line; /* what came and is no whole reply yet */
	size_t used;
	size_t room;
	int passed_fd; /* came with a reply, the client's; -1: none */
};

/*
 * Connects to the VM that a user means by a name, a PID or a path. -E* with a sentence; nothing is
 * to be closed then.
 */
int control_client_open(struct control_client *client, const char *vm, struct image_error *error);

/* The same with a descriptor from control_connect(), which is the client's from now on. */
void control_client_init(struct control_client *client, int fd);

/* What the VM does for this connection, holding its vCPU for one, ends. */
void control_client_close(struct control_client *client);

/*
 * Sends one request, which is consumed, and waits for its reply for up to `seconds` (0: without
 * end). *result is the reply's "result", to be given back with json_decref(). -E* with a sentence:
 * the VM's own if it refuses (-EREMOTEIO).
 */
int control_client_call(struct control_client *client, json_t *request, unsigned seconds,
			json_t **result, struct image_error *error);

#endif
