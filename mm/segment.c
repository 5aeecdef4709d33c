/* SPDX-License-Identifier: MIT */
/* Runs of frames: segments, and the references that the leaves of tables own. */
#include "mm/frame.h"
#include "mm/handle.h"

/* UNUSED -> BUSY for each of the slots, or for none. */
static int slots_claim(struct slot *slots, uint64_t nr_frames)
{
	for (uint64_t i = 0; i < nr_frames; i++) {
		int err = slot_claim(&slots[i]);

		if (!err)
			continue;
		while (i-- > 0)
			slot_release(&slots[i]);
		return err;
	}
	return 0;
}

/*
 * Nobody can refer to a frame of the run before all of them are had, so undoing is simple. `taken`:
 * the allocator has given them out.
 */
static int segment_claim(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames,
			 enum frame_kind kind, bool taken, struct segment *segment)
{
	struct slot *slots = domain_slot_at(domain, paddr);
	int err = slots_claim(slots, nr_frames);

	if (err)
		return err;
	for (uint64_t i = 0; i < nr_frames; i++) {
		if (taken)
			slots[i].home = HOME_TAKEN;
		slot_set_type(&slots[i], SLOT_TYPE(kind, 0, 0));
		slot_publish_shared(&slots[i]);
	}
	*segment = (struct segment){ domain, paddr, nr_frames };
	return 0;
}

int segment_from_unused(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames,
			enum frame_kind kind, struct segment *segment)
{
	int err = frame_kind_is_plain(kind) ? domain_check_run(domain, paddr, nr_frames) : -EINVAL;

	return err ? err : segment_claim(domain, paddr, nr_frames, kind, false, segment);
}

int segment_alloc(struct phys_domain *domain, uint64_t nr_frames, uint64_t align,
		  enum frame_kind kind, struct segment *segment)
{
	paddr_t paddr;
	int err = frame_kind_is_plain(kind) ? allocator_take(domain, nr_frames, align, &paddr) :
					      -EINVAL;

	if (err)
		return err;
	if (segment_claim(domain, paddr, nr_frames, kind, true, segment) == 0)
		return 0;
	/* A frame is not unused after all: that one is its owner's (M-6). */
	frames_give_back(domain, paddr, nr_frames);
	return -ENOMEM;
}

static struct slot *run_slot(const struct phys_domain *domain, paddr_t paddr, uint64_t index)
{
	return domain_slot_at(domain, paddr) + index;
}

static paddr_t run_frame(paddr_t paddr, uint64_t index)
{
	return PADDR(paddr.value + (index << PAGE_SHIFT));
}

/* A frame alone goes to the thread's shelf. */
static int reference_put(struct phys_domain *domain, struct slot *slot,
			 bool (*kind_may_be_put)(enum frame_kind))
{
	int last = kind_may_be_put(slot_kind(slot)) ? slot_put(slot) : -EINVAL;

	if (last > 0)
		frame_end(domain, slot);
	return last;
}

/*
 * One reference less on each frame. Returns how many frames had none, or are of a kind that may
 * not be touched. The allocator is told of neighbours together.
 */
static uint64_t references_put(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames,
			       bool (*kind_may_be_put)(enum frame_kind))
{
	uint64_t first = 0; /* the allocator is still to be told of [first, i) */
	uint64_t nr_refused = 0;

	if (nr_frames == 1)
		return reference_put(domain, run_slot(domain, paddr, 0), kind_may_be_put) < 0;
	for (uint64_t i = 0; i < nr_frames; i++) {
		struct slot *slot = run_slot(domain, paddr, i);
		int last = kind_may_be_put(slot_kind(slot)) ? slot_put(slot) : -EINVAL;

		if (last > 0 && frame_teardown(domain, slot))
			continue;
		nr_refused += last < 0;
		if (i > first)
			frames_give_back(domain, run_frame(paddr, first), i - first);
		first = i + 1;
	}
	frames_give_back(domain, run_frame(paddr, first), nr_frames - first);
	return nr_refused;
}

int segment_put(struct segment *segment)
{
	uint64_t nr_refused;

	if (!segment->domain)
		return -EINVAL;
	nr_refused = references_put(segment->domain, segment->paddr, segment->nr_frames,
				    frame_kind_is_plain);
	*segment = (struct segment){ 0 };
	return nr_refused ? -EUCLEAN : 0;
}

paddr_t segment_into_raw(struct segment *segment)
{
	paddr_t paddr = segment->domain ? segment->paddr : PADDR_NONE;

	*segment = (struct segment){ 0 };
	return paddr;
}

/* One more reference on a frame that holds plain bytes. */
static int reference_get(struct phys_domain *domain, paddr_t paddr)
{
	enum frame_kind kind = slot_kind(domain_slot_at(domain, paddr));
	struct frame frame;
	int err;

	if (kind != FRAME_NONE && !frame_kind_is_untyped(kind))
		return -EINVAL;
	err = frame_from_in_use(domain, paddr, &frame);
	if (err || frame_kind_is_untyped(frame_kind_of(&frame)))
		return err;
	/* It became another kind between the look and the reference. */
	(void)frame_put(&frame);
	return -EINVAL;
}

int run_get(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	int err = domain_check_run(domain, paddr, nr_frames);

	for (uint64_t i = 0; i < nr_frames && !err; i++) {
		err = reference_get(domain, run_frame(paddr, i));
		if (err)
			(void)references_put(domain, paddr, i, frame_kind_is_untyped);
	}
	return err;
}

int run_put(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	int err = domain_check_run(domain, paddr, nr_frames);
	uint64_t nr_refused;

	if (err)
		return err;
	nr_refused = references_put(domain, paddr, nr_frames, frame_kind_is_untyped);
	if (nr_refused == 0)
		return 0;
	atomic_fetch_add_explicit(&domain->nr_corrupt, nr_refused, memory_order_relaxed);
	return -EUCLEAN;
}
