/* SPDX-License-Identifier: MIT */
/*
 * The VMM's own accesses to guest memory: only what the host table allows.
 */
#include <errno.h>
#include <string.h>

#include "ept/gpa_space.h"

/* Is every page from the cursor's address to the end of its range mapped with these rights? */
static bool range_allows(struct cursor *cursor, uint32_t rights)
{
	for (;;) {
		struct pt_mapping leaf;
		vaddr_t next;

		if (cursor_query(cursor, &leaf) || !leaf.present || rights & ~leaf.prop.bits)
			return false;
		next = VADDR(leaf.start.value + leaf.len);
		if (next.value - cursor_virt_addr(cursor).value >= cursor_remaining(cursor))
			return true;
		if (cursor_jump(cursor, next))
			return false;
	}
}

/*
 * A pointer to [gpa, gpa+len), or NULL if any of it is not mapped with these rights. Until the
 * cursor is closed, which is open only if there is a pointer, nobody can change that.
 */
static void *range_open(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights,
			struct cursor *cursor)
{
	uint64_t start = align_down(gpa.value, PAGE_SIZE);
	uint64_t end;

	if (len == 0 || !ram_layout_contains(&space->ram, gpa, len))
		return NULL;
	/* RAM ends at a page, far below 2^64. */
	end = align_down(gpa.value + len - 1, PAGE_SIZE) + PAGE_SIZE;
	if (cursor_open(cursor, &space->space.table, VADDR(start), end - start, CURSOR_READ, 1))
		return NULL;
	if (range_allows(cursor, rights))
		return space->window.memory + gpa.value;
	cursor_close(cursor);
	return NULL;
}

void *gpa_space_pointer(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights)
{
	struct cursor cursor;
	void *memory = range_open(space, gpa, len, rights, &cursor);

	if (memory)
		cursor_close(&cursor);
	return memory;
}

int gpa_space_read(struct gpa_space *space, gpa_t gpa, void *to, uint64_t len)
{
	struct cursor cursor;
	const void *memory = range_open(space, gpa, len, PROP_READ, &cursor);

	if (!memory)
		return -EFAULT;
	memcpy(to, memory, len);
	cursor_close(&cursor);
	return 0;
}

int gpa_space_write(struct gpa_space *space, gpa_t gpa, const void *from, uint64_t len)
{
	struct cursor cursor;
	void *memory = range_open(space, gpa, len, PROP_WRITE, &cursor);

	if (!memory)
		return -EFAULT;
	memcpy(memory, from, len);
	cursor_close(&cursor);
	return 0;
}
