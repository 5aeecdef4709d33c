/* SPDX-License-Identifier: MIT */
/*
 * Cursors: the only way to look at and to change a range of a table.
 *
 * The lock protocol, as a theorem: if the ranges of two cursors on one table overlap, and one of
 * them may change it, then every operation of one of them happens before every operation of the
 * other; no set of cursors waits for itself; and each gets its range after a bounded number of
 * others. Reading cursors share their nodes and run side by side.
 *
 *   Opening   1. Walk down from the root without locks, inside a read section, while the whole
 *                range lies in one entry and that entry holds a node. Lock the node reached: the
 *                guard. If it is stray, it was unlinked between the look at its entry and the lock:
 *                begin again, and seek the guard one level higher (L-5).
 *             2. Lock every node below the guard that the range touches, parents before children,
 *               low before high.
 *   Closing   unlock in reverse order, the guard last; leave the read section.
 *
 *   Exclusion   Two overlapping ranges share an address. The guard of each covers it, so the guards
 *               lie on one path from the root: the same node, or one above the other. The upper
 *               cursor locked (2.), or was created with, every node of that path below its guard,
 *               the lower one's guard among them (L-1). So both hold one lock, and one of them as
 *               its owner. []
 *   Liveness    All locks of one cursor are taken in pre-order of one tree, and every cursor uses
 *               that order (L-3). Who waits for a node waits for its holders, by way of others in
 *               its queue perhaps; holders wait for later nodes only. A thread with a cursor on the
 *               table does not wait at all. The only lock taken without waiting in that order is
 *               that of a node which no one else can reach yet. []
 *   Fairness    A lock is had after a bounded number of others (mm/lock.h), and the root is never
 *               stray: the guard is sought anew as often as the table has levels at most. []
 *   Safety      A node is unlinked only by who owns its lock and those below, who marks it stray
 *               before unlocking. It stays in memory until all read sections that could have seen
 *               it are over (L-4, L-5). []
 *
 * Locked nodes are noted in their slots, by who owns them, or in the thread's own memory, by who
 * shares them; closing never looks at an entry again. A guest that rewrites its own tables while a
 * cursor is open can therefore make operations fail (-EUCLEAN), and no more.
 *
 * Every function that fails leaves the table's mappings, the cursor's position and all counts as
 * they were; nodes that were made on the way down may stay, empty.
 */
#ifndef MM_CURSOR_H
#define MM_CURSOR_H

#include "mm/entry.h"
#include "mm/thread_cursors.h"

/*
 * A reading cursor creates no nodes and refuses changes with -EINVAL. It excludes changing ones
 * (L-0), and other reading ones only if it has to lock more than SHARED_NODES_MAX nodes: then it
 * owns them.
 */
enum cursor_mode { CURSOR_READ, CURSOR_MUTATE };

struct cursor {
	struct page_table *table;
	struct cursor_place *place; /* of its thread */
	enum cursor_mode mode;
	bool shared;   /* it shares its nodes, which `place` names, with other readers */
	uint8_t level; /* of the node that the cursor is in */
	uint8_t guard_level;
	uint32_t thread;
	/* last of the chain of nodes that it owns, by slot.locked_next; SLOT_NONE if it shares */
	uint32_t locked;
	vaddr_t base; /* what offset 0 of the table is as an address */
	/* the range, as offsets in the table: end never wraps, not even at the top of 2^64 */
	uint64_t start;
	uint64_t end;
	uint64_t at;
	/* What was encoded and decoded last: neighbours mostly repeat it. */
	struct {
		unsigned level; /* 0: none yet */
		prop_t prop;
		bool tracked;
		uint64_t bits;	/* of the leaf, beside its address */
		uint64_t limit; /* the highest address that it can map */
	} encoded;
	struct {
		uint64_t address; /* the bits of an entry that are its address */
		uint64_t bits;	  /* of a 4 KiB leaf, beside its address */
		uint64_t limit;	  /* the highest address that one with these bits may have */
		prop_t prop;
		bool tracked;
	} decoded;
	struct {
		struct prop_change change;
		uint64_t from;	/* bits of a leaf of `level`, beside its address */
		uint64_t to;	/* what the change makes of them */
		unsigned level; /* 0: none yet */
	} changed;
	struct pt_node path[LEVELS_MAX + 1]; /* by level, from `level` to `guard_level` */
};

/*
 * Opens a cursor on [va, va+len), at va, and enters a read section that cursor_close() leaves.
 * Waits for cursors that overlap. `min_level`: the guard is not sought below it, so that one leaf
 * of that level can be mapped over exactly its own range (BUG-8); 1 is the narrowest. Do not call
 * it in a read section, unless that is the one of another cursor. Of two cursors on two tables
 * every thread has to open the same one first, as cursor_copy() says.
 *
 * A thread may have several cursors on one table, but does not wait for the second: if it cannot
 * have all nodes at once it is refused (BUG-10), for who has one of them, or waits for it, may wait
 * for a node of the first. Two reading cursors of one thread can always have the same nodes. Close
 * a cursor in the thread that opened it.
 *
 * -EINVAL misaligned, empty, or no such level; -ERANGE outside the format's address space; -ENOMEM
 *   (CURSOR_MUTATE only);
 * -EDEADLK this thread has another cursor on the table, and would have to wait; -EMFILE it has
 *   THREAD_CURSORS; -EOVERFLOW a node has LOCK_READERS_MAX readers; -EUCLEAN.
 */
int cursor_open(struct cursor *cursor, struct page_table *table, vaddr_t va, uint64_t len,
		enum cursor_mode mode, unsigned min_level);

/* Unlocks and leaves the read section. Frees deferred nodes when too many wait. */
void cursor_close(struct cursor *cursor);

/* Where the cursor is; the range's end when everything has been passed (C-1). */
vaddr_t cursor_virt_addr(const struct cursor *cursor);

/*
 * Bytes from here to the end of the range: no `len` given below may be larger (-ERANGE), or
 * misaligned (-EINVAL).
 */
static inline uint64_t cursor_remaining(const struct cursor *cursor)
{
	return cursor->end - cursor->at;
}

/*
 * The entry that covers the cursor's address (C-2): a leaf, or absence. Its range may be wider than
 * the cursor's. A frame that it names is borrowed: valid while the cursor stays open and does not
 * change the entry. Does not move.
 * -ERANGE at the end of the range, -EUCLEAN.
 */
int cursor_query(struct cursor *cursor, struct pt_mapping *mapping);

/*
 * Goes to the first mapped page of the next `len` bytes (C-3): 1, and the cursor is at the leaf's
 * start, or where it was if it was inside that leaf; 0, nothing is mapped, and the cursor is behind
 * the `len` bytes.
 */
int cursor_find_next(struct cursor *cursor, uint64_t len);

/*
 * cursor_find_next() and cursor_query() in one, and a step behind the leaf: 1, and *mapping is the
 * next leaf that covers any of the next `len` bytes; 0, nothing is mapped there, and the cursor is
 * behind them. The leaf's range may be wider than the cursor's, which ends at its own end at most.
 * -EINVAL, -ERANGE, -EUCLEAN.
 */
static inline int cursor_query_next(struct cursor *cursor, uint64_t len,
				    struct pt_mapping *mapping);

/* The same without its short way, by which most leaves go: 4 KiB, and like the one before. */
int cursor_query_find(struct cursor *cursor, uint64_t len, struct pt_mapping *mapping);

/*
 * Goes to va (C-5). -EINVAL misaligned, -ERANGE not in the range (its end is not); the position is
 * then unchanged.
 */
int cursor_jump(struct cursor *cursor, vaddr_t va);

/*
 * Maps one leaf of `level` here and steps behind it (C-6). Tracked: one reference on each of its 4
 * KiB frames passes from the caller to the leaf. What is there is not replaced, be it a leaf, a
 * part of a large one, or a node.
 * -EINVAL misaligned, or a level above the guard; -ERANGE beyond the range or the domain; -EEXIST;
 *   -EOPNOTSUPP; -ENOMEM;
 * -EUCLEAN.
 */
int cursor_map(struct cursor *cursor, paddr_t paddr, unsigned level, prop_t prop, bool tracked);

/*
 * Maps a frame of plain bytes at 4 KiB; its handle is consumed on success. -EINVAL also for other
 * kinds of frames, an empty handle, and one of another domain.
 */
int cursor_map_frame(struct cursor *cursor, struct frame *frame, prop_t prop);

/*
 * Maps [paddr, paddr+len) here with the largest leaves that fit and are not above `max_level` (0:
 * no limit). All or nothing. Tracked: one reference on each frame of the run passes to the leaves.
 * Errors as cursor_map().
 */
int cursor_map_run(struct cursor *cursor, paddr_t paddr, uint64_t len, unsigned max_level,
		   prop_t prop, bool tracked);

enum fragment_kind { FRAGMENT_NONE, FRAGMENT_LEAF, FRAGMENT_SUBTREE };

/*
 * What was taken out of a table, with the references that it owned. It keeps its frames alive until
 * fragment_drop(), which comes after the flush of [start, start+len) (T-5).
 */
struct pt_fragment {
	enum fragment_kind kind;
	struct phys_domain *domain;
	vaddr_t start;
	uint64_t len;
	uint64_t pages;	     /* 4 KiB pages that were mapped in it, large leaves included (BUG-7) */
	struct pt_node node; /* FRAGMENT_SUBTREE: stray, locked until the cursor closes */
	struct pt_mapping
		leaf; /* FRAGMENT_LEAF, with the accessed and dirty bits at the moment of removal */
};

/*
 * Takes the next mapped thing out of the next `len` bytes and steps behind it (C-7): 1, and
 * *fragment is the caller's; 0, nothing is there. Sub-trees that lie wholly inside come out in one
 * piece, also when they turn out to map nothing; a large leaf that does not lie wholly inside is
 * split first.
 * -EINVAL, -ERANGE, -ENOMEM (split), -EUCLEAN.
 */
int cursor_take_next(struct cursor *cursor, uint64_t len, struct pt_fragment *fragment);

/*
 * Puts a leaf of `level` here over whatever is there, and steps behind it; *fragment gets what was
 * there: FRAGMENT_NONE if nothing was, with the status in its leaf. A larger leaf is split first.
 * One exchange puts the one in the other's place, so that walkers see either; the accessed and
 * dirty bits of a leaf that comes out are those at that moment (BUG-9), and the new leaf's are
 * those of `prop`. Tracked: one reference on each of the leaf's 4 KiB frames passes from the caller
 * to the leaf, and those of what was there to the caller. Flush the fragment's range before
 * fragment_drop() (T-5). Errors as cursor_map(), but for -EEXIST; nothing is mapped otherwise than
 * before then.
 */
int cursor_replace(struct cursor *cursor, paddr_t paddr, unsigned level, prop_t prop, bool tracked,
		   struct pt_fragment *fragment);

/*
 * Gives up what the fragment owns, a sub-tree after a grace period. The caller may be in a read
 * section.
 */
void fragment_drop(struct pt_fragment *fragment);

/*
 * Changes the next mapped leaf of the next `len` bytes and steps behind it (C-8): 1, and *mapping
 * (may be NULL) is the leaf with its old properties; 0, nothing is mapped there. A leaf that does
 * not lie wholly inside is split first. Does not flush. -EINVAL, -ERANGE, -EOPNOTSUPP, -ENOMEM,
 * -EUCLEAN.
 */
int cursor_protect_next(struct cursor *cursor, uint64_t len, struct prop_change change,
			struct pt_mapping *mapping);

/*
 * Finds the next leaf of the next `len` bytes that has any of `bits` (PROP_ACCESSED, PROP_DIRTY),
 * takes those bits away from it and no others, and steps behind it, but not behind the `len` bytes
 * (9.6.6): 1, and *mapping is the leaf with its old properties; 0, no leaf has any, and the cursor
 * is behind the `len` bytes. Never splits: a leaf that reaches over an end is harvested as a whole,
 * and *mapping says so. One exchange reads and clears: where hardware walks, each bit that it sets
 * is reported now or next time, never twice and never not at all (INV-X7). Does not flush: until
 * the leaf's range is, hardware may take a page for marked already and not mark it again.
 * -EINVAL (also no bits, or others), -ERANGE, -EOPNOTSUPP the format has no such bits, -EUCLEAN.
 */
int cursor_harvest_next(struct cursor *cursor, uint64_t len, uint32_t bits,
			struct pt_mapping *mapping);

/*
 * Marks what is absent in the next `len` bytes with a status, a number that cursor_query() gives
 * back and that means what the user likes (3.8; what a lazy page will be), or takes the marks away
 * (`status` 0), and goes behind the `len` bytes. Entries of upper levels that lie wholly inside are
 * marked as they are; one that does not is split first, if it must change. Leaves stay. No flush is
 * needed, for what is absent is not cached.
 *
 * To all other operations a marked entry is absent: mapping over it replaces the status; finding,
 * protecting and harvesting pass it. cursor_unmap() takes the marks of its range away; those in a
 * sub-tree that comes out whole go with it; cursor_reclaim() keeps a node that has one.
 * -EINVAL (also above STATUS_MAX), -ERANGE, -ENOMEM, -EUCLEAN: nothing is marked otherwise than
 * before then, but after -EUCLEAN.
 */
int cursor_mark(struct cursor *cursor, uint64_t len, uint64_t status);

/*
 * What must happen when a range has changed, before what it gave up is dropped (T-5): translations
 * of [start, start+len) that anybody has cached are gone when flush() returns. NULL where nobody
 * caches any. It must not open a cursor on this table.
 */
struct range_flush {
	void (*flush)(void *context, vaddr_t start, uint64_t len);
	void *context;
};

/*
 * Changes every leaf of the next `len` bytes, and goes behind them; *pages (may be NULL) counts the
 * 4 KiB pages that were mapped. flush() is called for each contiguous run of leaves. All or
 * nothing: errors as cursor_protect_next(), and then no property has changed, but leaves that reach
 * over an end of the range may have been split.
 */
int cursor_protect(struct cursor *cursor, uint64_t len, struct prop_change change,
		   const struct range_flush *flush, uint64_t *pages);

/*
 * Harvests every leaf of the next `len` bytes, and goes behind them; *pages (may be NULL) counts
 * the 4 KiB pages of the leaves that had any of `bits`. flush() is called for each contiguous run
 * of such leaves, ascending: its calls say what was accessed or dirty. A run begins before the
 * range, or ends behind it, if a leaf does. Errors as cursor_harvest_next(): after -EUCLEAN what
 * came before the place that makes no sense is harvested, flushed and counted.
 */
int cursor_harvest(struct cursor *cursor, uint64_t len, uint32_t bits,
		   const struct range_flush *flush, uint64_t *pages);

/*
 * Unmaps everything in the next `len` bytes, flushes, drops the references, and goes behind them;
 * *pages (may be NULL) counts the 4 KiB pages. flush() is called for ranges that cover what was
 * removed, ascending. Errors as cursor_take_next(): after -ENOMEM nothing was unmapped; after
 * -EUCLEAN what came before the place that makes no sense was, and *pages counts it.
 */
int cursor_unmap(struct cursor *cursor, uint64_t len, const struct range_flush *flush,
		 uint64_t *pages);

/*
 * Takes nodes out that have no children and that the next `len` bytes touch, bottom up: what is
 * left of a range that was unmapped leaf by leaf, and would keep a larger leaf from its place
 * (C-12,
 * 9.6.5). The guard stays; open the cursor with a higher `min_level` to reach more. Nothing is
 * mapped otherwise than before, and the cursor does not move. Each node is stray before its lock is
 * given back (L-5), and deferred after flush(), which is called for the ranges of the nodes (T-5),
 * in which nothing is mapped; they may reach over the ends of the `len` bytes.
 * -EINVAL, -ERANGE; -EUCLEAN, and the nodes that come before the place that makes no sense are out.
 */
int cursor_reclaim(struct cursor *cursor, uint64_t len, const struct range_flush *flush);

/*
 * Makes one leaf of `level` out of the smaller ones here, if there are none but those, of whatever
 * sizes, and they map what it would (9.6.5): frames that are contiguous and aligned to its size,
 * all tracked or none, with the same properties. Of accessed and dirty it gets those that any of
 * them had, up to the end of the flush (INV-X7). Does not move.
 *
 * One exchange publishes it, so that the mapping is never absent and never another (INV-X6); the
 * references become the large leaf's, and no count changes. flush() is called for the leaf's range
 * after that: caches of the nodes must be gone, and with them the accesses that are still noted in
 * the small leaves, before the nodes are deferred (T-5). Translations stay right all the time.
 *
 * 0, also if one leaf of `level` or a larger one is here already; -ENOENT they are not like that,
 * or something is not mapped; -EINVAL misaligned, level 1, or a level above the guard; -ERANGE
 * beyond the range; -EOPNOTSUPP no such leaves; -EUCLEAN.
 */
int cursor_coalesce(struct cursor *cursor, unsigned level, const struct range_flush *flush);

/*
 * The 4 KiB leaf `pte` here, if its bits are those of the last one: then all is known but where it
 * is and what it maps.
 */
static inline bool cursor_leaf_is_known(const struct cursor *cursor, pte_t pte,
					struct pt_mapping *mapping)
{
	uint64_t paddr = pte.raw & cursor->decoded.address;

	if ((pte.raw ^ paddr) != cursor->decoded.bits || paddr > cursor->decoded.limit)
		return false;
	mapping->start = VADDR(cursor->base.value + cursor->at);
	mapping->len = PAGE_SIZE;
	mapping->level = 1;
	mapping->present = true;
	mapping->tracked = cursor->decoded.tracked;
	mapping->paddr = PADDR(paddr);
	mapping->prop = cursor->decoded.prop;
	return true;
}

static inline int cursor_query_next(struct cursor *cursor, uint64_t len, struct pt_mapping *mapping)
{
	unsigned index = pte_index(cursor->at, 1);

	if (cursor->level != 1 || index == NODE_ENTRIES - 1 ||
	    len - 1 >= cursor_remaining(cursor) || !is_aligned(len, PAGE_SIZE) ||
	    !cursor_leaf_is_known(cursor, node_read(cursor->path[1], index), mapping))
		return cursor_query_find(cursor, len, mapping);
	cursor->at += PAGE_SIZE;
	return 1;
}

#endif
