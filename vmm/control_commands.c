/* SPDX-License-Identifier: MIT */
/*
 * The commands of the control socket: which there are, and the short ones.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/control_private.h"
#include "vmm/refuse.h"
#include "vmm/registers.h"
#include "vmm/snapshot.h"

static int state_put(struct control_call *call)
{
	const struct vm *vm = call->vm;
	json_t *holders = json_array();

	if (vm->control->paused)
		json_array_append_new(holders, json_string("pause"));
	for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		if (vm->control->connections[i].holds)
			json_array_append_new(holders, json_string("inspect"));
	if (vm->holds > json_array_size(holders))
		json_array_append_new(holders, json_string("gdb"));
	json_object_set_new(call->result, "state", json_string(vm->holds ? "paused" : "running"));
	return json_object_set_new(call->result, "held_by", holders) ? -ENOMEM : 0;
}

static int command_status(struct control_call *call)
{
	const struct vm *vm = call->vm;
	const struct control *control = vm->control;
	uint64_t exits = 0;

	for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
		exits += vm->statistics.exits[i];
	json_object_set_new(call->result, "name", json_string(control->name));
	json_object_set_new(call->result, "pid", json_integer(getpid()));
	json_object_set_new(call->result, "image", json_string(control->image));
	json_object_set_new(call->result, "vcpus", json_integer(1));
	json_object_set_new(call->result, "memory",
			    json_integer((json_int_t)vm->options.memory_len));
	json_object_set_new(
		call->result, "seconds",
		json_real((double)(clock_now() - control->start_ns) / (double)NS_PER_SECOND));
	json_object_set_new(call->result, "exits", json_integer((json_int_t)exits));
	return state_put(call);
}

static int command_pause(struct control_call *call)
{
	if (!call->vm->control->paused)
		call->vm->holds++;
	call->vm->control->paused = true;
	return state_put(call);
}

static int command_resume(struct control_call *call)
{
	if (call->vm->control->paused)
		call->vm->holds--;
	call->vm->control->paused = false;
	return state_put(call);
}

static int command_release(struct control_call *call)
{
	control_hold(call->vm, call->from, false);
	return state_put(call);
}

/* To this thread, which holds it back until it looks for it: see signals.h. */
static int command_quit(struct control_call *call)
{
	(void)call;
	return raise(SIGTERM) ? -errno : 0;
}

static int command_snapshot(struct control_call *call)
{
	const char *path = json_string_value(json_object_get(call->request, "path"));
	struct snapshot_figures figures;
	int result;

	if (!path || path[0] != '/')
		return refuse(&call->error, -EINVAL, "snapshot: no absolute \"path\" is given");
	result = snapshot_write(call->vm, path, &figures, &call->error);
	if (result)
		return result;
	json_object_set_new(call->result, "ranges", json_integer((json_int_t)figures.ranges));
	json_object_set_new(call->result, "memory", json_integer((json_int_t)figures.memory));
	return json_object_set_new(call->result, "written",
				   json_integer((json_int_t)figures.written)) ?
		       -ENOMEM :
		       0;
}

static const struct {
	const char *name;
	int (*run)(struct control_call *call);
} commands[] = {
	{ "status", command_status },	    { "pause", command_pause },
	{ "resume", command_resume },	    { "quit", command_quit },
	{ "registers", control_registers }, { "inspect", control_inspect },
	{ "release", command_release },	    { "host-walk", control_host_walk },
	{ "host-map", control_host_map },   { "snapshot", command_snapshot },
};

int control_call(struct control_call *call)
{
	const char *name = json_string_value(json_object_get(call->request, "command"));

	if (!name)
		return refuse(&call->error, -EINVAL, "no \"command\" is given");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(call);
	return refuse(&call->error, -EINVAL, "there is no command \"%.40s\"", name);
}
