/* SPDX-License-Identifier: MIT */
/*
 * For the steps of cursors: a table of three levels with two entries a node, in any state that the
 * invariants allow, whether it can be reached or not, and a cursor on it.
 *
 * What the engine's control flow depends on is given by cases: the shape of the part of the tree
 * that the operation touches (tree_for_each_shape()). All else has any value: addresses,
 * properties, counts, whoever else holds references, the entries that are not touched. That those
 * are not touched is proved, too: who looks at a hidden entry has failed. A status is 1.
 *
 * The invariant is written here anew, from the design's words and against the fields of the
 * engine's headers: none of the engine's own checks is used.
 */
#ifndef PROOF_STEP_TREE_H
#define PROOF_STEP_TREE_H

#include "mm/cursor_private.h"
#include "tests/proof/proof.h"

#define LEVELS 3u
#define PAGES 8u /* that the table translates */
#define ROOT 0u
#define PLACES 7u /* of nodes in the tree: each has a frame of its own, the root's is 0 */
#define DATA 8u	  /* the first of four frames that may be mapped */
#define FRAMES 12u
#define THREAD 1u
#define OTHER 2u /* thread */

extern struct phys_domain domain;
extern struct slot slots[FRAMES];
extern struct page_table table;
extern struct cursor cursor;
extern unsigned nodes_left; /* that the allocator still has */
extern unsigned nodes_made; /* by the step */

/* What a page of the table is, whatever the size of its leaf. */
struct page {
	bool present;
	bool tracked;
	uint64_t address;
	uint64_t bits; /* of its leaf, or its whole entry if that maps nothing */
};

/*
 * Calls `step` for each shape that the pages [first, first + nr) may have, each guard that TABLE
 * has, and each node that a cursor at page `first` may be in. Nodes that are not the cursor's have
 * any lock: others may have their cursors there. Who reads or writes one has failed.
 */
void tree_for_each_shape(unsigned first, unsigned nr, void (*step)(unsigned first, unsigned nr));

/*
 * Each frame is unused or has as many references as entries, handles and others hold (INV-M, INV-A,
 * INV-X3); each node is locked by the cursor that it belongs to, counts its children, and is linked
 * by the one entry that its slot names, or was taken out and is deferred (INV-T4 to T6, T9, INV-X1,
 * X2). It is stray if it was taken out, or a node above it was (L-5).
 */
bool tree_is_sound(void);

/* Of a harness that opens: what the lock of a node says then. */
uint32_t holder_after(unsigned number);

static inline uint64_t page_address(unsigned page)
{
	return (uint64_t)page << PAGE_SHIFT;
}

/* INV-C1 to C3: the cursor is at this page, in a node that covers it, by the path of the tree. */
bool cursor_is_at(unsigned page);

/* The properties of a leaf that a page has. */
prop_t page_prop(const struct page *page);

/* Any properties that a 4 KiB leaf of the table can have. */
prop_t any_sayable_prop(void);

/* Somebody holds a reference on the frame, which may be mapped. */
void assume_held(unsigned number);

/* Its reference is a leaf's from now on. */
void frame_passes_to_leaf(unsigned number);

/* What a page is, looked up from the root; and what it was before the step. */
struct page page_now(unsigned page);
struct page page_before(unsigned page);

/* It says of the page what that mapped before the step. */
bool mapping_is_of(const struct pt_mapping *mapping, unsigned page);

/* The page maps what it mapped, with all its properties but for those of `clear`. */
bool page_has_lost(unsigned page, uint32_t clear);

/* A page is as it was. */
bool page_is_same(unsigned page);

/* All pages but [first, first + nr) are as they were. */
bool others_are_same(unsigned first, unsigned nr);

/* All frames that may be mapped have the references that they had. */
bool no_reference_has_changed(void);

/* They have those that they had, less those of the leaves that were at [first, first + nr). */
bool references_are_without(unsigned first, unsigned nr);

#endif
