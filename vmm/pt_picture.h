/* SPDX-License-Identifier: MIT */
/*
 * An address space as a picture: one self-contained file of HTML that is zoomed and clicked, or of
 * SVG that stands still.
 *
 * Both are drawn on a folded axis: what is mapped lies in islands, as wide as their size's
 * logarithm, and the holes between them are narrow. A 48-bit space is otherwise a line with nothing
 * to be seen on it.
 */
#ifndef VMM_PT_PICTURE_H
#define VMM_PT_PICTURE_H

#include "vmm/pt_out.h"
#include "vmm/pt_view.h"

/* A stretch of the address space that is mapped, small holes included. Offsets, in bytes. */
struct pt_island {
	uint64_t start;
	uint64_t len;
};

/* A table that was entered, and the entry that led to it. */
struct pt_picture_table {
	uint64_t start; /* offset of the first address that it translates */
	uint64_t at;	/* where it lies */
	uint64_t raw;	/* of the entry that points to it; 0 of the top */
	unsigned level;
};

/* What changed between two looks: a stretch of addresses, and words for before and after. */
enum pt_change_kind { PT_CHANGE_ADDED, PT_CHANGE_REMOVED, PT_CHANGE_CHANGED };

struct pt_picture_change {
	uint64_t start; /* address */
	uint64_t len;
	enum pt_change_kind kind;
	char was[48], is[48];
};

struct pt_picture {
	struct pt_view *view;
	struct foreign_run *runs; /* `start` is an offset, as everywhere here */
	size_t nr_runs, room_runs;
	struct pt_picture_table *tables;
	size_t nr_tables, room_tables;
	struct pt_island *islands;
	size_t nr_islands;
	struct pt_picture_change *changes; /* of a diff: the view is what it is now */
	size_t nr_changes, room_changes;
	bool is_diff;
	bool cut; /* tables were left out: FOREIGN_REPEATED */
	/* While collecting. */
	struct pt_seen seen;
	uint64_t above[LEVELS_MAX + 2]; /* the table entered last, by level */
	int error;
};

/* Walks the view's table. 0 or -ENOMEM; pt_picture_close() either way. */
int pt_picture_open(struct pt_picture *picture, struct pt_view *view);
void pt_picture_close(struct pt_picture *picture);

/* Adds what a diff found, in the order of addresses. -ENOMEM. */
int pt_picture_change(struct pt_picture *picture, const struct pt_picture_change *change);

/* Write the whole file; errors are the output's. `title` says what is looked at. */
void pt_picture_html(const struct pt_picture *picture, const char *title, struct pt_out *out);
void pt_picture_svg(const struct pt_picture *picture, const char *title, struct pt_out *out);

/* The offset of an address: its bits that are translated. */
static inline uint64_t pt_picture_offset(const struct pt_picture *picture, uint64_t address)
{
	return address & ((UINT64_C(1) << picture->view->paging.address_bits) - 1);
}

#endif
