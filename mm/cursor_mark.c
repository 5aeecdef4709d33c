/* SPDX-License-Identifier: MIT */
/*
 * Marking what is absent with a status (3.8).
 */
#include "mm/cursor_private.h"

/* Is the entry one that marking with `status` changes? */
static bool differs(const struct cursor *cursor, pte_t pte, uint64_t status)
{
	return !pte_is_present(cursor->table->format, pte) && pte_status(pte) != status;
}

/*
 * Goes to the entry at `offset`, and splits it as long as it must change and reaches over `edge`,
 * inside it.
 */
static int split_at(struct cursor *cursor, uint64_t offset, uint64_t edge, uint64_t status)
{
	int error = 0;

	cursor_place(cursor, offset);
	while (error == 0) {
		pte_t pte;

		error = cursor_settle(cursor, &pte);
		if (error || !differs(cursor, pte, status) || cursor_entry_start(cursor) >= edge ||
		    cursor_entry_end(cursor) <= edge)
			break;
		error = cursor_reach(cursor, cursor->level - 1u);
	}
	/* A leaf all of a sudden: only a guest does that. */
	return error == -EEXIST ? -EUCLEAN : error;
}

/* Marks the absent entries from here to `end`; those that must change lie wholly inside. */
static int mark_entries(struct cursor *cursor, uint64_t end, uint64_t status)
{
	const struct pt_child marked = { .kind = PTE_ABSENT, .status = status };
	int error = 0;

	while (error == 0 && cursor->at < end) {
		pte_t pte;

		error = cursor_settle(cursor, &pte);
		if (error == 0 && differs(cursor, pte, status)) {
			struct pt_entry entry = cursor_entry(cursor);
			struct pt_child old;

			error = entry_replace(&entry, &marked, &old);
		}
		if (error == 0)
			cursor_forward(cursor);
	}
	return error;
}

int cursor_mark(struct cursor *cursor, uint64_t len, uint64_t status)
{
	uint64_t begin = cursor->at;
	uint64_t end = begin + len;
	int error = cursor_check_len(cursor, len);

	if (error || len == 0)
		return error;
	if (cursor->mode != CURSOR_MUTATE || status > STATUS_MAX)
		return -EINVAL;
	error = split_at(cursor, begin, begin, status);
	if (error == 0)
		error = split_at(cursor, end - PAGE_SIZE, end, status);
	cursor_place(cursor, begin);
	if (error)
		return error;
	if (status)
		atomic_store_explicit(&cursor->table->marked, true, memory_order_relaxed);
	error = mark_entries(cursor, end, status);
	cursor_place(cursor, error ? begin : end);
	return error;
}
