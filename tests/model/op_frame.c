/* SPDX-License-Identifier: MIT */
/*
 * Frames and unique frames: section 1.10 of the design.
 */
#include <string.h>

#include "tests/model/model.h"

/* The errors of a claim by address: what the address says, and then what the slot's word says. */
static uint32_t claim_errors(const struct world *world, paddr_t paddr, enum frame_kind kind,
			     bool plain)
{
	uint32_t state;

	if (kind == FRAME_NONE || kind == FRAME_FREE || (plain && kind == FRAME_NODE))
		return E(EINVAL);
	if (!is_aligned(paddr.value, PAGE_SIZE))
		return E(EINVAL);
	if (paddr.value >= PAGES(world->config->nr_frames))
		return E(ERANGE);
	state = slot_state(&world->slots[paddr.value >> PAGE_SHIFT]);
	if (state == SLOT_UNUSED)
		return 0;
	return state == SLOT_UNIQUE ? E(EBUSY) : E(EEXIST);
}

static void touch(struct world *world, paddr_t paddr)
{
	if (domain_contains(&world->domain, paddr, PAGE_SIZE))
		world->touched[paddr.value >> PAGE_SHIFT] = true;
}

/* The bytes of a frame are what they are: they are known from now on. */
static void learn_bytes(struct world *world, paddr_t paddr)
{
	if (world->bytes)
		memcpy(world->bytes + paddr.value, world->memory + paddr.value, PAGE_SIZE);
}

enum op_end op_frame_from_unused(struct world *world, const struct op *op)
{
	struct frame *handle = &world->handles[op->arg[0]];
	paddr_t paddr = frame_value(world, op->arg[1]);
	enum frame_kind kind = (enum frame_kind)op->arg[2];
	uint32_t errors = claim_errors(world, paddr, kind, false);

	/* What claims a node has to fill it; only the engine does. */
	if (handle->domain || kind == FRAME_NODE)
		return OP_REFUSED;
	touch(world, paddr);
	expect_result(world, "frame_from_unused",
		      frame_from_unused(&world->domain, paddr, kind, handle), errors);
	if (handle->domain)
		learn_bytes(world, paddr);
	return OP_DONE;
}

enum op_end op_frame_from_in_use(struct world *world, const struct op *op)
{
	struct frame *handle = &world->handles[op->arg[0]];
	paddr_t paddr = frame_value(world, op->arg[1]);
	uint32_t errors = claim_errors(world, paddr, FRAME_DATA, true);

	if (handle->domain || (domain_contains(&world->domain, paddr, PAGE_SIZE) &&
			       slot_kind(domain_slot_at(&world->domain, paddr)) == FRAME_NODE))
		return OP_REFUSED;
	if (errors == 0)
		errors = E(ENOENT);
	else if (errors == E(EEXIST))
		errors = 0;
	touch(world, paddr);
	expect_result(world, "frame_from_in_use", frame_from_in_use(&world->domain, paddr, handle),
		      errors);
	return OP_DONE;
}

enum op_end op_frame_alloc(struct world *world, const struct op *op)
{
	struct frame *handle = &world->handles[op->arg[0]];
	enum frame_kind kind = (enum frame_kind)op->arg[1];
	bool zeroed = op->arg[2];
	uint64_t nr_free = allocator_free_frames(&world->domain);
	int error;

	if (handle->domain || kind == FRAME_NODE)
		return OP_REFUSED;
	error = frame_alloc(&world->domain, kind, zeroed, handle);
	expect_result(world, "frame_alloc", error,
		      kind == FRAME_NONE || kind == FRAME_FREE ? E(EINVAL) : 0);
	EXPECT(world, RULE_RESULT, error != -ENOMEM || nr_free == 0 || world->bytes,
	       "memory is out with %llu frames free", (unsigned long long)nr_free);
	if (error)
		return OP_DONE;
	touch(world, handle->paddr);
	for (uint64_t i = 0; zeroed && world->bytes && i < PAGE_SIZE; i++)
		EXPECT(world, RULE_BYTES, world->memory[handle->paddr.value + i] == 0,
		       "byte %llu of a frame that was zeroed is not 0", (unsigned long long)i);
	learn_bytes(world, handle->paddr);
	return OP_DONE;
}

enum op_end op_frame_clone(struct world *world, const struct op *op)
{
	struct frame *from = &world->handles[op->arg[0]];
	struct frame *to = &world->handles[op->arg[1]];

	if (from == to || to->domain)
		return OP_REFUSED;
	touch(world, from->paddr);
	expect_result(world, "frame_clone", frame_clone(from, to), from->domain ? 0 : E(EINVAL));
	return OP_DONE;
}

enum op_end op_frame_drop(struct world *world, const struct op *op)
{
	struct frame *handle = &world->handles[op->arg[0]];
	uint32_t errors = handle->domain ? 0 : E(EINVAL);

	touch(world, handle->paddr);
	expect_result(world, "frame_put", frame_put(handle), errors);
	EXPECT(world, RULE_RESULT, !handle->domain, "frame_put does not clear the handle");
	return OP_DONE;
}

enum op_end op_frame_raw(struct world *world, const struct op *op)
{
	struct frame *handle = &world->handles[op->arg[0]];
	struct frame before = *handle;
	paddr_t raw;

	if (!handle->domain)
		return OP_REFUSED;
	raw = frame_into_raw(handle);
	EXPECT(world, RULE_RESULT, raw.value == before.paddr.value && !handle->domain,
	       "frame_into_raw gives %llx", (unsigned long long)raw.value);
	*handle = frame_from_raw(&world->domain, raw);
	EXPECT(world, RULE_RESULT,
	       frame_borrow(handle).paddr.value == raw.value && frame_reference_count(handle) > 0,
	       "a frame that was raw is not what it was");
	return OP_DONE;
}

enum op_end op_unique_from_unused(struct world *world, const struct op *op)
{
	struct unique_frame *unique = &world->uniques[op->arg[0]];
	paddr_t paddr = frame_value(world, op->arg[1]);
	enum frame_kind kind = (enum frame_kind)op->arg[2];
	uint32_t errors = claim_errors(world, paddr, kind, true);

	if (unique->domain)
		return OP_REFUSED;
	touch(world, paddr);
	expect_result(world, "unique_frame_from_unused",
		      unique_frame_from_unused(&world->domain, paddr, kind, unique), errors);
	if (unique->domain)
		learn_bytes(world, paddr);
	return OP_DONE;
}

static enum op_end unique_end(struct world *world, const struct op *op, const char *what,
			      int (*end)(struct unique_frame *))
{
	struct unique_frame *unique = &world->uniques[op->arg[0]];
	uint32_t errors = unique->domain ? 0 : E(EINVAL);

	touch(world, unique->paddr);
	expect_result(world, what, end(unique), errors);
	EXPECT(world, RULE_RESULT, !unique->domain, "%s does not clear the handle", what);
	return OP_DONE;
}

enum op_end op_unique_drop(struct world *world, const struct op *op)
{
	return unique_end(world, op, "unique_frame_put", unique_frame_put);
}

/*
 * Its owner keeps account of the frame, and the allocator is not told (S-10): for a frame that the
 * allocator has given out that would be a leak.
 */
enum op_end op_unique_reset(struct world *world, const struct op *op)
{
	const struct unique_frame *unique = &world->uniques[op->arg[0]];

	if (unique->domain && domain_slot_at(unique->domain, unique->paddr)->home != HOME_UNKNOWN)
		return OP_REFUSED;
	return unique_end(world, op, "unique_frame_reset_as_unused", unique_frame_reset_as_unused);
}

enum op_end op_repurpose(struct world *world, const struct op *op)
{
	struct unique_frame *unique = &world->uniques[op->arg[0]];
	enum frame_kind kind = (enum frame_kind)op->arg[1];
	bool refused = !unique->domain || kind == FRAME_NONE || kind == FRAME_FREE ||
		       kind == FRAME_NODE;

	touch(world, unique->paddr);
	expect_result(world, "unique_frame_repurpose", unique_frame_repurpose(unique, kind),
		      refused ? E(EINVAL) : 0);
	if (!refused)
		EXPECT(world, RULE_RESULT,
		       slot_kind(domain_slot_at(&world->domain, unique->paddr)) == kind,
		       "a frame for another use has not its kind");
	return OP_DONE;
}

enum op_end op_from_unique(struct world *world, const struct op *op)
{
	struct unique_frame *unique = &world->uniques[op->arg[0]];
	struct frame *handle = &world->handles[op->arg[1]];
	uint32_t errors = unique->domain ? 0 : E(EINVAL);

	if (handle->domain)
		return OP_REFUSED;
	touch(world, unique->paddr);
	expect_result(world, "frame_from_unique", frame_from_unique(unique, handle), errors);
	return OP_DONE;
}

enum op_end op_try_from_shared(struct world *world, const struct op *op)
{
	struct frame *handle = &world->handles[op->arg[0]];
	struct unique_frame *unique = &world->uniques[op->arg[1]];
	uint32_t errors = 0;

	if (unique->domain)
		return OP_REFUSED;
	if (!handle->domain)
		errors = E(EINVAL);
	else if (frame_reference_count(handle) > 1)
		errors = E(EBUSY);
	touch(world, handle->paddr);
	expect_result(world, "unique_frame_from_shared", unique_frame_from_shared(handle, unique),
		      errors);
	return OP_DONE;
}

/* Takes frames out of the allocator until `arg` are left. */
enum op_end op_drain(struct world *world, const struct op *op)
{
	struct frame frame;

	while (world->nr_drained < MAX_DRAINED &&
	       allocator_free_frames(&world->domain) > op->arg[0] &&
	       frame_alloc(&world->domain, FRAME_DATA, false, &frame) == 0) {
		touch(world, frame.paddr);
		learn_bytes(world, frame.paddr);
		world->drained[world->nr_drained++] =
			(uint32_t)(frame_into_raw(&frame).value >> PAGE_SHIFT);
	}
	return OP_DONE;
}

enum op_end op_refill(struct world *world, const struct op *op)
{
	(void)op;
	while (world->nr_drained > 0) {
		uint32_t number = world->drained[--world->nr_drained];
		struct frame frame = frame_from_raw(&world->domain, PADDR(PAGES(number)));

		touch(world, frame.paddr);
		expect_result(world, "frame_put", frame_put(&frame), 0);
	}
	return OP_DONE;
}
