/* SPDX-License-Identifier: MIT */
/*
 * The picture as SVG: the same folded axis, all of it at once, for documents.
 */
#include "vmm/pt_picture.h"

#include <inttypes.h>
#include <math.h>

#define WIDTH 960.0
#define MARGIN 12.0
#define HEAD 46.0
#define TABLE_HEIGHT 14.0
#define LEAF_HEIGHT 46.0
#define HOLE_WIDTH 1.2	 /* in units of the axis, of which */
#define ISLAND_LEAST 2.0 /* an island has this and one for each doubling of its size */
#define PIXEL_LEAST 0.4
#define LABEL_LEAST 60.0 /* pixels of a leaf that says its size */

struct axis {
	const struct pt_picture *picture;
	double scale; /* pixels for a unit */
};

static double island_width(const struct pt_island *island)
{
	return ISLAND_LEAST + log2((double)(island->len >> PAGE_SHIFT));
}

static double axis_len(const struct pt_picture *picture)
{
	double len = 0;

	for (size_t i = 0; i < picture->nr_islands; i++)
		len += island_width(&picture->islands[i]) + HOLE_WIDTH;
	return len + HOLE_WIDTH;
}

/* Where an offset lies, in pixels; what lies in a hole is at the next island's beginning. */
static double axis_at(const struct axis *axis, uint64_t offset)
{
	double at = HOLE_WIDTH;

	for (size_t i = 0; i < axis->picture->nr_islands; i++) {
		const struct pt_island *island = &axis->picture->islands[i];
		uint64_t inside = offset > island->start ? offset - island->start : 0;

		if (inside <= island->len) {
			at += island_width(island) * (double)inside / (double)island->len;
			break;
		}
		at += island_width(island) + HOLE_WIDTH;
	}
	return MARGIN + at * axis->scale;
}

static const char *run_class(const struct foreign_run *run)
{
	static const char *const classes[] = {
		[PROP_READ] = "r",
		[PROP_READ | PROP_WRITE] = "rw",
		[PROP_READ | PROP_EXECUTE] = "rx",
		[PROP_RIGHTS] = "rwx",
		[PROP_EXECUTE] = "rx",
		[PROP_WRITE] = "none",
		[PROP_WRITE | PROP_EXECUTE] = "rwx",
		[0] = "none",
	};

	return run->end == FOREIGN_MAPPED ? classes[run->rights & PROP_RIGHTS] : "bad";
}

static void put_escaped(struct pt_out *out, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '<' || byte == '&')
			pt_out_print(out, "&#%u;", byte);
		else if (byte >= 0x20 && byte < 0x7f)
			pt_out_print(out, "%c", byte);
		else
			pt_out_print(out, "?");
	}
}

static void put_rect(struct pt_out *out, const char *class, double x, double y, double width,
		     double height)
{
	pt_out_print(out,
		     "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		     class, x, y, width, height);
}

/* The top of the row of tables of a level. */
static double row_top(const struct pt_picture *picture, unsigned level)
{
	return HEAD + TABLE_HEIGHT * (picture->view->paging.levels - level);
}

static double bottom(const struct pt_picture *picture)
{
	return row_top(picture, 0) + LEAF_HEIGHT;
}

/* Boxes that would lie on the same pixel are left out: a picture has only so many. */
static void put_tables(const struct axis *axis, struct pt_out *out)
{
	const struct pt_picture *picture = axis->picture;
	const struct foreign_paging *paging = &picture->view->paging;
	double drawn[LEVELS_MAX + 1] = { 0 };

	for (size_t i = 0; i < picture->nr_tables; i++) {
		const struct pt_picture_table *table = &picture->tables[i];
		const struct foreign_level *level = &paging->level[table->level];
		uint64_t len = UINT64_C(1) << (level->shift + level->index_bits);
		double x = axis_at(axis, table->start);
		double width = axis_at(axis, table->start + len) - x;

		if (x + width < drawn[table->level] + PIXEL_LEAST)
			continue;
		put_rect(out, "t", x, row_top(picture, table->level), width, TABLE_HEIGHT - 1);
		drawn[table->level] = x + width;
	}
}

static void put_run(const struct axis *axis, struct pt_out *out, const struct foreign_run *run,
		    double x, double width)
{
	double y = row_top(axis->picture, run->level ? run->level - 1 : 0);
	double end = bottom(axis->picture);
	char size[32] = "";

	put_rect(out, run_class(run), x, y, width, end - y);
	if (run->end == FOREIGN_MAPPED && run->rights & PROP_USER)
		put_rect(out, "u", x, end - 4, width, 4);
	if (width < LABEL_LEAST || run->level == 0)
		return;
	pt_put_size(size, run->len / run->nr);
	pt_out_print(out, "<text x=\"%.1f\" y=\"%.1f\">%" PRIu64 " \303\227 %s</text>\n", x + 4,
		     end - 12, run->nr, size);
}

static void put_runs(const struct axis *axis, struct pt_out *out)
{
	const struct pt_picture *picture = axis->picture;
	double drawn = 0;

	for (size_t i = 0; i < picture->nr_runs; i++) {
		const struct foreign_run *run = &picture->runs[i];
		double x = axis_at(axis, run->start);
		double width = axis_at(axis, run->start + run->len) - x;

		if (x + width < drawn + PIXEL_LEAST)
			continue;
		put_run(axis, out, run, x, width > PIXEL_LEAST ? width : PIXEL_LEAST);
		drawn = x + width;
	}
}

/* Each island's first address, upright where there is room, and its length. */
static void put_labels(const struct axis *axis, struct pt_out *out)
{
	const struct pt_picture *picture = axis->picture;
	double end = bottom(picture), last = 0;

	for (size_t i = 0; i < picture->nr_islands; i++) {
		const struct pt_island *island = &picture->islands[i];
		double x = axis_at(axis, island->start);

		if (i > 0 && x < last + 12)
			continue;
		pt_out_print(out,
			     "<text transform=\"translate(%.1f,%.1f) rotate(60)\">%" PRIx64
			     "</text>\n",
			     x, end + 10, foreign_canonical(&picture->view->paging, island->start));
		last = x;
	}
}

static void put_legend(struct pt_out *out, double y)
{
	static const char *const classes[] = { "r", "rw", "rx", "rwx", "none", "bad", "u", "t" };
	static const char *const texts[] = { "r",	 "rw",	      "rx",   "rwx",
					     "no right", "malformed", "user", "table" };
	double x = MARGIN;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put_rect(out, classes[i], x, y - 8, 9, 9);
		pt_out_print(out, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + 13, y, texts[i]);
		x += 26 + 7 * (double)strlen(texts[i]);
	}
}

static const char style[] =
	"text{font:11px ui-monospace,'DejaVu Sans Mono',monospace;fill:#445}"
	".h{font:13px system-ui,sans-serif;fill:#112}rect{stroke:#fff;stroke-width:.4}"
	".t{fill:#dfe4ea}.r{fill:#8db4d6}.rw{fill:#5cae74}.rx{fill:#e2aa3f}.rwx{fill:#d9483b}"
	".none{fill:#b9b3c9}.bad{fill:#b0309e}.u{fill:#3b2f9e}.back{fill:#fff;stroke:none}";

void pt_picture_svg(const struct pt_picture *picture, const char *title, struct pt_out *out)
{
	struct axis axis = { picture, (WIDTH - 2 * MARGIN) / axis_len(picture) };
	double height = bottom(picture) + 128;
	char about[256];

	pt_view_describe(picture->view, about, sizeof(about));
	pt_out_print(out,
		     "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		     "viewBox=\"0 0 %.0f %.0f\">\n<style>%s</style>\n",
		     WIDTH, height, WIDTH, height, style);
	put_rect(out, "back", 0, 0, WIDTH, height);
	pt_out_print(out, "<text class=\"h\" x=\"%.0f\" y=\"18\">", MARGIN);
	put_escaped(out, title);
	pt_out_print(out, ": ");
	put_escaped(out, about);
	pt_out_print(out, "</text>\n");
	put_legend(out, 36);
	put_tables(&axis, out);
	put_runs(&axis, out);
	put_labels(&axis, out);
	pt_out_print(out, "</svg>\n");
}
