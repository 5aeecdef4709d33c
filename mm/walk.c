/* SPDX-License-Identifier: MIT */
/*
 * Walks of foreign tables.
 */
#include "mm/walk.h"

/* What one entry grants: in a node entry of x86-64, too, where ours never limit anything. */
static uint32_t step_rights(const struct pt_format *format, pte_t pte)
{
	return pte_prop(format, pte).bits & (PROP_RIGHTS | PROP_USER);
}

static bool cache_is_known(const struct pt_format *format, pte_t pte)
{
	for (unsigned kind = 0; kind < PROP_CACHE_KINDS; kind++)
		if ((pte.raw & format->cache_mask) == format->cache[kind])
			return true;
	return false;
}

static bool leaf_is_reserved(const struct pt_format *format, pte_t pte, unsigned level)
{
	uint64_t below = pte.raw & format->address & (level_size(level) - 1);

	return !format_has_leaf(format, level) || (level > 1 && below & ~format->pat) ||
	       (format->strict && !cache_is_known(format, pte));
}

/* Would hardware fault on this present entry, whatever the access? In EPT: misconfigured. */
static bool step_is_reserved(const struct pt_format *format, const struct walk_step *step)
{
	if (format->strict && !(format->rights >> (step->rights & PROP_RIGHTS) & 1))
		return true;
	if (step->kind == PTE_LEAF)
		return leaf_is_reserved(format, step->pte, step->level);
	return (step->pte.raw & format->reserved) != 0;
}

static enum walk_end walk_step(const struct pt_format *format, struct walk_step *step,
			       walk_read_t read, void *context)
{
	if (read(context, step->entry, &step->pte.raw))
		return WALK_OUTSIDE;
	if (!(step->pte.raw & format->present))
		return WALK_ABSENT;
	step->kind = pte_kind(format, step->pte, step->level);
	step->rights = step_rights(format, step->pte);
	return step_is_reserved(format, step) ? WALK_RESERVED : WALK_MAPPED;
}

static void walk_leaf(const struct pt_format *format, const struct walk_step *step, vaddr_t va,
		      struct walk *walk)
{
	uint64_t offset = va.value & (level_size(step->level) - 1);

	walk->level = step->level;
	walk->prop = pte_prop(format, step->pte);
	walk->paddr = PADDR(pte_leaf_paddr(format, step->pte, step->level).value + offset);
}

void walk_table(const struct pt_format *format, paddr_t root, vaddr_t va, walk_read_t read,
		void *context, struct walk *walk)
{
	paddr_t node = root;

	*walk = (struct walk){ .end = WALK_CANONICAL, .rights = PROP_RIGHTS | PROP_USER };
	if (!format_contains(format, va, 1))
		return;
	for (unsigned level = format->levels; level > 0; level--) {
		struct walk_step *step = &walk->steps[walk->nr_steps++];
		unsigned index = pte_index(va.value, level);

		*step = (struct walk_step){ .level = level, .index = index, .kind = PTE_ABSENT };
		step->entry = PADDR(node.value + index * sizeof(uint64_t));
		walk->end = walk_step(format, step, read, context);
		walk->rights &= step->rights;
		if (walk->end != WALK_MAPPED)
			return;
		if (step->kind == PTE_LEAF) {
			walk_leaf(format, step, va, walk);
			return;
		}
		node = pte_paddr(format, step->pte);
	}
}
