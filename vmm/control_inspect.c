/* SPDX-License-Identifier: MIT */
/*
 * What the control socket tells of a VM's registers and memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/control_private.h"
#include "vmm/ram_runs.h"
#include "vmm/refuse.h"
#include "vmm/registers.h"
#include "vmm/table_runs.h"

json_t *control_rights(uint32_t rights)
{
	return json_sprintf("%c%c%c", rights & PROP_READ ? 'r' : '-',
			    rights & PROP_WRITE ? 'w' : '-', rights & PROP_EXECUTE ? 'x' : '-');
}

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

int control_registers(struct control_call *call)
{
	struct vcpu_registers registers;
	json_t *vcpu, *vcpus = json_array();
	int result = registers_get(call->vm->vcpu_fd, &registers);

	json_object_set_new(call->result, "vcpus", vcpus);
	if (result)
		return refuse(&call->error, result, "KVM does not tell the registers: %s",
			      strerror(-result));
	vcpu = json_pack("{s:i, s:o}", "id", 0, "registers", registers_to_json(&registers));
	return json_array_append_new(vcpus, vcpu) ? -ENOMEM : 0;
}

static int ram_put(void *context, const struct ram_run *run)
{
	json_t *object = json_pack("{s:o, s:o, s:o}", "gpa", registers_number(run->gpa.value),
				   "len", integer(run->len), "offset", integer(run->frame.value));

	return json_array_append_new(context, object) ? -ENOMEM : 0;
}

/* Of the same memory, but nobody can write through it. */
static int pool_reopen(const struct host_pool *pool)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", pool->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int control_inspect(struct control_call *call)
{
	json_t *ram = json_array();
	int result = control_registers(call);

	json_object_set_new(call->result, "ram", ram);
	json_object_set_new(call->result, "pool", integer(call->vm->pool.len));
	if (result)
		return result;
	result = ram_runs(&call->vm->memory, ram_put, ram);
	if (result)
		return refuse(&call->error, result, "the host table cannot be read: %s",
			      strerror(-result));
	call->pass_fd = pool_reopen(&call->vm->pool);
	if (call->pass_fd < 0)
		return refuse(&call->error, call->pass_fd, "the pool does not open for reading: %s",
			      strerror(-call->pass_fd));
	control_hold(call->vm, call->from, true);
	return 0;
}

static int map_put(void *context, const struct table_run *run)
{
	const struct pt_mapping *leaf = &run->first;
	json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o}", "gpa",
				   registers_number(leaf->start.value), "len", integer(run->len),
				   "leaf", integer(leaf->len), "rights",
				   control_rights(leaf->prop.bits), "frame",
				   registers_number(leaf->paddr.value));

	return json_array_append_new(context, object) ? -ENOMEM : 0;
}

int control_host_map(struct control_call *call)
{
	struct gpa_space *memory = &call->vm->memory;
	json_t *runs = json_array();
	int result;

	json_object_set_new(call->result, "runs", runs);
	result = table_runs(&memory->space.table, VADDR(0), ram_layout_end(&memory->ram), map_put,
			    runs);
	if (result)
		return refuse(&call->error, result, "the host table cannot be read: %s",
			      strerror(-result));
	return 0;
}
