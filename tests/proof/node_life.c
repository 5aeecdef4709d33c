/* SPDX-License-Identifier: MIT */
/*
 * Shows: a node is published when it is whole, and not before; what was removed is put once, after
 *   a grace period, and never in a read section; a table is known to its domain from its creation
 *   to its destruction, which gives back its root, once
 * Rules: P-7 P-9 P-10 L-5 INV-T3
 * Layer: nodes
 * Assumes: the shelves give a frame that is BUSY and whose bytes are 0, or none; putting a handle
 *   is as mm/frame.h says, which frame_handle proves
 * Sources: mm/node.c mm/table.c mm/format.c tests/proof/port.c
 * Hooks: nodes
 * Geometry: up to 3 nodes that wait, up to 2 other tables
 * Cases: OPERATION alloc free defer reclaim limit create destroy root
 * Unwind: 9
 * Covers: node_alloc node_free node_defer take_deferred domain_reclaim domain_limit_deferred
 *   page_table_create page_table_destroy page_table_root_get lock_init
 * Limit: 120
 */
#include "mm/frame_cache.h"
#include "mm/table.h"
#include "tests/proof/proof.h"

#define FRAMES 8u
#define THREAD 1u

static struct phys_domain domain;
static struct slot slots[FRAMES];
static struct page_table table, others[2];
static const struct pt_format *format;

static uint32_t given;	   /* the frame that the shelves give */
static bool was_published; /* its slot was shared, when it was what it is to be */
static unsigned puts[FRAMES];
static unsigned periods_of_put; /* grace periods before the last put */
static bool refuses;		/* frame_put() fails: a corrupt handle */

extern unsigned proof_grace_periods;

void *proof_frame(paddr_t paddr)
{
	static uint64_t memory[FRAMES][8];

	return memory[paddr.value >> PAGE_SHIFT];
}

void hardware_step(const volatile void *object)
{
	(void)object;
}

static bool is_new_node(const struct slot *slot)
{
	return slot->nr_children == 0 && !slot->stray && !slot->marked &&
	       slot->locked_next == SLOT_NONE && slot->lock.holders == LOCK_FREE &&
	       slot->lock.queue == LOCK_QUEUE_EMPTY && (slot->type & 0xff) == FRAME_NODE &&
	       slot->type >> SLOT_INDEX_SHIFT == SLOT_UNLINKED;
}

void entry_stored(const volatile void *object, uint64_t old, uint64_t new, int order)
{
	(void)old;
	(void)new;
	for (uint32_t i = 0; i < FRAMES; i++)
		if (object == &slots[i].state)
			was_published = i == given && order == memory_order_release &&
					is_new_node(&slots[i]);
}

int frame_cache_take_zeroed(struct phys_domain *of, struct slot **slot)
{
	prove(of == &domain);
	if (any_bool())
		return -ENOMEM;
	*slot = &slots[given];
	slots[given].state = SLOT_BUSY;
	return 0;
}

struct frame frame_from_raw(struct phys_domain *of, paddr_t paddr)
{
	return (struct frame){ of, paddr };
}

int frame_put(struct frame *frame)
{
	prove(frame->domain == &domain && frame->paddr.value >> PAGE_SHIFT < FRAMES);
	puts[frame->paddr.value >> PAGE_SHIFT]++;
	periods_of_put = proof_grace_periods;
	return refuses ? -EINVAL : 0;
}

int frame_from_in_use(struct phys_domain *of, paddr_t paddr, struct frame *frame)
{
	prove(of == &domain);
	*frame = (struct frame){ of, paddr };
	return any_bool() ? 0 : -EOVERFLOW;
}

static struct pt_node node_of(uint32_t number)
{
	return (struct pt_node){ &slots[number], proof_frame(PADDR(number << PAGE_SHIFT)) };
}

/* Frames 1, 2 and 3 wait, as many of them as there are; in an order that is all the same. */
static uint32_t waiting;

static void begin(void)
{
	any_of(&domain);
	any_of(slots);
	domain.slots = slots;
	domain.nr_frames = FRAMES;
	domain.lock = (lock_t){ 0 };
	domain.tables = NULL;
	format = pt_format_of(any_bool() ? PT_FORMAT_X86_64_4 : PT_FORMAT_EPT_5);
	waiting = nondet_u32();
	assume(waiting <= 3);
	domain.deferred = waiting ? 1 : SLOT_NONE;
	for (uint32_t i = 1; i <= 3; i++)
		slots[i].next = i < waiting ? i + 1 : SLOT_NONE;
	domain.nr_deferred = waiting;
	domain.nr_corrupt = 0;
	given = 4;
	refuses = any_bool();
}

static void alloc(void)
{
	unsigned level = nondet_unsigned();
	struct pt_node node = { NULL, NULL };

	assume(level >= 1 && level <= LEVELS_MAX);
	begin();
	if (node_alloc(&domain, format, level, &node)) {
		prove(!node.slot && !was_published);
		return;
	}
	prove(node.slot == &slots[given] && was_published && is_new_node(node.slot));
	prove(slot_state(node.slot) == SLOT_BUSY + 1);
	prove(node_level(node) == level && slot_format(node.slot) == (unsigned)format->id);
	prove(node.entries == proof_frame(PADDR((uint64_t)given << PAGE_SHIFT)));
}

static void free(void)
{
	begin();
	node_free(&domain, node_of(5));
	prove(puts[5] == 1 && domain.nr_corrupt == refuses);
}

/* All that waits, in whatever place. */
static void prove_chain(uint32_t first, uint32_t nr)
{
	uint32_t number = domain.deferred;

	prove(domain.nr_deferred == nr && lock_is_free(&domain.lock));
	for (uint32_t i = 0; i < nr; i++, number = slots[number].next)
		prove(number == (i == 0 ? first : first == 1 ? i + 1 : i));
	prove(number == SLOT_NONE);
}

static void defer(void)
{
	bool reads = any_bool();

	begin();
	if (reads)
		port_read_lock();
	node_defer(&domain, node_of(5));
	prove_chain(5, waiting + 1);
	prove(puts[5] == 0);
}

static void prove_reclaimed(void)
{
	prove(domain.deferred == SLOT_NONE && domain.nr_deferred == 0);
	for (uint32_t i = 1; i <= 3; i++)
		prove(puts[i] == (i <= waiting));
	prove(waiting == 0 || (proof_grace_periods == 1 && periods_of_put >= 1));
	prove(lock_is_free(&domain.lock));
}

static void reclaim(void)
{
	begin();
	domain_reclaim(&domain);
	prove_reclaimed();
	prove(puts[0] + puts[4] + puts[5] + puts[6] + puts[7] == 0);
	prove(domain.nr_corrupt == (refuses ? waiting : 0));
}

static void limit(void)
{
	bool reads = any_bool();
	uint64_t nr = nondet_u64();

	begin();
	domain.nr_deferred = nr;
	if (reads)
		port_read_lock();
	domain_limit_deferred(&domain);
	if (!reads && nr > NODE_DEFERRED_MAX)
		prove_reclaimed();
	else
		prove(domain.nr_deferred == nr && puts[1] + puts[2] + puts[3] == 0);
}

/* The domain knows others already: none, one or two. */
static unsigned others_known(void)
{
	unsigned nr = nondet_unsigned();

	assume(nr <= 2);
	others[0].next = nr > 1 ? &others[1] : NULL;
	domain.tables = nr ? &others[0] : NULL;
	return nr;
}

static void create(void)
{
	enum table_walker walker = any_bool() ? TABLE_WALKED_BY_HARDWARE : TABLE_WALKED_BY_SOFTWARE;
	struct page_table *first;

	begin();
	others_known();
	first = domain.tables;
	if (page_table_create(&table, &domain, format, walker)) {
		prove(domain.tables == first && !was_published);
		return;
	}
	prove(domain.tables == &table && table.next == first && lock_is_free(&domain.lock));
	prove(table.domain == &domain && table.format == format && table.walker == walker);
	prove(!table.marked && table.root.slot == &slots[given]);
	prove(node_level(table.root) == format->levels && was_published);
}

/* Wherever it stands among others. */
static void destroy(void)
{
	struct page_table **link = &domain.tables;
	unsigned nr, place = nondet_unsigned();

	begin();
	nr = others_known();
	table = (struct page_table){ .domain = &domain, .format = format, .root = node_of(6) };
	assume(place <= nr);
	for (unsigned i = 0; i < place; i++)
		link = &(*link)->next;
	table.next = *link;
	*link = &table;
	page_table_destroy(&table);
	prove(puts[6] == 1);
	puts[6] = 0;
	prove_reclaimed();
	prove(domain.tables == (nr ? &others[0] : NULL));
	prove(nr < 1 || others[0].next == (nr > 1 ? &others[1] : NULL));
	prove(nr < 2 || others[1].next == NULL);
}

static void root(void)
{
	struct frame frame = { NULL, PADDR(0) };

	begin();
	table = (struct page_table){ .domain = &domain, .format = format, .root = node_of(6) };
	if (page_table_root_get(&table, &frame) == 0)
		prove(frame.domain == &domain && frame.paddr.value >> PAGE_SHIFT == 6);
	prove(puts[6] == 0);
}

int main(void)
{
	OPERATION();
	return 0;
}
