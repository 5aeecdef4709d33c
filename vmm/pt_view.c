/* SPDX-License-Identifier: MIT */
/*
 * One look at a source: see pt_view.h.
 */
#include "vmm/pt_view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/refuse.h"

static const char *const mode_names[FOREIGN_MODES] = {
	[FOREIGN_OFF] = "off",	     [FOREIGN_32] = "32-bit",	  [FOREIGN_PAE] = "pae",
	[FOREIGN_LONG4] = "4-level", [FOREIGN_LONG5] = "5-level", [FOREIGN_EPT4] = "ept",
	[FOREIGN_EPT5] = "ept5",     [FOREIGN_NPT4] = "npt",	  [FOREIGN_NPT5] = "npt5",
};

bool pt_mode_parse(const char *name, enum foreign_mode *mode)
{
	for (*mode = 0; *mode < FOREIGN_MODES; (*mode)++)
		if (!strcmp(name, mode_names[*mode]))
			return true;
	return false;
}

static int vcpu_take(struct pt_view *view, const struct pt_choice *choice,
		     struct image_error *error)
{
	const struct pt_source *source = view->source;
	uint64_t number = choice->has_vcpu ? choice->vcpu : 0;

	if (source->nr_vcpus == 0 && choice->has_vcpu)
		return refuse(error, -EINVAL, "%s has no vCPU: --cr3 says where a table is",
			      source->name);
	if (source->nr_vcpus == 0)
		return choice->has_cr3 ? 0 :
					 refuse(error, -EINVAL,
						"%s has no registers: --cr3 says where a table is",
						source->name);
	if (number >= source->nr_vcpus)
		return refuse(error, -EINVAL, "%s has no vCPU %" PRIu64 ": it has %zu, from 0 on",
			      source->name, number, source->nr_vcpus);
	view->has_vcpu = true;
	view->vcpu = number;
	view->registers = source->vcpus[number];
	return 0;
}

int pt_view_open(struct pt_view *view, struct pt_source *source, const struct pt_choice *choice,
		 struct image_error *error)
{
	struct foreign_registers registers;
	int result;

	*view = (struct pt_view){ .source = source,
				  .memory = pt_source_memory(source),
				  .chosen = choice->has_cr3 || choice->has_mode };
	result = vcpu_take(view, choice, error);
	if (result)
		return result;
	registers = (struct foreign_registers){
		.cr0 = view->registers.cr0,
		.cr3 = choice->has_cr3 ? choice->cr3 : view->registers.cr3,
		.cr4 = view->registers.cr4,
		.efer = view->registers.efer,
		.maxphyaddr = choice->maxphyaddr,
	};
	if (choice->has_mode || !view->has_vcpu)
		foreign_paging_make(choice->has_mode ? choice->mode : FOREIGN_LONG4, registers.cr3,
				    choice->maxphyaddr, &view->paging);
	else
		foreign_paging_of(&registers, &view->paging);
	return 0;
}

void pt_view_describe(const struct pt_view *view, char *text, size_t len)
{
	const struct foreign_paging *paging = &view->paging;
	const bool nx = paging->mode >= FOREIGN_PAE && paging->mode <= FOREIGN_LONG5;
	char vcpu[48] = "no vCPU";

	if (view->has_vcpu)
		snprintf(vcpu, sizeof(vcpu), "vCPU %zu of %zu", view->vcpu, view->source->nr_vcpus);
	if (view->what)
		snprintf(text, len, "%s", view->what);
	else if (paging->levels == 0)
		snprintf(text, len, "%s, paging is off", vcpu);
	else
		snprintf(text, len, "%s, CR3 0x%" PRIx64 "%s, %s%s%s", vcpu, paging->root,
			 view->chosen ? " as asked for" : "", paging->name,
			 nx && !paging->no_execute ? ", NX off" : "",
			 nx && view->has_vcpu && !view->registers.efer_known ?
				 ", EFER not in the file: NX taken for on" :
				 "");
}

#define SEEN_ROOM 1024

static bool slot_take(uint64_t *slots, size_t room, uint64_t key)
{
	size_t at = (key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);

	while (slots[at] && slots[at] != key)
		at = (at + 1) & (room - 1);
	if (slots[at])
		return false;
	slots[at] = key;
	return true;
}

/* At most half of the slots are used. */
static bool seen_grow(struct pt_seen *seen)
{
	size_t room = seen->room ? 2 * seen->room : SEEN_ROOM;
	uint64_t *slots;

	if (seen->nr < seen->room / 2)
		return true;
	slots = calloc(room, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < seen->room; i++)
		if (seen->slots[i])
			slot_take(slots, room, seen->slots[i]);
	free(seen->slots);
	seen->slots = slots;
	seen->room = room;
	return true;
}

/* Tables begin at multiples of 32, levels are below 8: together they are a key that is not 0. */
bool pt_seen(struct pt_seen *seen, uint64_t table, unsigned level)
{
	if (seen_grow(seen) && slot_take(seen->slots, seen->room, table | level)) {
		seen->nr++;
		seen->tables[level]++;
		return false;
	}
	seen->revisits[level]++;
	return true;
}

void pt_seen_free(struct pt_seen *seen)
{
	free(seen->slots);
	*seen = (struct pt_seen){ .slots = NULL };
}
