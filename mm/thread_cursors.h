/* SPDX-License-Identifier: MIT */
/*
 * What a thread has open. A thread that waits for a node of a table in which it has locked others
 * might wait for itself, and a node does not know its readers: so each thread notes here on which
 * tables it has cursors, and a reading cursor which nodes it has locked. Only the thread itself
 * looks at it, and no guest can write to it.
 */
#ifndef MM_THREAD_CURSORS_H
#define MM_THREAD_CURSORS_H

#include <stdint.h>

#define THREAD_CURSORS 8 /* of one thread at a time */

/* A reading cursor that has to lock more nodes locks all of them as a changing one does. */
#ifndef SHARED_NODES_MAX /* a proof has fewer, so that they run out */
#define SHARED_NODES_MAX 61u
#endif

struct page_table;

/* One open cursor. */
struct cursor_place {
	const struct page_table *table;	  /* NULL: none */
	uint32_t nr_nodes;		  /* that a reading cursor shares: */
	uint32_t nodes[SHARED_NODES_MAX]; /* their numbers, in the order of their locking */
};

struct thread_cursors {
	uint32_t thread; /* port_thread() */
	struct cursor_place places[THREAD_CURSORS];
};

#endif
