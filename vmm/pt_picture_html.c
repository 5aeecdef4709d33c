/* SPDX-License-Identifier: MIT */
/*
 * The picture as HTML: the page of vmm/picture.html with what was found put in, as a value of its
 * script. Addresses are numbers of 4 KiB pages, which a number of that language holds exactly.
 *
 *   runs    [first page, entries, level, effective rights, the leaf's, end, page that the first
 *            maps to, pages from one to the next, raw entry in hexadecimal]
 *   tables  [level, first page, page where it lies, bits 11:0 and above them 63:52 of its entry,
 *            bytes into that page if it does not begin there (PAE)]
 *   host    [first page, pages, pages of a leaf, rights, frame]
 *   diff    [first page, pages, "added" | "removed" | "changed", before, after]
 *   fold    [first page, pages] of each island
 */
#include "vmm/pt_picture.h"

#include <inttypes.h>

/* The page, from the folder in which the compiler runs: the root of the repository. */
__asm__(".pushsection .rodata\n"
	"picture_page: .incbin \"vmm/picture.html\"\n"
	"picture_page_end: .byte 0\n"
	".popsection\n");
extern const char picture_page[], picture_page_end[];

#define MARK "/*DATA*/null"

static void put_bytes(struct pt_out *out, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t piece = len < PT_OUT_LINE ? len : PT_OUT_LINE;

		pt_out_end(out, pt_put(pt_out_begin(out), bytes, piece));
		bytes += piece;
		len -= piece;
	}
}

static uint64_t pages(uint64_t bytes)
{
	return bytes >> PAGE_SHIFT;
}

static void put_runs(struct pt_out *out, const struct pt_picture *picture)
{
	pt_out_print(out, ",\nruns:[");
	for (size_t i = 0; i < picture->nr_runs; i++) {
		const struct foreign_run *run = &picture->runs[i];

		pt_out_print(out,
			     "%s[%" PRIu64 ",%" PRIu64 ",%u,%u,%u,%u,%" PRIu64 ",%" PRIu64
			     ",\"%" PRIx64 "\"]",
			     i ? ",\n" : "", pages(run->start), run->nr, run->level, run->rights,
			     run->leaf_rights, run->end, pages(run->address), pages(run->step),
			     run->raw);
	}
	pt_out_print(out, "]");
}

/* Bits 63:52 and 11:0 are all that an entry has beside the address. */
static void put_tables(struct pt_out *out, const struct pt_picture *picture)
{
	pt_out_print(out, ",\ntables:[");
	for (size_t i = 0; i < picture->nr_tables; i++) {
		const struct pt_picture_table *table = &picture->tables[i];

		pt_out_print(out, "%s[%u,%" PRIu64 ",%" PRIu64 ",%" PRIu64, i ? ",\n" : "",
			     table->level, pages(table->start), pages(table->at),
			     (table->raw & 0xfff) | table->raw >> 52 << 12);
		if (!is_aligned(table->at, PAGE_SIZE))
			pt_out_print(out, ",%" PRIu64, table->at & (PAGE_SIZE - 1));
		pt_out_print(out, "]");
	}
	pt_out_print(out, "]");
}

static void put_host(struct pt_out *out, const struct pt_source *source)
{
	if (!source->has_host)
		return;
	pt_out_print(out, ",\nhost:[");
	for (size_t i = 0; i < source->nr_host; i++) {
		const struct core_vmm_range *range = &source->host[i];

		pt_out_print(out, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u,%" PRIu64 "]",
			     i ? ",\n" : "", pages(range->gpa), pages(range->len),
			     level_pages(range->level), range->rights, pages(range->frame));
	}
	pt_out_print(out, "]");
}

static void put_changes(struct pt_out *out, const struct pt_picture *picture)
{
	static const char *const kinds[] = {
		[PT_CHANGE_ADDED] = "added",
		[PT_CHANGE_REMOVED] = "removed",
		[PT_CHANGE_CHANGED] = "changed",
	};

	if (!picture->is_diff)
		return;
	pt_out_print(out, ",\ndiff:[");
	for (size_t i = 0; i < picture->nr_changes; i++) {
		const struct pt_picture_change *change = &picture->changes[i];

		pt_out_print(out, "%s[%" PRIu64 ",%" PRIu64 ",\"%s\",", i ? ",\n" : "",
			     pages(change->start), pages(change->len), kinds[change->kind]);
		pt_out_string(out, change->was, strlen(change->was));
		pt_out_print(out, ",");
		pt_out_string(out, change->is, strlen(change->is));
		pt_out_print(out, "]");
	}
	pt_out_print(out, "]");
}

static void put_fold(struct pt_out *out, const struct pt_picture *picture)
{
	pt_out_print(out, ",\nfold:[");
	for (size_t i = 0; i < picture->nr_islands; i++)
		pt_out_print(out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "",
			     pages(picture->islands[i].start), pages(picture->islands[i].len));
	pt_out_print(out, "]");
}

/* The bits that are set in a mask, as a list. */
static void put_mask(struct pt_out *out, const char *name, uint64_t mask)
{
	const char *comma = "";

	pt_out_print(out, "%s:[", name);
	for (unsigned bit = 0; bit < 64; bit++)
		if (mask >> bit & 1) {
			pt_out_print(out, "%s%u", comma, bit);
			comma = ",";
		}
	pt_out_print(out, "]");
}

static void put_levels(struct pt_out *out, const struct foreign_paging *paging)
{
	const char *names[] = { "shift", "index", "grants" };

	for (unsigned which = 0; which < 3; which++) {
		pt_out_print(out, ",%s:[", names[which]);
		for (unsigned i = 1; i <= paging->levels; i++) {
			const struct foreign_level *level = &paging->level[i];
			const unsigned values[] = { level->shift, level->index_bits,
						    level->grants };

			pt_out_print(out, "%s%u", i > 1 ? "," : "", values[which]);
		}
		pt_out_print(out, "]");
	}
}

static void put_paging(struct pt_out *out, const struct foreign_paging *paging)
{
	pt_out_print(out, ",\npaging:{bits:%u,entry:%u,signed:%d", paging->address_bits,
		     paging->entry_len, paging->sign_extended);
	put_levels(out, paging);
	pt_out_print(out, ",rights:{");
	put_mask(out, "read", paging->read);
	put_mask(out, ",write", paging->write);
	put_mask(out, ",user", paging->user);
	put_mask(out, ",execute", paging->no_execute ? 0 : paging->execute);
	put_mask(out, ",noExecute", paging->no_execute);
	pt_out_print(out, "}}");
}

/* Names of a leaf's bits that are more than rights. */
static void put_bit_names(struct pt_out *out, const struct foreign_paging *paging)
{
	const struct {
		const char *name;
		uint64_t mask;
	} bits[] = {
		{ "accessed", paging->accessed },
		{ "dirty", paging->dirty },
		{ "global", paging->global },
	};
	const char *comma = "";

	pt_out_print(out, ",\nbits:[");
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (bits[i].mask) {
			pt_out_print(out, "%s[\"%s\",%d]", comma, bits[i].name,
				     __builtin_ctzll(bits[i].mask));
			comma = ",";
		}
	pt_out_print(out, "]");
}

static void put_about(struct pt_out *out, const struct pt_picture *picture)
{
	char text[256];

	pt_view_describe(picture->view, text, sizeof(text) - 64);
	if (picture->cut)
		strcat(text, "; some tables were seen before and are left out");
	pt_out_print(out, ",\nabout:");
	pt_out_string(out, text, strlen(text));
}

void pt_picture_html(const struct pt_picture *picture, const char *title, struct pt_out *out)
{
	const char *mark = strstr(picture_page, MARK);
	const struct foreign_paging *paging = &picture->view->paging;

	put_bytes(out, picture_page, (size_t)(mark - picture_page));
	pt_out_print(out, "{title:");
	pt_out_string(out, title, strlen(title));
	put_about(out, picture);
	put_paging(out, paging);
	put_bit_names(out, paging);
	put_fold(out, picture);
	put_host(out, picture->view->source);
	put_changes(out, picture);
	put_runs(out, picture);
	put_tables(out, picture);
	pt_out_print(out, "}");
	put_bytes(out, mark + strlen(MARK), (size_t)(picture_page_end - mark) - strlen(MARK));
}
