/* SPDX-License-Identifier: MIT */
/*
 * One look at a source: by which vCPU's registers, from which root, with what paging. All that
 * `vmm pt` prints of tables comes out of a view and foreign_walk().
 */
#ifndef VMM_PT_VIEW_H
#define VMM_PT_VIEW_H

#include "mm/foreign_walk.h"
#include "vmm/pt_source.h"

/* What the user said of it; zero is "as the source has it". */
struct pt_choice {
	bool has_vcpu, has_cr3, has_mode;
	uint64_t vcpu; /* 0 is the first */
	uint64_t cr3;
	enum foreign_mode mode;
	unsigned maxphyaddr;
};

struct pt_view {
	struct pt_source *source;
	bool has_vcpu; /* false: a source without, and vcpu and registers mean nothing */
	size_t vcpu;
	struct pt_vcpu registers;
	bool chosen;	  /* the root or the mode is the user's */
	const char *what; /* NULL, or what it shows other than a vCPU's table */
	struct foreign_paging paging;
	struct foreign_memory memory;
};

/* Finds out how the chosen vCPU pages. -EINVAL with a sentence. */
int pt_view_open(struct pt_view *view, struct pt_source *source, const struct pt_choice *choice,
		 struct image_error *error);

/*
 * In one line without newline what is looked at: the vCPU, CR3 and paging, and what had to be
 * assumed.
 */
void pt_view_describe(const struct pt_view *view, char *text, size_t len);

/* The mode that a user calls so: "4-level", "pae", "ept" ... false: none. */
bool pt_mode_parse(const char *name, enum foreign_mode *mode);

/*
 * Which tables were entered: the `seen` of a visitor. Its memory grows with the number of tables;
 * without memory a table counts as seen.
 */
struct pt_seen {
	uint64_t *slots; /* open addressing; 0: free */
	size_t nr, room;
	uint64_t tables[LEVELS_MAX + 1];   /* entered for the first time, by level */
	uint64_t revisits[LEVELS_MAX + 1]; /* entered again, or refused */
};

bool pt_seen(struct pt_seen *seen, uint64_t table, unsigned level);
void pt_seen_free(struct pt_seen *seen);

#endif
