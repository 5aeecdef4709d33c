/* SPDX-License-Identifier: MIT */
/*
 * A running VM as a source: it stands still while this process has its connection open, and its
 * memory is mapped here, for reading.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vmm/control_client.h"
#include "vmm/pt_source.h"
#include "vmm/refuse.h"
#include "vmm/registers.h"

#define PATIENCE 10 /* seconds */

static int protocol(struct image_error *error)
{
	return refuse(error, -EPROTO, "the VM's answer makes no sense");
}

int pt_source_add_registers(struct pt_source *source, const struct vcpu_registers *registers)
{
	const struct pt_vcpu vcpu = {
		.rip = registers->general.rip,
		.rsp = registers->general.rsp,
		.cr0 = registers->special.cr0,
		.cr2 = registers->special.cr2,
		.cr3 = registers->special.cr3,
		.cr4 = registers->special.cr4,
		.efer = registers->special.efer,
		.efer_known = true,
	};

	return pt_source_add_vcpu(source, &vcpu);
}

static int vcpus_take(struct pt_source *source, const json_t *vcpus)
{
	size_t index;
	json_t *one;
	int result = json_array_size(vcpus) ? 0 : -EPROTO;

	json_array_foreach((json_t *)(uintptr_t)vcpus, index, one)
	{
		struct vcpu_registers registers;

		if (registers_from_json(json_object_get(one, "registers"), &registers))
			return -EPROTO;
		result = pt_source_add_registers(source, &registers);
		if (result)
			break;
	}
	return result;
}

static bool number_of(const json_t *object, const char *key, uint64_t *value)
{
	return registers_number_read(json_object_get(object, key), value);
}

/* The pool in this process, of the length that its file has, whatever the VM says. */
static int pool_map(struct pt_source *source, int fd, const unsigned char **pool)
{
	struct stat status;
	void *address;

	if (fd < 0 || fstat(fd, &status) || status.st_size <= 0)
		return -EPROTO;
	source->pool_len = (uint64_t)status.st_size;
	address = mmap(NULL, source->pool_len, PROT_READ, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		return -errno;
	*pool = address;
	if (!pt_source_add_mapping(source, address, source->pool_len))
		return 0;
	munmap(address, source->pool_len);
	return -ENOMEM;
}

static int ram_take(struct pt_source *source, const json_t *ram, const unsigned char *pool)
{
	size_t index;
	json_t *one;
	int result = 0;

	json_array_foreach((json_t *)(uintptr_t)ram, index, one)
	{
		uint64_t gpa, len, offset;

		if (!number_of(one, "gpa", &gpa) || !number_of(one, "len", &len) ||
		    !number_of(one, "offset", &offset) || offset > source->pool_len ||
		    len > source->pool_len - offset || len > UINT64_MAX - gpa)
			return -EPROTO;
		result = pt_source_add_extent(source, gpa, len, pool + offset);
		if (result)
			break;
	}
	return result;
}

/* "rwx", with a dash for what is not granted. */
static uint32_t rights_of(const json_t *json)
{
	const char *text = json_string_value(json);

	if (!text || strlen(text) < 3)
		return 0;
	return (text[0] == 'r' ? PROP_READ : 0) | (text[1] == 'w' ? PROP_WRITE : 0) |
	       (text[2] == 'x' ? PROP_EXECUTE : 0);
}

static unsigned level_of(uint64_t leaf)
{
	unsigned level = 1;

	while (level < LEVELS_MAX && level_size(level) != leaf)
		level++;
	return level;
}

static int host_take(struct pt_source *source, const json_t *runs)
{
	size_t index;
	json_t *one;

	source->host = calloc(json_array_size(runs) + 1, sizeof(*source->host));
	if (!source->host)
		return -ENOMEM;
	json_array_foreach((json_t *)(uintptr_t)runs, index, one)
	{
		struct core_vmm_range *range = &source->host[source->nr_host++];
		uint64_t leaf;

		if (!number_of(one, "gpa", &range->gpa) || !number_of(one, "len", &range->len) ||
		    !number_of(one, "frame", &range->frame) || !number_of(one, "leaf", &leaf))
			return -EPROTO;
		range->rights = rights_of(json_object_get(one, "rights"));
		range->level = level_of(leaf);
	}
	source->has_host = true;
	return 0;
}

static int ask(struct control_client *client, json_t *request, json_t **answer,
	       struct image_error *error)
{
	return control_client_call(client, request, PATIENCE, answer, error);
}

static int map_read(struct pt_source *source, struct control_client *client,
		    struct image_error *error)
{
	json_t *answer;
	int result = ask(client, json_pack("{s:s}", "command", "host-map"), &answer, error);

	if (result)
		return result;
	result = host_take(source, json_object_get(answer, "runs"));
	json_decref(answer);
	return result ? protocol(error) : 0;
}

static int vm_read(struct pt_source *source, struct control_client *client,
		   struct image_error *error)
{
	const unsigned char *pool = NULL;
	json_t *answer;
	int result = ask(client, json_pack("{s:s}", "command", "inspect"), &answer, error);

	if (result)
		return result;
	result = vcpus_take(source, json_object_get(answer, "vcpus"));
	if (!result)
		result = pool_map(source, client->passed_fd, &pool);
	if (!result)
		result = ram_take(source, json_object_get(answer, "ram"), pool);
	json_decref(answer);
	if (result == -EPROTO)
		return protocol(error);
	if (result)
		return refuse(error, result, "the VM's memory: %s", strerror(-result));
	return map_read(source, client, error);
}

static void step_take(struct foreign_path *path, const json_t *one)
{
	struct foreign_step *step = &path->steps[path->nr_steps];
	uint64_t level, index;

	if (path->nr_steps == LEVELS_MAX || !number_of(one, "level", &level) ||
	    !number_of(one, "index", &index) || !number_of(one, "entry", &step->entry) ||
	    !number_of(one, "value", &step->raw))
		return;
	step->level = (unsigned)level;
	step->index = (unsigned)index;
	step->rights = rights_of(json_object_get(one, "rights"));
	step->kind = FOREIGN_NODE;
	path->nr_steps++;
}

/* Names of frame kinds live in the VM: the answer is kept until the next one. */
struct live {
	struct control_client client;
	json_t *answer;
};

static int host_walk(void *context, uint64_t gpa, struct pt_host_walk *walk)
{
	struct live *live = context;
	struct image_error error;
	uint64_t references, leaf;
	size_t index;
	json_t *one;
	int result;

	json_decref(live->answer);
	result = ask(&live->client,
		     json_pack("{s:s, s:o}", "command", "host-walk", "gpa", registers_number(gpa)),
		     &live->answer, &error);
	if (result)
		return result;
	json_array_foreach(json_object_get(live->answer, "steps"), index, one)
		step_take(&walk->path, one);
	walk->mapped = json_is_true(json_object_get(live->answer, "mapped"));
	if (!walk->mapped)
		return 0;
	if (!number_of(live->answer, "frame", &walk->frame) ||
	    !number_of(live->answer, "leaf", &leaf))
		return -EPROTO;
	walk->level = level_of(leaf);
	walk->rights = rights_of(json_object_get(live->answer, "rights"));
	walk->kind = json_string_value(json_object_get(live->answer, "kind"));
	walk->has_slot = walk->kind && number_of(live->answer, "references", &references);
	if (walk->has_slot)
		walk->references = (unsigned)references;
	return 0;
}

static void live_close(void *context)
{
	struct live *live = context;

	control_client_close(&live->client);
	json_decref(live->answer);
	free(live);
}

int pt_source_vm(struct pt_source *source, const char *vm, struct image_error *error)
{
	struct live *live = calloc(1, sizeof(*live));
	int result;

	if (!live)
		return refuse(error, -ENOMEM, "no memory");
	result = control_client_open(&live->client, vm, error);
	if (result) {
		free(live);
		return result;
	}
	*source = (struct pt_source){
		.name = vm,
		.kind = "VM",
		.host_walk = host_walk,
		.context = live,
		.close = live_close,
	};
	result = vm_read(source, &live->client, error);
	if (result)
		pt_source_close(source);
	else
		pt_source_settle(source);
	return result;
}
