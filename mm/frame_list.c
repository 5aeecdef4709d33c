/* SPDX-License-Identifier: MIT */
/* Intrusive lists of unique frames. */
#include "mm/frame_list.h"
#include "mm/handle.h"

void frame_list_init(struct frame_list *list)
{
	*list = (struct frame_list){ .head = SLOT_NONE, .tail = SLOT_NONE };
}

static uint32_t slot_list(const struct slot *slot)
{
	return atomic_load_explicit(&slot->list, memory_order_relaxed);
}

static void slot_list_set(struct slot *slot, uint32_t id)
{
	atomic_store_explicit(&slot->list, id, memory_order_relaxed);
}

/* The next id, or 0 when they have run out: one that is used twice would make contains() lie. */
static uint32_t list_id_new(struct phys_domain *domain)
{
	uint32_t last = atomic_load_explicit(&domain->last_list, memory_order_relaxed);

	do {
		if (last == UINT32_MAX)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
		&domain->last_list, &last, last + 1, memory_order_relaxed, memory_order_relaxed));
	return last + 1;
}

static int list_bind(struct frame_list *list, struct phys_domain *domain)
{
	uint32_t id;

	if (list->domain)
		return list->domain == domain ? 0 : -EINVAL;
	id = list_id_new(domain);
	if (id == 0)
		return -EOVERFLOW;
	list->id = id;
	list->domain = domain;
	return 0;
}

/* What points to the frame that follows `number`: the end of the list, if that is the ghost. */
static uint32_t *link_forth(struct frame_list *list, uint32_t number)
{
	return number == SLOT_NONE ? &list->head : &list->domain->slots[number].next;
}

static uint32_t *link_back(struct frame_list *list, uint32_t number)
{
	return number == SLOT_NONE ? &list->tail : &list->domain->slots[number].prev;
}

/* The handle passes to the list, before `next`, which may be the ghost. */
static int list_insert(struct frame_list *list, uint32_t next, struct unique_frame *frame)
{
	struct slot *slot = unique_frame_slot(frame);
	uint32_t number;
	int err;

	if (!slot || slot_state(slot) != SLOT_UNIQUE)
		return -EINVAL;
	err = list_bind(list, frame->domain);
	if (err)
		return err;
	number = domain_slot_number(list->domain, slot);
	slot->next = next;
	slot->prev = *link_back(list, next);
	*link_forth(list, slot->prev) = number;
	*link_back(list, next) = number;
	slot_list_set(slot, list->id);
	list->size++;
	*frame = (struct unique_frame){ 0 };
	return 0;
}

/* A frame of the list passes to the handle. */
static int list_take(struct frame_list *list, uint32_t number, struct unique_frame *frame)
{
	struct slot *slot;

	if (number == SLOT_NONE)
		return -ENOENT;
	slot = &list->domain->slots[number];
	*link_forth(list, slot->prev) = slot->next;
	*link_back(list, slot->next) = slot->prev;
	slot->next = 0;
	slot->prev = 0;
	slot_list_set(slot, 0);
	list->size--;
	*frame = (struct unique_frame){ list->domain, domain_slot_paddr(list->domain, slot) };
	return 0;
}

int frame_list_push_front(struct frame_list *list, struct unique_frame *frame)
{
	return list_insert(list, list->head, frame);
}

int frame_list_push_back(struct frame_list *list, struct unique_frame *frame)
{
	return list_insert(list, SLOT_NONE, frame);
}

int frame_list_pop_front(struct frame_list *list, struct unique_frame *frame)
{
	return list_take(list, list->head, frame);
}

int frame_list_pop_back(struct frame_list *list, struct unique_frame *frame)
{
	return list_take(list, list->tail, frame);
}

bool frame_list_contains(const struct frame_list *list, paddr_t paddr)
{
	struct slot *slot;

	/* The word of a node is no list, but the queue of its lock. */
	return list->domain && domain_slot(list->domain, paddr, &slot) == 0 &&
	       slot_state(slot) == SLOT_UNIQUE && slot_list(slot) == list->id;
}

void frame_list_clear(struct frame_list *list)
{
	struct unique_frame frame;

	while (frame_list_pop_front(list, &frame) == 0)
		(void)unique_frame_put(&frame);
}

struct frame_list_cursor frame_list_front(struct frame_list *list)
{
	return (struct frame_list_cursor){ list, list->head };
}

struct frame_list_cursor frame_list_back(struct frame_list *list)
{
	return (struct frame_list_cursor){ list, list->tail };
}

int frame_list_cursor_at(struct frame_list *list, paddr_t paddr, struct frame_list_cursor *cursor)
{
	if (!frame_list_contains(list, paddr))
		return -ENOENT;
	*cursor = (struct frame_list_cursor){ list, (uint32_t)(paddr.value >> PAGE_SHIFT) };
	return 0;
}

void frame_list_cursor_next(struct frame_list_cursor *cursor)
{
	cursor->at = *link_forth(cursor->list, cursor->at);
}

void frame_list_cursor_prev(struct frame_list_cursor *cursor)
{
	cursor->at = *link_back(cursor->list, cursor->at);
}

int frame_list_cursor_current(const struct frame_list_cursor *cursor, struct frame_ref *frame)
{
	if (cursor->at == SLOT_NONE)
		return -ENOENT;
	*frame = (struct frame_ref){ cursor->list->domain,
				     PADDR((uint64_t)cursor->at << PAGE_SHIFT) };
	return 0;
}

int frame_list_cursor_take(struct frame_list_cursor *cursor, struct unique_frame *frame)
{
	uint32_t here = cursor->at;

	if (here != SLOT_NONE)
		frame_list_cursor_next(cursor);
	return list_take(cursor->list, here, frame);
}

int frame_list_cursor_insert_before(struct frame_list_cursor *cursor, struct unique_frame *frame)
{
	return list_insert(cursor->list, cursor->at, frame);
}
