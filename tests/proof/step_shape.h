/* SPDX-License-Identifier: MIT */
/* What a case says of the entries of a tree: see step_tree.h. */
#ifndef PROOF_STEP_SHAPE_H
#define PROOF_STEP_SHAPE_H

enum shape {
	SHAPE_UNKNOWN,
	SHAPE_EMPTY,  /* absent, without a status */
	SHAPE_STATUS, /* absent, with one */
	SHAPE_LEAF,
	SHAPE_FOLLOWS, /* a leaf that goes on where the entry before it ends */
	SHAPE_JOINS,   /* a tracked one that is not like it, but whose frames go on there */
	SHAPE_NODE,
	SHAPE_HIDDEN, /* no child of its node, whatever it holds: nobody looks */
	SHAPE_HIDDEN_CHILD,
	SHAPE_HIDDEN_ANY,
	SHAPE_OTHERS, /* a node, which another thread has locked: nobody looks */
};

/*
 * PATH, a macro that a case names: what the entry of the root is that leads to the first page that
 * the operation touches, and that of the node below it, and that of the page itself.
 */
#define PATH_EMPTY SHAPE_EMPTY
#define PATH_STATUS SHAPE_STATUS
#define PATH_LEAF SHAPE_LEAF
#define PATH_NODE_EMPTY (SHAPE_NODE | SHAPE_EMPTY << 4)
#define PATH_NODE_STATUS (SHAPE_NODE | SHAPE_STATUS << 4)
#define PATH_NODE_LEAF (SHAPE_NODE | SHAPE_LEAF << 4)
#define PATH_PAGE_EMPTY (SHAPE_NODE | SHAPE_NODE << 4 | SHAPE_EMPTY << 8)
#define PATH_PAGE_STATUS (SHAPE_NODE | SHAPE_NODE << 4 | SHAPE_STATUS << 8)
#define PATH_PAGE_LEAF (SHAPE_NODE | SHAPE_NODE << 4 | SHAPE_LEAF << 8)
#define PATH_ANY 0xff /* all of them, one after the other */

/*
 * TABLE, another: one format of each family, who walks it, and what the cursor has of it. That is
 * all of the table, or the node of the page only; or all below an entry of the root, if a node is
 * there. What it does not have is others', whose cursors may be there.
 */
#define X86_64_SOFTWARE 0
#define EPT_HARDWARE 1

extern enum shape shape_read; /* of the entry that was read last */

/* Is it tracked, if it is a leaf and the shape says so? That is up to TREE_KNOWS_TRACKED. */
enum known { UNKNOWN, NO, YES };
extern enum known tracked_read;

/* Of the entry that was written last, before that. */
extern enum shape shape_written;
extern enum known tracked_written;

#endif
