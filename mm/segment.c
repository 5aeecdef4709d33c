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
	int err;

	if (!frame_kind_is_plain(kind))
		return -EINVAL;
	do {
		err = allocator_take(domain, nr_frames, align, &paddr);
		if (err)
			return err;
		err = segment_claim(domain, paddr, nr_frames, kind, true, segment);
		/*
		 * A frame was not unused after all: it is its owner's, and goes back to no free
		 * chunk (M-6). So each further try has one frame less to fail on.
		 */
		if (err)
			frames_give_back(domain, paddr, nr_frames);
	} while (err);
	return 0;
}

static struct slot *run_slot(const struct phys_domain *domain, paddr_t paddr, uint64_t index)
{
	return domain_slot_at(domain, paddr) + index;
}

static paddr_t run_frame(paddr_t paddr, uint64_t index)
{
	return PADDR(paddr.value + (index << PAGE_SHIFT));
}

typedef bool (*kind_test_t)(enum frame_kind kind);

/* A frame alone goes to the thread's shelf. */
static inline int reference_put(struct phys_domain *domain, struct slot *slot,
				kind_test_t kind_may_be_put)
{
	int last = kind_may_be_put(slot_kind(slot)) ? slot_put(slot) : -EINVAL;

	if (last > 0)
		frame_end(domain, slot);
	return last;
}

/*
 * One reference less on each frame. Returns how many frames had none, or are of a kind that may
 * not be touched. The allocator is told of neighbours together. Once for each test of kinds, for
 * that is a third of what a frame costs.
 */
static inline __attribute__((always_inline)) uint64_t references_put(struct phys_domain *domain,
								     paddr_t paddr,
								     uint64_t nr_frames,
								     kind_test_t kind_may_be_put)
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

struct segment segment_from_raw(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	return (struct segment){ domain, paddr, nr_frames };
}

/*
 * One more reference on each of `nr_frames` frames on which the caller has one: so undoing never
 * takes the last.
 */
static int references_inc(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	for (uint64_t i = 0; i < nr_frames; i++) {
		int err = slot_inc(run_slot(domain, paddr, i));

		if (!err)
			continue;
		while (i-- > 0)
			(void)slot_put(run_slot(domain, paddr, i));
		return err;
	}
	return 0;
}

/* `nr_frames` frames of the segment from number `first` on, which it has; referenced once more. */
static int segment_share(const struct segment *segment, uint64_t first, uint64_t nr_frames,
			 struct segment *share)
{
	paddr_t paddr = run_frame(segment->paddr, first);
	int err = references_inc(segment->domain, paddr, nr_frames);

	if (!err)
		*share = (struct segment){ segment->domain, paddr, nr_frames };
	return err;
}

int segment_clone(const struct segment *segment, struct segment *copy)
{
	return segment->domain ? segment_share(segment, 0, segment->nr_frames, copy) : -EINVAL;
}

int segment_slice(const struct segment *segment, uint64_t start, uint64_t end,
		  struct segment *slice)
{
	if (!segment->domain || !is_aligned(start | end, PAGE_SIZE))
		return -EINVAL;
	if (start > end || end > segment_size(segment))
		return -ERANGE;
	return segment_share(segment, start >> PAGE_SHIFT, (end - start) >> PAGE_SHIFT, slice);
}

int segment_split(struct segment *segment, uint64_t offset, struct segment *low,
		  struct segment *high)
{
	const struct segment whole = *segment;
	uint64_t nr_low = offset >> PAGE_SHIFT;

	if (!whole.domain || !is_aligned(offset, PAGE_SIZE))
		return -EINVAL;
	if (offset == 0 || offset >= segment_size(&whole))
		return -ERANGE;
	*segment = (struct segment){ 0 };
	*low = (struct segment){ whole.domain, whole.paddr, nr_low };
	*high = (struct segment){ whole.domain, run_frame(whole.paddr, nr_low),
				  whole.nr_frames - nr_low };
	return 0;
}

int segment_next(struct segment *segment, struct frame *frame)
{
	if (segment->nr_frames == 0)
		return -ENOENT;
	*frame = frame_from_raw(segment->domain, segment->paddr);
	segment->paddr = run_frame(segment->paddr, 1);
	segment->nr_frames--;
	if (segment->nr_frames == 0)
		*segment = (struct segment){ 0 };
	return 0;
}

int segment_from_frame(struct frame *frame, struct segment *segment)
{
	if (!frame_kind_is_plain(frame_kind_of(frame)))
		return -EINVAL;
	*segment = (struct segment){ frame->domain, frame->paddr, 1 };
	*frame = (struct frame){ 0 };
	return 0;
}

int segment_check_kind(const struct segment *segment, enum frame_kind kind)
{
	uint64_t nr_looked_at = segment->nr_frames;

#ifndef MM_DEBUG
	nr_looked_at = nr_looked_at > 0;
#endif
	if (nr_looked_at == 0 || kind == FRAME_NONE)
		return -EINVAL;
	for (uint64_t i = 0; i < nr_looked_at; i++)
		if (slot_kind(run_slot(segment->domain, segment->paddr, i)) != kind)
			return -EINVAL;
	return 0;
}

/* One more reference on a frame that holds plain bytes, and on no other (P-5). */
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
