/* SPDX-License-Identifier: MIT */
/*
 * The walk of a view into a format: see pt_report.h.
 */
#include "vmm/pt_report.h"

#include <errno.h>

static const struct pt_style *const styles[] = {
	&pt_style_text,	    &pt_style_tsv,    &pt_style_json, &pt_style_qemu_mem,
	&pt_style_qemu_tlb, &pt_style_ptdump, &pt_style_html, &pt_style_svg,
};

const struct pt_style *pt_style_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		if (!strcmp(name, styles[i]->name))
			return styles[i];
	return NULL;
}

const char *pt_cache_name(prop_t prop)
{
	static const char *const names[8] = { "WB", "WT", "UC", "WC", "WP", "UC", "UC", "UC" };

	return names[(prop.bits & PROP_CACHE) >> PROP_CACHE_SHIFT];
}

char *pt_put_symbol(char *to, const struct pt_symbols *symbols, uint64_t address, uint64_t len)
{
	const struct pt_symbol *symbol = pt_symbols_at(symbols, address);

	if (!symbol)
		symbol = pt_symbols_from(symbols, address, len);
	if (!symbol)
		return to;
	to = pt_put(to, symbol->name, strnlen(symbol->name, 200));
	if (symbol->address == address)
		return to;
	*to++ = symbol->address < address ? '+' : '-';
	return pt_put_hex(to, symbol->address < address ? address - symbol->address :
							  symbol->address - address);
}

/* What one walk needs to know for each run. */
struct dumping {
	struct pt_report *report;
	const struct pt_dump *dump;
	void (*run)(struct pt_report *report, const struct foreign_run *run); /* the style's */
	struct pt_seen seen;
	uint32_t need, forbid; /* of a simple filter */
	uint64_t left_out;     /* tables that the format has no words for */
};

static bool seen(void *context, uint64_t table, unsigned level, uint64_t start)
{
	struct dumping *dumping = context;

	(void)start;
	return pt_seen(&dumping->seen, table, level);
}

/* Mapped runs are filtered; of others those that a filter asks for, or all. */
static bool is_wanted(struct dumping *dumping, const struct foreign_run *run)
{
	const struct pt_filter *filter = dumping->dump->filter;

	if (run->end == FOREIGN_REPEATED && dumping->dump->style->mapped_only)
		dumping->left_out += run->nr;
	return !filter || (run->end != FOREIGN_MAPPED && !filter->wants_bad) ||
	       pt_filter_passes(filter, &dumping->report->view->paging, run);
}

static int take_run(void *context, const struct foreign_run *run)
{
	struct dumping *dumping = context;
	struct pt_report *report = dumping->report;

	if (!is_wanted(dumping, run))
		return 0;
	dumping->run(report, run);
	report->runs++;
	return report->out->error;
}

/* The same where every run is wanted. */
static int take_any_run(void *context, const struct foreign_run *run)
{
	struct dumping *dumping = context;
	struct pt_report *report = dumping->report;

	dumping->run(report, run);
	report->runs++;
	return report->out->error;
}

/* The same for a filter that is simple. */
static int take_simple_run(void *context, const struct foreign_run *run)
{
	const struct dumping *dumping = context;

	if (run->end == FOREIGN_MAPPED &&
	    ((dumping->need & ~run->rights) | (dumping->forbid & run->rights)))
		return 0;
	return take_any_run(context, run);
}

static int (*taker_of(const struct pt_dump *dump))(void *context, const struct foreign_run *run)
{
	if (dump->style->mapped_only)
		return take_run;
	if (!dump->filter)
		return take_any_run;
	return dump->filter->simple ? take_simple_run : take_run;
}

/* The paging as the tool knows it that has this format. */
static struct foreign_paging paging_of(const struct pt_report *report, const struct pt_style *style)
{
	struct foreign_paging paging = report->view->paging;

	if (style->ignores)
		foreign_paging_ignore_reserved(&paging);
	if (style->address && paging.entry_len == 8) {
		paging.root &= style->address;
		paging.address_node &= style->address;
		for (unsigned level = 1; level <= paging.levels; level++)
			paging.level[level].address_leaf &= style->address;
	}
	return paging;
}

/* PWT, PCD and G; EPT's types are in what must agree in any case. */
#define DISTINCT (UINT64_C(1) << 3 | UINT64_C(1) << 4)

int pt_dump(struct pt_report *report, const struct pt_dump *dump)
{
	const struct pt_style *style = dump->style;
	const struct foreign_paging paging = paging_of(report, style);
	struct dumping dumping = { .report = report, .dump = dump, .run = dump->style->run };
	struct foreign_visitor visitor = {
		.run = taker_of(dump),
		.seen = seen,
		.context = &dumping,
		.first = dump->first,
		.last = dump->last,
		.distinct = paging.global | DISTINCT | style->distinct,
		.revisits = FOREIGN_REVISITS,
		.holes = dump->holes || style->holes,
		.single = dump->flat || style->single,
	};
	int result;

	if (dump->filter) {
		dumping.need = dump->filter->need;
		dumping.forbid = dump->filter->forbid;
		pt_filter_visit(dump->filter, &paging, &visitor);
	}
	if (style->begin)
		style->begin(report);
	result = foreign_walk(&paging, &report->view->memory, &visitor, NULL);
	if (!result && style->end)
		style->end(report);
	pt_seen_free(&dumping.seen);
	if (!result && dumping.left_out)
		result = -EOVERFLOW;
	return result ? result : report->out->error;
}
