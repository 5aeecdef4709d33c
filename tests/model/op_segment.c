/* SPDX-License-Identifier: MIT */
/*
 * Segments and lists of unique frames.
 */
#include <string.h>

#include "tests/model/model.h"

static void touch_run(struct world *world, paddr_t paddr, uint64_t nr_frames)
{
	for (uint64_t i = 0; i < nr_frames; i++)
		if (domain_contains(&world->domain, PADDR(paddr.value + PAGES(i)), PAGE_SIZE)) {
			uint64_t number = (paddr.value >> PAGE_SHIFT) + i;

			world->touched[number] = true;
		}
}

static void learn_run(struct world *world, const struct segment *segment)
{
	if (world->bytes && segment->nr_frames > 0)
		memcpy(world->bytes + segment->paddr.value, world->memory + segment->paddr.value,
		       segment_size(segment));
}

/* A kind that a segment's frames cannot have. */
static bool is_refused(enum frame_kind kind)
{
	return kind == FRAME_NONE || kind == FRAME_FREE || kind == FRAME_NODE;
}

static uint32_t run_errors(const struct world *world, paddr_t paddr, uint64_t len)
{
	uint32_t errors = 0;
	uint64_t nr_frames = len >> PAGE_SHIFT;

	if (!is_aligned(paddr.value, PAGE_SIZE) || nr_frames == 0)
		return E(EINVAL);
	if (!domain_contains(&world->domain, paddr, len))
		return E(ERANGE);
	for (uint64_t i = 0; i < nr_frames && !errors; i++) {
		uint32_t state = slot_state(&world->slots[(paddr.value >> PAGE_SHIFT) + i]);

		if (state != SLOT_UNUSED)
			errors = state == SLOT_UNIQUE ? E(EBUSY) : E(EEXIST);
	}
	return errors;
}

enum op_end op_segment_from_unused(struct world *world, const struct op *op)
{
	struct segment *segment = &world->segments[op->arg[0]];
	paddr_t paddr = frame_value(world, op->arg[1]);
	uint64_t len = len_value(world, op->arg[2]);
	enum frame_kind kind = (enum frame_kind)op->arg[3];
	uint32_t errors = is_refused(kind) ? E(EINVAL) : run_errors(world, paddr, len);

	if (segment->domain)
		return OP_REFUSED;
	if (!errors)
		touch_run(world, paddr, len >> PAGE_SHIFT);
	expect_result(world, "segment_from_unused",
		      segment_from_unused(&world->domain, paddr, len >> PAGE_SHIFT, kind, segment),
		      errors);
	learn_run(world, segment);
	return OP_DONE;
}

enum op_end op_segment_alloc(struct world *world, const struct op *op)
{
	struct segment *segment = &world->segments[op->arg[0]];
	uint64_t nr_frames = len_value(world, op->arg[1]) >> PAGE_SHIFT;
	enum frame_kind kind = (enum frame_kind)op->arg[2];
	uint64_t align = PAGE_SIZE << op->arg[3] % 3;
	int error;

	if (segment->domain)
		return OP_REFUSED;
	error = segment_alloc(&world->domain, nr_frames, align, kind, segment);
	/* Free frames may be in pieces: who wants several may not get them. */
	if (error != -ENOMEM || nr_frames < 2)
		expect_result(world, "segment_alloc", error,
			      is_refused(kind) || nr_frames == 0 ? E(EINVAL) : 0);
	if (error)
		return OP_DONE;
	EXPECT(world, RULE_RESULT,
	       segment->nr_frames == nr_frames && is_aligned(segment->paddr.value, align),
	       "segment_alloc gives %llu frames at %llx", (unsigned long long)segment->nr_frames,
	       (unsigned long long)segment->paddr.value);
	touch_run(world, segment->paddr, nr_frames);
	learn_run(world, segment);
	return OP_DONE;
}

enum op_end op_segment_drop(struct world *world, const struct op *op)
{
	struct segment *segment = &world->segments[op->arg[0]];
	uint32_t errors = segment->domain ? 0 : E(EINVAL);

	touch_run(world, segment->paddr, segment->nr_frames);
	expect_result(world, "segment_put", segment_put(segment), errors);
	return OP_DONE;
}

enum op_end op_segment_split(struct world *world, const struct op *op)
{
	struct segment *segment = &world->segments[op->arg[0]];
	struct segment *high = &world->segments[op->arg[1]];
	struct segment whole = *segment;
	uint64_t offset = len_value(world, op->arg[2]);
	uint32_t errors = 0;
	struct segment low;

	if (segment == high || high->domain)
		return OP_REFUSED;
	if (!segment->domain || !is_aligned(offset, PAGE_SIZE))
		errors = E(EINVAL);
	else if (offset == 0 || offset >= segment_size(segment))
		errors = E(ERANGE);
	expect_result(world, "segment_split", segment_split(segment, offset, &low, high), errors);
	if (errors)
		return OP_DONE;
	*segment = low;
	EXPECT(world, RULE_RESULT,
	       low.paddr.value == whole.paddr.value && segment_size(&low) == offset &&
		       high->paddr.value == whole.paddr.value + offset &&
		       low.nr_frames + high->nr_frames == whole.nr_frames,
	       "segment_split gives other parts");
	return OP_DONE;
}

enum op_end op_segment_next(struct world *world, const struct op *op)
{
	struct segment *segment = &world->segments[op->arg[0]];
	struct frame *handle = &world->handles[op->arg[1]];
	struct segment whole = *segment;

	if (handle->domain)
		return OP_REFUSED;
	expect_result(world, "segment_next", segment_next(segment, handle),
		      whole.nr_frames > 0 ? 0 : E(ENOENT));
	if (whole.nr_frames > 0)
		EXPECT(world, RULE_RESULT,
		       handle->paddr.value == whole.paddr.value &&
			       segment->nr_frames == whole.nr_frames - 1,
		       "segment_next gives frame %llx", (unsigned long long)handle->paddr.value);
	return OP_DONE;
}

enum op_end op_segment_clone(struct world *world, const struct op *op)
{
	struct segment *segment = &world->segments[op->arg[0]];
	struct segment *copy = &world->segments[op->arg[1]];

	if (segment == copy || copy->domain)
		return OP_REFUSED;
	touch_run(world, segment->paddr, segment->nr_frames);
	expect_result(world, "segment_clone", segment_clone(segment, copy),
		      segment->domain ? 0 : E(EINVAL));
	return OP_DONE;
}

enum op_end op_segment_slice(struct world *world, const struct op *op)
{
	struct segment *segment = &world->segments[op->arg[0]];
	struct segment *slice = &world->segments[op->arg[1]];
	uint64_t start = len_value(world, op->arg[2]);
	uint64_t end = len_value(world, op->arg[3]);
	uint32_t errors = 0;

	if (segment == slice || slice->domain)
		return OP_REFUSED;
	if (!segment->domain || !is_aligned(start | end, PAGE_SIZE))
		errors = E(EINVAL);
	else if (start > end || end > segment_size(segment))
		errors = E(ERANGE);
	if (!errors)
		touch_run(world, PADDR(segment->paddr.value + start), (end - start) >> PAGE_SHIFT);
	expect_result(world, "segment_slice", segment_slice(segment, start, end, slice), errors);
	return OP_DONE;
}

enum op_end op_segment_from_frame(struct world *world, const struct op *op)
{
	struct frame *handle = &world->handles[op->arg[0]];
	struct segment *segment = &world->segments[op->arg[1]];
	uint32_t errors = handle->domain ? 0 : E(EINVAL);

	if (segment->domain)
		return OP_REFUSED;
	expect_result(world, "segment_from_frame", segment_from_frame(handle, segment), errors);
	return OP_DONE;
}

/* Lists. */

static void insert(struct model_list *list, uint32_t place, uint32_t frame)
{
	memmove(&list->frames[place + 1], &list->frames[place],
		(list->size - place) * sizeof(*list->frames));
	list->frames[place] = frame;
	list->size++;
	if (list->at >= place)
		list->at++;
}

static uint32_t take(struct model_list *list, uint32_t place)
{
	uint32_t frame = list->frames[place];

	list->size--;
	memmove(&list->frames[place], &list->frames[place + 1],
		(list->size - place) * sizeof(*list->frames));
	if (list->at > place)
		list->at--;
	return frame;
}

/*
 * While a cursor is in use a list is changed through it only: the model's cursor stands at the
 * ghost, which every change leaves alone, when another way is taken.
 */
static void rest_cursor(struct model_list *list)
{
	list->at = list->size;
	list->cursor = (struct frame_list_cursor){ &list->list, SLOT_NONE };
}

enum list_end { LIST_FRONT, LIST_BACK, LIST_CURSOR };

static int engine_push(struct model_list *list, enum list_end end, struct unique_frame *unique)
{
	if (end == LIST_FRONT)
		return frame_list_push_front(&list->list, unique);
	if (end == LIST_BACK)
		return frame_list_push_back(&list->list, unique);
	return frame_list_cursor_insert_before(&list->cursor, unique);
}

static enum op_end push(struct world *world, const struct op *op, enum list_end end)
{
	struct model_list *list = &world->lists[op->arg[0]];
	struct unique_frame *unique = &world->uniques[op->arg[1]];
	uint32_t frame = (uint32_t)(unique->paddr.value >> PAGE_SHIFT);
	uint32_t errors = unique->domain ? 0 : E(EINVAL);
	uint32_t place = 0;

	if (list->size == NR(list->frames))
		return OP_REFUSED;
	if (end != LIST_CURSOR)
		rest_cursor(list);
	if (end != LIST_FRONT)
		place = end == LIST_BACK ? list->size : list->at;
	world->touched[frame] = true;
	expect_result(world, "push", engine_push(list, end, unique), errors);
	if (!errors)
		insert(list, place, frame);
	return OP_DONE;
}

enum op_end op_list_push_front(struct world *world, const struct op *op)
{
	return push(world, op, LIST_FRONT);
}

enum op_end op_list_push_back(struct world *world, const struct op *op)
{
	return push(world, op, LIST_BACK);
}

enum op_end op_list_cursor_insert(struct world *world, const struct op *op)
{
	return push(world, op, LIST_CURSOR);
}

static int engine_take(struct model_list *list, enum list_end end, struct unique_frame *unique)
{
	if (end == LIST_FRONT)
		return frame_list_pop_front(&list->list, unique);
	if (end == LIST_BACK)
		return frame_list_pop_back(&list->list, unique);
	return frame_list_cursor_take(&list->cursor, unique);
}

static enum op_end pop(struct world *world, const struct op *op, enum list_end end)
{
	struct model_list *list = &world->lists[op->arg[0]];
	struct unique_frame *unique = &world->uniques[op->arg[1]];
	uint32_t place = 0;
	uint32_t frame;

	if (unique->domain)
		return OP_REFUSED;
	if (end != LIST_CURSOR)
		rest_cursor(list);
	if (end == LIST_BACK && list->size > 0)
		place = list->size - 1;
	else if (end == LIST_CURSOR)
		place = list->at;
	if (place < list->size)
		world->touched[list->frames[place]] = true;
	expect_result(world, "pop", engine_take(list, end, unique),
		      place < list->size ? 0 : E(ENOENT));
	if (place >= list->size)
		return OP_DONE;
	frame = take(list, place);
	EXPECT(world, RULE_RESULT, unique->paddr.value == PAGES(frame),
	       "a list gives frame %llx, not %u", (unsigned long long)unique->paddr.value, frame);
	return OP_DONE;
}

enum op_end op_list_pop_front(struct world *world, const struct op *op)
{
	return pop(world, op, LIST_FRONT);
}

enum op_end op_list_pop_back(struct world *world, const struct op *op)
{
	return pop(world, op, LIST_BACK);
}

enum op_end op_list_cursor_take(struct world *world, const struct op *op)
{
	return pop(world, op, LIST_CURSOR);
}

static uint32_t place_of(const struct model_list *list, paddr_t paddr)
{
	uint32_t place = 0;

	while (place < list->size && PAGES(list->frames[place]) != paddr.value)
		place++;
	return place;
}

enum op_end op_list_contains(struct world *world, const struct op *op)
{
	const struct model_list *list = &world->lists[op->arg[0]];
	paddr_t paddr = frame_value(world, op->arg[1]);

	EXPECT(world, RULE_LL5,
	       frame_list_contains(&list->list, paddr) == (place_of(list, paddr) < list->size),
	       "a list is wrong about frame %llx", (unsigned long long)paddr.value);
	return OP_DONE;
}

enum op_end op_list_clear(struct world *world, const struct op *op)
{
	struct model_list *list = &world->lists[op->arg[0]];

	for (uint32_t i = 0; i < list->size; i++)
		world->touched[list->frames[i]] = true;
	frame_list_clear(&list->list);
	list->size = 0;
	rest_cursor(list);
	return OP_DONE;
}

enum op_end op_list_cursor_at(struct world *world, const struct op *op)
{
	struct model_list *list = &world->lists[op->arg[0]];
	paddr_t paddr = frame_value(world, op->arg[1]);
	uint32_t place = place_of(list, paddr);

	expect_result(world, "frame_list_cursor_at",
		      frame_list_cursor_at(&list->list, paddr, &list->cursor),
		      place < list->size ? 0 : E(ENOENT));
	if (place < list->size)
		list->at = place;
	return OP_DONE;
}

enum op_end op_list_cursor_move(struct world *world, const struct op *op)
{
	struct model_list *list = &world->lists[op->arg[0]];
	struct frame_ref frame;
	uint32_t nr_places = list->size + 1; /* the ghost is one */

	if (op->arg[1])
		frame_list_cursor_next(&list->cursor);
	else
		frame_list_cursor_prev(&list->cursor);
	list->at = (list->at + (op->arg[1] ? 1 : nr_places - 1)) % nr_places;
	expect_result(world, "frame_list_cursor_current",
		      frame_list_cursor_current(&list->cursor, &frame),
		      list->at < list->size ? 0 : E(ENOENT));
	return OP_DONE;
}
