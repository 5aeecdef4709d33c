/* SPDX-License-Identifier: MIT */
/*
 * Taking a range out of a table without letting go of it: what was mapped waits in nodes that no
 * entry leads to, and nothing but those nodes is needed to keep it.
 */
#ifndef MM_CURSOR_RETIRE_H
#define MM_CURSOR_RETIRE_H

#include "mm/cursor.h"

/*
 * Removed nodes, linked by slot.next, with all that hangs under them. Each has one reference, the
 * holder's; node_defer() gives it up.
 */
struct retired {
	uint32_t first; /* frame number, SLOT_NONE if there is none */
	uint32_t last;
	uint32_t nr_nodes;
};

/*
 * Unmaps everything in the next `len` bytes and goes behind them, like cursor_unmap(), but neither
 * flushes nor drops (T-2): *retired owns what the table owned, and is the caller's. Whole sub-trees
 * leave as they are; tracked leaves whose node stays are gathered in new nodes of their level, one
 * for each 512, that grant nothing. Untracked leaves own nothing and need no keeping, and
 * statuses are taken away. *pages (may be NULL) counts the 4 KiB pages.
 *
 * -EINVAL, -ERANGE; -ENOMEM: then nothing was unmapped, and *retired is empty. After -EUCLEAN what
 * came before the place that makes no sense was unmapped; *retired and *pages tell of that.
 */
int cursor_retire(struct cursor *cursor, uint64_t len, struct retired *retired, uint64_t *pages);

#endif
