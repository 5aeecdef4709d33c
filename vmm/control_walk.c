/* SPDX-License-Identifier: MIT */
/*
 * The host table's walk of one GPA, for the control socket.
 */
#include <errno.h>

#include "vmm/control_private.h"
#include "vmm/refuse.h"
#include "vmm/registers.h"
#include "vmm/vm_tables.h"

static json_t *step_json(const struct foreign_step *step)
{
	static const char *const kinds[] = {
		[FOREIGN_ABSENT] = "absent",
		[FOREIGN_NODE] = "node",
		[FOREIGN_LEAF] = "leaf",
		[FOREIGN_RESERVED] = "malformed",
	};

	return json_pack("{s:i, s:i, s:o, s:o, s:s, s:o}", "level", (int)step->level, "index",
			 (int)step->index, "entry", registers_number(step->entry), "value",
			 registers_number(step->raw), "kind", kinds[step->kind], "rights",
			 control_rights(step->rights));
}

/* With what the frame's slot knows. */
static void frame_put_json(struct control_call *call, const struct foreign_path *path)
{
	const struct phys_domain *domain = call->vm->memory.space.table.domain;
	paddr_t paddr = PADDR(align_down(path->address, PAGE_SIZE));
	struct slot *slot;

	json_object_set_new(call->result, "frame", registers_number(path->address));
	json_object_set_new(call->result, "leaf",
			    json_integer((json_int_t)level_size(path->level)));
	json_object_set_new(call->result, "rights", control_rights(path->rights));
	if (domain_slot(domain, paddr, &slot))
		return;
	json_object_set_new(call->result, "references", json_integer(slot_count(slot)));
	json_object_set_new(call->result, "kind", json_string(frame_kind_name(slot_kind(slot))));
}

int control_host_walk(struct control_call *call)
{
	const struct foreign_memory host = vm_tables_host_memory(&call->vm->memory);
	struct foreign_paging paging;
	struct foreign_path path;
	json_t *steps = json_array();
	uint64_t gpa;

	json_object_set_new(call->result, "steps", steps);
	if (!registers_number_read(json_object_get(call->request, "gpa"), &gpa))
		return refuse(&call->error, -EINVAL, "host-walk: \"gpa\" is no number");
	vm_tables_host_paging(&call->vm->memory, &paging);
	foreign_translate(&paging, &host, gpa, &path);
	for (unsigned i = 0; i < path.nr_steps; i++)
		json_array_append_new(steps, step_json(&path.steps[i]));
	json_object_set_new(call->result, "gpa", registers_number(gpa));
	json_object_set_new(call->result, "mapped", json_boolean(path.end == FOREIGN_MAPPED));
	if (path.end == FOREIGN_MAPPED)
		frame_put_json(call, &path);
	return 0;
}
