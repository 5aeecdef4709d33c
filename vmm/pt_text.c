/* SPDX-License-Identifier: MIT */
/*
 * Runs as text for eyes.
 */
#include "vmm/pt_report.h"

#define COLUMNS \
	"start            end                length leaf rights  by leaf flags cache physical\n"

#define BITS_5_3 (UINT64_C(7) << 3) /* caching: PWT and PCD, or the type of EPT */
#define RESET "\033[0m"

static void text_begin(struct pt_report *report)
{
	char text[200];

	pt_view_describe(report->view, text, sizeof(text));
	pt_out_print(report->out, "%s: %s\n", report->view->source->name, text);
	pt_out_print(report->out, COLUMNS);
}

/* What can be written and executed, first of all. */
static const char *colour_of(const struct foreign_run *run)
{
	if (run->end == FOREIGN_NOT_PRESENT)
		return "\033[2m";
	if (run->end != FOREIGN_MAPPED)
		return "\033[1;31m";
	switch (run->rights & (PROP_WRITE | PROP_EXECUTE)) {
	case PROP_WRITE | PROP_EXECUTE:
		return "\033[1;31m";
	case PROP_EXECUTE:
		return "\033[32m";
	case PROP_WRITE:
		return "\033[33m";
	}
	return "\033[36m";
}

/* Right-aligned in `width`. */
static char *put_size(char *to, uint64_t size, size_t width)
{
	char text[24];
	size_t len = (size_t)(pt_put_size(text, size) - text);

	while (width-- > len)
		*to++ = ' ';
	return pt_put(to, text, len);
}

/* Capital: all leaves have it, small: some. */
static char flag(const struct foreign_run *run, uint64_t bit, char letter)
{
	if (run->raw_all & bit)
		return letter;
	return run->raw_any & bit ? (char)(letter | 0x20) : '-';
}

static char *put_flags(char *to, const struct foreign_paging *paging, const struct foreign_run *run)
{
	*to++ = flag(run, paging->accessed, 'A');
	*to++ = flag(run, paging->dirty, 'D');
	*to++ = flag(run, paging->global, 'G');
	return to;
}

/* From the length to the caching. */
static char *put_middle(char *to, const struct foreign_paging *paging,
			const struct foreign_run *run)
{
	to = put_size(to, run->len, 8);
	*to++ = ' ';
	to = put_size(to, run->len / run->nr, 4);
	to = PT_PUT(to, "   ");
	to = pt_put_rights(to, run->rights);
	to = PT_PUT(to, "    ");
	if (run->leaf_rights == run->rights)
		to = PT_PUT(to, "   =");
	else
		to = pt_put_rights(to, run->leaf_rights);
	to = PT_PUT(to, "   ");
	to = put_flags(to, paging, run);
	to = PT_PUT(to, "    ");
	to = pt_put(to, pt_cache_name(foreign_prop(paging, run->level, run->raw)), 2);
	*to++ = ' ';
	return to;
}

/* Fills what is kept: the longest sizes have 20 digits. */
static void middle_fill(struct pt_report *report, const struct foreign_run *run)
{
	const struct foreign_paging *paging = &report->view->paging;
	struct pt_middle *middle = &report->middle;
	char text[2 * PT_MIDDLE_LEN] = { 0 };
	size_t len = (size_t)(put_middle(text, paging, run) - text);

	middle->like = *run;
	middle->flags = paging->accessed | paging->dirty | paging->global | BITS_5_3;
	middle->len = len;
	memcpy(middle->text, text, PT_MIDDLE_LEN);
}

/* end, level, rights and leaf_rights are compared as two words. */
_Static_assert(offsetof(struct foreign_run, leaf_rights) == 12, "what a run begins with");

/*
 * A line that can be made of what is kept: one leaf, as the run of one leaf that it was made of.
 * Then the level says the length, and the entry all bits. nr is 0 where nothing is kept.
 */
static inline bool middle_is_kept(const struct pt_middle *middle, const struct foreign_run *run)
{
	const struct foreign_run *like = &middle->like;

	return run->nr == like->nr && !memcmp(like, run, 2 * sizeof(uint64_t)) &&
	       !((like->raw ^ run->raw) & middle->flags);
}

static inline char *put_kept(char *to, const struct pt_middle *middle)
{
	memcpy(to, middle->text, PT_MIDDLE_LEN);
	return to + middle->len;
}

/* What is no mapping, in words. */
static char *put_other(char *to, const struct foreign_run *run)
{
	switch (run->end) {
	case FOREIGN_NOT_PRESENT:
		to = PT_PUT(to, "   not present, level ");
		break;
	case FOREIGN_MALFORMED:
		to = PT_PUT(to, "   reserved bits: entry ");
		to = pt_put_hex(to, run->entry);
		to = PT_PUT(to, " = ");
		to = pt_put_hex(to, run->raw);
		to = PT_PUT(to, ", level ");
		break;
	case FOREIGN_OUTSIDE:
		to = PT_PUT(to, "   no memory at ");
		to = pt_put_hex(to, run->address);
		to = PT_PUT(to, ", where the table is to be: entry ");
		to = pt_put_hex(to, run->entry);
		to = PT_PUT(to, ", level ");
		break;
	default:
		to = PT_PUT(to, "   not walked once more: the table at ");
		to = pt_put_hex(to, run->address);
		to = PT_PUT(to, ", level ");
		break;
	}
	to = pt_put_number(to, run->level);
	if (run->nr > 1) {
		to = PT_PUT(to, ", ");
		to = pt_put_number(to, run->nr);
		to = PT_PUT(to, " entries");
	}
	return to;
}

static char *put_symbol(char *to, const struct pt_report *report, const struct foreign_run *run)
{
	char *end = pt_put_symbol(to + 2, report->symbols, run->start, run->len);

	if (end == to + 2)
		return to;
	memcpy(to, "  ", 2);
	return end;
}

/* Where a run begins and ends. The end is kept: the next run begins there more often than not. */
static inline char *put_bounds(char *to, struct pt_middle *middle, const struct foreign_run *run)
{
	if (middle->end == run->start)
		to = pt_put(to, middle->end_text, sizeof(middle->end_text));
	else
		to = pt_put_hex16(to, run->start);
	*to++ = ' ';
	middle->end = run->start + run->len;
	pt_put_hex16(middle->end_text, middle->end);
	to = pt_put(to, middle->end_text, sizeof(middle->end_text));
	*to++ = ' ';
	return to;
}

/* A line of any kind; what it has in common with others of its kind is kept for the next one. */
static SLOW_PATH void text_run_any(struct pt_report *report, const struct foreign_run *run)
{
	struct pt_middle *middle = &report->middle;
	char *to = pt_out_begin(report->out);

	if (report->colour)
		to = pt_put_text(to, colour_of(run));
	middle->end = ~run->start; /* nothing is kept of the end of a run that is no line */
	to = put_bounds(to, middle, run);
	if (run->end == FOREIGN_MAPPED) {
		middle_fill(report, run);
		to = pt_put_hex16(put_kept(to, middle), run->address);
		if (run->nr > 1 && run->step == 0)
			to = PT_PUT(to, " each");
		if (report->symbols)
			to = put_symbol(to, report, run);
	} else {
		to = put_other(put_size(to, run->len, 8), run);
	}
	if (report->colour || report->symbols || run->end != FOREIGN_MAPPED || run->nr != 1)
		middle->like.nr = 0;
	if (report->colour)
		to = PT_PUT(to, RESET);
	*to++ = '\n';
	pt_out_end(report->out, to);
}

/* Of a large table most lines differ from the one before in their addresses only. */
static void text_run(struct pt_report *report, const struct foreign_run *run)
{
	struct pt_out *out = report->out;
	char *to = out->buffer + out->used;

	if (out->used > PT_OUT_LEN - PT_OUT_LINE || !middle_is_kept(&report->middle, run)) {
		text_run_any(report, run);
		return;
	}
	to = put_bounds(to, &report->middle, run);
	to = pt_put_hex16(put_kept(to, &report->middle), run->address);
	*to++ = '\n';
	pt_out_end(out, to);
}

const struct pt_style pt_style_text = { .name = "text", .begin = text_begin, .run = text_run };
