/* SPDX-License-Identifier: MIT */
/*
 * vmm pt diff: what two looks at tables have different, by address. What the processor notes by
 * itself (accessed, dirty) is no difference.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/command_pt.h"
#include "vmm/pt_collect.h"
#include "vmm/pt_picture.h"
#include "vmm/pt_rows.h"
#include "vmm/refuse.h"

/* One of the two lists, as it is gone through. */
struct side {
	struct pt_list list;
	size_t at; /* the first run that does not end before where we are */
};

/* The same on both sides for a while: a run each, or NULL where nothing is mapped. */
struct stretch {
	uint64_t start, last;
	const struct foreign_run *runs[2];
};

/* Mapped runs only: what else there is counts as a hole. */
static const struct foreign_run *run_at(struct side *side, uint64_t address)
{
	for (; side->at < side->list.nr; side->at++) {
		const struct foreign_run *run = &side->list.runs[side->at];

		if (run->end == FOREIGN_MAPPED && run->start + (run->len - 1) >= address)
			return run;
	}
	return NULL;
}

/* Cuts a stretch from `start` on where either side begins or ends a run. */
static void stretch_find(struct side sides[2], uint64_t start, struct stretch *stretch)
{
	stretch->start = start;
	stretch->last = UINT64_MAX;
	for (unsigned i = 0; i < 2; i++) {
		const struct foreign_run *run = run_at(&sides[i], start);
		uint64_t last = UINT64_MAX;

		stretch->runs[i] = NULL;
		if (run && run->start > start) {
			last = run->start - 1;
		} else if (run) {
			last = run->start + (run->len - 1);
			stretch->runs[i] = run;
		}
		if (last < stretch->last)
			stretch->last = last;
	}
}

static bool stretch_differs(const struct stretch *stretch)
{
	const struct foreign_run *one = stretch->runs[0];
	const struct foreign_run *other = stretch->runs[1];

	if (!one || !other)
		return one != other;
	return one->rights != other->rights || one->leaf_rights != other->leaf_rights ||
	       one->len / one->nr != other->len / other->nr ||
	       pt_run_physical(one, stretch->start) != pt_run_physical(other, stretch->start) ||
	       (one->step != other->step && stretch->last - stretch->start >= one->len / one->nr);
}

/* The part of a run that is in the stretch, as a run. */
static struct foreign_run run_cut(const struct foreign_run *run, const struct stretch *stretch)
{
	uint64_t size = run->len / run->nr;
	struct foreign_run part = *run;

	part.start = stretch->start;
	part.len = stretch->last - stretch->start + 1;
	part.address = pt_run_physical(run, stretch->start);
	part.nr = part.len / size ? part.len / size : 1;
	return part;
}

static const char *kind_of(const struct stretch *stretch)
{
	if (!stretch->runs[0])
		return "added";
	return stretch->runs[1] ? "changed" : "removed";
}

static void print_run(struct pt_call *call, const struct foreign_run *run, uint64_t leaf, char sign)
{
	char *to = pt_out_begin(&call->out);

	*to++ = sign;
	*to++ = ' ';
	to = pt_put_hex16(to, run->start);
	*to++ = ' ';
	to = pt_put_hex16(to, run->start + run->len);
	*to++ = ' ';
	to = pt_put_rights(to, run->rights);
	to = PT_PUT(to, " by leaf ");
	to = pt_put_rights(to, run->leaf_rights);
	to = PT_PUT(to, ", leaf ");
	to = pt_put_size(to, leaf);
	to = PT_PUT(to, ", at ");
	to = pt_put_hex(to, run->address);
	if (run->step == 0)
		to = PT_PUT(to, " each");
	*to++ = '\n';
	pt_out_end(&call->out, to);
}

/* The fields of one side. */
static void say_fields(char *text, size_t len, const struct stretch *stretch, unsigned side)
{
	char rights[PT_RIGHTS_LEN + 1] = "-", leaf[PT_RIGHTS_LEN + 1] = "-";
	struct foreign_run run = { .nr = 1 };

	if (stretch->runs[side]) {
		run = run_cut(stretch->runs[side], stretch);
		*pt_put_rights(rights, run.rights) = '\0';
		*pt_put_rights(leaf, run.leaf_rights) = '\0';
	}
	snprintf(text, len, "%s\t%s\t%u\t0x%" PRIx64, rights, leaf, run.level, run.address);
}

static void print_row(struct pt_rows *rows, const struct stretch *stretch)
{
	char before[64], after[64];

	say_fields(before, sizeof(before), stretch, 0);
	say_fields(after, sizeof(after), stretch, 1);
	pt_rows_put(rows, "%s\t0x%" PRIx64 "\t0x%" PRIx64 "\t%s\t%s", kind_of(stretch),
		    stretch->start, stretch->last, before, after);
}

/* What differs, as a picture wants it. */
struct changes {
	struct pt_picture_change *list;
	size_t nr, room;
	struct pt_rows rows; /* or as rows */
};

/* "rw-- 4K at 0x1000", or nothing. */
static void say_run(char *text, size_t len, const struct stretch *stretch, unsigned side)
{
	struct foreign_run run;
	char *to = text;

	*text = '\0';
	if (!stretch->runs[side])
		return;
	run = run_cut(stretch->runs[side], stretch);
	to = pt_put_rights(to, run.rights);
	*to++ = ' ';
	to = pt_put_size(to, run.len / run.nr);
	snprintf(to, len - (size_t)(to - text), " at 0x%" PRIx64, run.address);
}

static int keep_stretch(struct changes *changes, const struct stretch *stretch)
{
	struct pt_picture_change *change;

	if (changes->nr == changes->room) {
		size_t room = changes->room ? 2 * changes->room : 64;
		void *list = reallocarray(changes->list, room, sizeof(*change));

		if (!list)
			return -ENOMEM;
		changes->list = list;
		changes->room = room;
	}
	change = &changes->list[changes->nr++];
	*change = (struct pt_picture_change){
		.start = stretch->start,
		.len = stretch->last - stretch->start + 1,
		.kind = !stretch->runs[0] ? PT_CHANGE_ADDED :
			stretch->runs[1]  ? PT_CHANGE_CHANGED :
					    PT_CHANGE_REMOVED,
	};
	say_run(change->was, sizeof(change->was), stretch, 0);
	say_run(change->is, sizeof(change->is), stretch, 1);
	return 0;
}

static int print_stretch(struct pt_call *call, const struct stretch *stretch,
			 struct changes *changes)
{
	if (call->options.style->draw)
		return keep_stretch(changes, stretch);
	if (pt_rows_wanted(call)) {
		print_row(&changes->rows, stretch);
		return 0;
	}
	for (unsigned i = 0; i < 2; i++)
		if (stretch->runs[i]) {
			struct foreign_run run = run_cut(stretch->runs[i], stretch);

			print_run(call, &run, stretch->runs[i]->len / stretch->runs[i]->nr,
				  i ? '+' : '-');
		}
	return 0;
}

/* How many stretches differ, or -ENOMEM. */
static int64_t compare(struct pt_call *call, struct side sides[2], struct changes *changes)
{
	struct stretch stretch = { .last = UINT64_MAX };
	int64_t differences = 0;
	int error = 0;

	do {
		stretch_find(sides, stretch.last + 1, &stretch);
		if (stretch_differs(&stretch)) {
			error = print_stretch(call, &stretch, changes);
			differences++;
		}
	} while (stretch.last != UINT64_MAX && error == 0);
	return error ? error : differences;
}

static void begin(struct pt_call *call, struct changes *changes)
{
	if (call->options.style->draw)
		return;
	pt_call_describe(call, 0);
	pt_call_describe(call, 1);
	pt_rows_begin(&changes->rows, call,
		      "kind\tstart\tlast\trights\tleaf_rights\tlevel\taddress\t"
		      "new_rights\tnew_leaf_rights\tnew_level\tnew_address");
}

/* What is drawn is the second look, with the changes marked. */
static int end(struct pt_call *call, int64_t differences, struct changes *changes)
{
	static const struct pt_picture_change none;

	if (call->options.style->draw)
		return pt_call_draw(call, 1, changes->list ? changes->list : &none, changes->nr);
	pt_rows_end(&changes->rows);
	if (call->options.style == &pt_style_text)
		pt_out_print(&call->out, "%" PRId64 " differences\n", differences);
	return 0;
}

int pt_command_diff(struct pt_call *call)
{
	struct side sides[2] = { { .at = 0 }, { .at = 0 } };
	struct changes changes = { .nr = 0 };
	int64_t differences = 0;
	int result = call->options.style->draw ? 0 : pt_rows_check(call, "diff");

	if (result)
		return result;
	for (unsigned i = 0; i < 2 && !result; i++)
		result = pt_list_make(&sides[i].list, &call->views[i], call->options.first,
				      call->options.last);
	if (!result) {
		begin(call, &changes);
		differences = compare(call, sides, &changes);
		result = differences < 0 ? -ENOMEM : end(call, differences, &changes);
	}
	for (unsigned i = 0; i < 2; i++)
		pt_list_free(&sides[i].list);
	free(changes.list);
	if (result)
		return refuse(&call->error, result, "no memory for all that is mapped");
	return differences ? PT_FOUND : 0;
}
