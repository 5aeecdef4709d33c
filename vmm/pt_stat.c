/* SPDX-License-Identifier: MIT */
/*
 * vmm pt stat and host: figures of a table, and what the host table maps.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/command_pt.h"
#include "vmm/pt_collect.h"
#include "vmm/pt_rows.h"
#include "vmm/refuse.h"

#define RIGHTS_KINDS 16

struct figures {
	uint64_t leaves[LEVELS_MAX + 1];
	uint64_t bytes[LEVELS_MAX + 1];
	uint64_t by_rights[RIGHTS_KINDS]; /* bytes */
	uint64_t runs;
	uint64_t mapped;   /* bytes of addresses */
	uint64_t physical; /* bytes of memory behind them, each once */
	uint64_t malformed, outside;
};

static void count_runs(const struct pt_list *list, struct figures *figures)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct foreign_run *run = &list->runs[i];

		figures->malformed += run->end == FOREIGN_MALFORMED ? run->nr : 0;
		figures->outside += run->end == FOREIGN_OUTSIDE ? run->nr : 0;
		if (run->end != FOREIGN_MAPPED)
			continue;
		figures->runs++;
		figures->leaves[run->level] += run->nr;
		figures->bytes[run->level] += run->len;
		figures->by_rights[run->rights & (RIGHTS_KINDS - 1)] += run->len;
		figures->mapped += run->len;
	}
}

static int count_physical(const struct pt_list *list, struct figures *figures)
{
	size_t nr;
	struct pt_interval *intervals = pt_intervals_make(list, 0, 0, &nr);
	uint64_t end = 0;

	for (size_t i = 0; intervals && i < nr; i++) {
		uint64_t start = intervals[i].start > end ? intervals[i].start : end;

		if (intervals[i].end <= start)
			continue;
		figures->physical += intervals[i].end - start;
		end = intervals[i].end;
	}
	free(intervals);
	return intervals ? 0 : -ENOMEM;
}

static void print_row(struct pt_rows *rows, const char *name, uint64_t value)
{
	pt_rows_put(rows, "%s\t%" PRIu64, name, value);
}

static uint64_t table_bytes(const struct pt_view *view, const struct pt_list *list)
{
	uint64_t bytes = 0;

	for (unsigned level = 1; level <= view->paging.levels; level++)
		bytes += list->seen.tables[level] << view->paging.level[level].index_bits;
	return bytes * view->paging.entry_len;
}

static void print_rows(struct pt_call *call, const struct pt_view *view, const struct pt_list *list,
		       const struct figures *figures)
{
	struct pt_rows rows;
	char name[32];

	pt_rows_begin(&rows, call, "name\tvalue");
	for (unsigned level = 1; level <= view->paging.levels; level++) {
		snprintf(name, sizeof(name), "leaves_level_%u", level);
		print_row(&rows, name, figures->leaves[level]);
		snprintf(name, sizeof(name), "tables_level_%u", level);
		print_row(&rows, name, list->seen.tables[level]);
		snprintf(name, sizeof(name), "revisits_level_%u", level);
		print_row(&rows, name, list->seen.revisits[level]);
	}
	print_row(&rows, "runs", figures->runs);
	print_row(&rows, "bytes_mapped", figures->mapped);
	print_row(&rows, "bytes_physical", figures->physical);
	print_row(&rows, "bytes_tables", table_bytes(view, list));
	print_row(&rows, "entries_reserved", figures->malformed);
	print_row(&rows, "tables_outside", figures->outside);
	print_row(&rows, "tables_not_walked_again", list->repeated);
	pt_rows_end(&rows);
}

/* "K", "M" ... exact, for eyes. */
static const char *size_text(uint64_t size, char text[24])
{
	*pt_put_size(text, size) = '\0';
	return text;
}

static void print_text(struct pt_out *out, const struct pt_view *view, const struct pt_list *list,
		       const struct figures *figures)
{
	char one[24], other[24], rights[PT_RIGHTS_LEN + 1];
	uint64_t tables = table_bytes(view, list);

	for (unsigned level = 1; level <= view->paging.levels; level++)
		if (figures->leaves[level])
			pt_out_print(out, "leaves of %-5s %12" PRIu64 "  %s\n",
				     size_text(UINT64_C(1) << view->paging.level[level].shift, one),
				     figures->leaves[level],
				     size_text(figures->bytes[level], other));
	for (unsigned kind = 0; kind < RIGHTS_KINDS; kind++)
		if (figures->by_rights[kind]) {
			*pt_put_rights(rights, kind) = '\0';
			pt_out_print(out, "rights %s    %12s\n", rights,
				     size_text(figures->by_rights[kind], one));
		}
	for (unsigned level = view->paging.levels; level > 0; level--)
		pt_out_print(out, "tables of level %u %10" PRIu64 "  entered again: %" PRIu64 "\n",
			     level, list->seen.tables[level], list->seen.revisits[level]);
	pt_out_print(out, "mapped         %12s  of %s physical\n", size_text(figures->mapped, one),
		     size_text(figures->physical, other));
	pt_out_print(out, "tables         %12s", size_text(tables, one));
	if (figures->mapped)
		pt_out_print(out, "  %.0f bytes for each GiB mapped",
			     (double)tables / ((double)figures->mapped / (1 << 30)));
	pt_out_print(out, "\nruns           %12" PRIu64 "\n", figures->runs);
	if (figures->malformed || figures->outside || list->repeated)
		pt_out_print(out,
			     "reserved bits in %" PRIu64 " entries, no memory for %" PRIu64
			     " tables, %" PRIu64 " not walked once more\n",
			     figures->malformed, figures->outside, list->repeated);
	if (list->cut_off)
		pt_out_print(out, "cut off after %" PRIu64 " runs\n", PT_RUNS_MAX);
}

int pt_command_stat(struct pt_call *call)
{
	const struct pt_view *view = &call->views[0];
	struct figures figures = { .runs = 0 };
	struct pt_list list;
	int result;

	result = pt_rows_check(call, "stat");
	if (result)
		return result;
	result = pt_list_make(&list, view, call->options.first, call->options.last);
	count_runs(&list, &figures);
	if (!result)
		result = count_physical(&list, &figures);
	if (!result) {
		pt_call_describe(call, 0);
		if (pt_rows_wanted(call))
			print_rows(call, view, &list, &figures);
		else
			print_text(&call->out, view, &list, &figures);
	}
	pt_list_free(&list);
	return result ? refuse(&call->error, result, "no memory for all that is mapped") : 0;
}

#define EPT_WRITE_BACK (UINT64_C(6) << 3)

/* A range of the host table as if it had been walked. */
static struct foreign_run host_run(const struct core_vmm_range *range)
{
	uint64_t size = level_size(range->level);

	return (struct foreign_run){
		.end = FOREIGN_MAPPED,
		.level = range->level,
		.rights = range->rights & PROP_RIGHTS,
		.leaf_rights = range->rights & PROP_RIGHTS,
		.start = range->gpa,
		.len = range->len,
		.nr = range->len / size ? range->len / size : 1,
		.address = range->frame,
		.step = size,
		.raw = EPT_WRITE_BACK,
	};
}

int pt_command_host(struct pt_call *call)
{
	struct pt_source *source = &call->sources[0];
	const struct pt_style *style = call->options.style;
	struct pt_report report = pt_call_report(call, 0);
	struct pt_filter filter = { .nr = 0 };
	int result = 0;

	if (!source->has_host)
		return refuse(&call->error, -ENOENT, "%.60s does not know a host table",
			      source->name);
	for (int i = 0; i < call->nr_words && !result; i++)
		result = pt_filter_add(&filter, call->words[i], &call->error);
	if (result)
		return result;
	call->views[0] = (struct pt_view){ .source = source, .what = "the host table" };
	foreign_paging_make(FOREIGN_EPT4, 0, 0, &call->views[0].paging);
	if (style->begin)
		style->begin(&report);
	for (size_t i = 0; i < source->nr_host; i++) {
		struct foreign_run run = host_run(&source->host[i]);

		if (run.start + (run.len - 1) < call->options.first ||
		    run.start > call->options.last ||
		    !pt_filter_passes(&filter, &call->views[0].paging, &run))
			continue;
		style->run(&report, &run);
		report.runs++;
	}
	if (style->end)
		style->end(&report);
	return 0;
}
