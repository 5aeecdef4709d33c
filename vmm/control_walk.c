/* SPDX-License-Identifier: MIT */
/*
 * The host table's walk of one GPA, for the control socket.
 */
#include <errno.h>
#include <string.h>

#include "mm/walk.h"
#include "vmm/control_private.h"
#include "vmm/refuse.h"
#include "vmm/registers.h"

/* The entry of the host table: in the pool. */
static int entry_read(void *context, paddr_t paddr, uint64_t *entry)
{
	const struct phys_domain *domain = context;

	if (!domain_contains(domain, paddr, sizeof(*entry)))
		return -EFAULT;
	memcpy(entry, domain_pointer(domain, paddr), sizeof(*entry));
	return 0;
}

static json_t *step_json(const struct walk_step *step)
{
	static const char *const kinds[] = {
		[PTE_ABSENT] = "absent",
		[PTE_NODE] = "node",
		[PTE_LEAF] = "leaf",
	};

	return json_pack("{s:i, s:i, s:o, s:o, s:s, s:o}", "level", (int)step->level, "index",
			 (int)step->index, "entry", registers_number(step->entry.value), "value",
			 registers_number(step->pte.raw), "kind", kinds[step->kind], "rights",
			 control_rights(step->rights));
}

/* With what the frame's slot knows. */
static void frame_put_json(struct control_call *call, const struct walk *walk)
{
	const struct phys_domain *domain = call->vm->memory.space.table.domain;
	paddr_t paddr = PADDR(align_down(walk->paddr.value, PAGE_SIZE));
	struct slot *slot;

	json_object_set_new(call->result, "frame", registers_number(walk->paddr.value));
	json_object_set_new(call->result, "leaf",
			    json_integer((json_int_t)level_size(walk->level)));
	json_object_set_new(call->result, "rights", control_rights(walk->rights));
	if (domain_slot(domain, paddr, &slot))
		return;
	json_object_set_new(call->result, "references", json_integer(slot_count(slot)));
	json_object_set_new(call->result, "kind", json_string(frame_kind_name(slot_kind(slot))));
}

int control_host_walk(struct control_call *call)
{
	const struct page_table *table = &call->vm->memory.space.table;
	json_t *steps = json_array();
	struct walk walk;
	uint64_t gpa;

	json_object_set_new(call->result, "steps", steps);
	if (!registers_number_read(json_object_get(call->request, "gpa"), &gpa))
		return refuse(&call->error, -EINVAL, "host-walk: \"gpa\" is no number");
	walk_table(table->format, page_table_root(table), VADDR(gpa), entry_read, table->domain,
		   &walk);
	for (unsigned i = 0; i < walk.nr_steps; i++)
		json_array_append_new(steps, step_json(&walk.steps[i]));
	json_object_set_new(call->result, "gpa", registers_number(gpa));
	json_object_set_new(call->result, "mapped", json_boolean(walk.end == WALK_MAPPED));
	if (walk.end == WALK_MAPPED)
		frame_put_json(call, &walk);
	return 0;
}
