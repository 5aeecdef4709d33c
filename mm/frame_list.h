/* SPDX-License-Identifier: MIT */
/*
 * Intrusive list of unique frames (1.7). The list owns its frames by having swallowed their
 * handles; the links lie in the slots, and a frame's slot names the list that holds it, so
 * contains() is one look.
 *
 * The list's user serialises access to it. A list is bound to one domain by its first push.
 */
#ifndef MM_FRAME_LIST_H
#define MM_FRAME_LIST_H

#include "mm/frame.h"

struct frame_list {
	struct phys_domain *domain; /* NULL until the first push */
	uint32_t id;		    /* never reused; 0 until the first push */
	uint32_t head;		    /* frame numbers, SLOT_NONE if empty */
	uint32_t tail;
	uint64_t size;
};

void frame_list_init(struct frame_list *list);

static inline bool frame_list_is_empty(const struct frame_list *list)
{
	return list->size == 0;
}

/*
 * The frame's handle is consumed. -EINVAL if the handle is empty, on a list already or of another
 * domain;
 * -EOVERFLOW when list ids have run out.
 */
int frame_list_push_front(struct frame_list *list, struct unique_frame *frame);
int frame_list_push_back(struct frame_list *list, struct unique_frame *frame);

/* Takes the frame off; it is the caller's. -ENOENT if the list is empty. */
int frame_list_pop_front(struct frame_list *list, struct unique_frame *frame);
int frame_list_pop_back(struct frame_list *list, struct unique_frame *frame);

/*
 * Is the frame at paddr on this list? One look at its slot. False for any address outside the
 * domain.
 */
bool frame_list_contains(const struct frame_list *list, paddr_t paddr);

/* Drops every frame. */
void frame_list_clear(struct frame_list *list);

/*
 * A place in a list: at one of its frames, or at the ghost, which stands before the first and after
 * the last. While a cursor is in use the list is changed through it only.
 */
struct frame_list_cursor {
	struct frame_list *list;
	uint32_t at; /* frame number, SLOT_NONE for the ghost */
};

struct frame_list_cursor frame_list_front(struct frame_list *list);
struct frame_list_cursor frame_list_back(struct frame_list *list);

/* -ENOENT if the frame is not on this list. */
int frame_list_cursor_at(struct frame_list *list, paddr_t paddr, struct frame_list_cursor *cursor);

/* Forth and back, through the ghost and round. */
void frame_list_cursor_next(struct frame_list_cursor *cursor);
void frame_list_cursor_prev(struct frame_list_cursor *cursor);

/* The frame here, borrowed. -ENOENT at the ghost. */
int frame_list_cursor_current(const struct frame_list_cursor *cursor, struct frame_ref *frame);

/* Takes the frame here off the list, and stands at the next one after. -ENOENT at the ghost. */
int frame_list_cursor_take(struct frame_list_cursor *cursor, struct unique_frame *frame);

/*
 * Puts the frame before this place (before the ghost: at the end) and stays here. Errors as push.
 */
int frame_list_cursor_insert_before(struct frame_list_cursor *cursor, struct unique_frame *frame);

#endif
