/* SPDX-License-Identifier: MIT */
/*
 * Which runs a user wants to see.
 *
 * A filter is words, all of which must hold. A word is alternatives with `|` between them, and an
 * alternative is terms with `+` between them, each perhaps with `!` before it: "w+x", "u" "!nx",
 * "size=2M|size=1G".
 */
#ifndef VMM_PT_FILTER_H
#define VMM_PT_FILTER_H

#include "mm/foreign_walk.h"
#include "vmm/image.h"

#define PT_TERMS_MAX 64

enum pt_term_kind {
	PT_TERM_RIGHTS, /* `value` is in the effective rights */
	PT_TERM_PROP,	/* `value` is in the properties of the leaf */
	PT_TERM_CACHE,	/* the caching is `value` */
	PT_TERM_SIZE,	/* the leaf has this size */
	PT_TERM_LOST,	/* the levels above take away what the leaf grants */
	PT_TERM_SAME,	/* several leaves, one page */
	PT_TERM_BAD,	/* malformed, or a table that is not there */
};

struct pt_term {
	enum pt_term_kind kind;
	bool negated;
	bool begins_word;
	bool begins_alternative;
	uint64_t value;
};

struct pt_filter {
	unsigned nr;
	struct pt_term terms[PT_TERMS_MAX];
	uint32_t rights;   /* that all which pass have: subtrees without need no look */
	uint32_t distinct; /* PROP_ACCESSED, PROP_DIRTY: what runs must not mix */
	bool wants_bad;
	/* If nothing but rights are asked for, one by one: what must be there, and what not. */
	bool simple;
	uint32_t need, forbid;
};

/* Adds a word. -EINVAL with a sentence. */
int pt_filter_add(struct pt_filter *filter, const char *word, struct image_error *error);

/* What pt_filter_passes() does where it is not simple. */
bool pt_filter_terms_pass(const struct pt_filter *filter, const struct foreign_paging *paging,
			  const struct foreign_run *run);

/* Does the run pass? Of bits that are not `distinct`, the first leaf decides. */
static inline bool pt_filter_passes(const struct pt_filter *filter,
				    const struct foreign_paging *paging,
				    const struct foreign_run *run)
{
	if (filter->simple)
		return !((filter->need & ~run->rights) | (filter->forbid & run->rights));
	return pt_filter_terms_pass(filter, paging, run);
}

/* Makes the visitor walk only where something may pass. */
void pt_filter_visit(const struct pt_filter *filter, const struct foreign_paging *paging,
		     struct foreign_visitor *visitor);

#endif
