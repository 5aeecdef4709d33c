/* SPDX-License-Identifier: MIT */
/*
 * vmm pt find and alias: from physical memory to the addresses that map it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "vmm/command_pt.h"
#include "vmm/number.h"
#include "vmm/pt_collect.h"
#include "vmm/pt_rows.h"
#include "vmm/refuse.h"

static int no_memory(struct pt_call *call)
{
	return refuse(&call->error, -ENOMEM, "no memory for all that is mapped");
}

/* Says what a list does not have. */
static void print_limits(struct pt_call *call, const struct pt_list *list)
{
	if (list->repeated)
		pt_out_print(&call->out,
			     "%" PRIu64 " repetitions of tables were not walked again: "
			     "see --format text of dump\n",
			     list->repeated);
	if (list->cut_off)
		pt_out_print(&call->out, "cut off after %" PRIu64 " runs\n", PT_RUNS_MAX);
}

static void print_address(struct pt_call *call, const struct foreign_run *run, uint64_t address,
			  uint64_t times)
{
	uint64_t size = run->len / run->nr;
	char *to = pt_out_begin(&call->out);

	to = pt_put_hex16(to, address);
	to = PT_PUT(to, "  ");
	to = pt_put_rights(to, run->rights);
	to = PT_PUT(to, "  in a leaf of ");
	to = pt_put_size(to, size);
	if (times > 1) {
		to = PT_PUT(to, ", and in each of the ");
		to = pt_put_number(to, times - 1);
		to = PT_PUT(to, " after it");
	}
	if (call->symbols.nr) {
		to = PT_PUT(to, "  ");
		to = pt_put_symbol(to, &call->symbols, address, 1);
	}
	*to++ = '\n';
	pt_out_end(&call->out, to);
}

/* The leaf of the run that has this offset, or all if they are of one page. */
static void print_found(struct pt_call *call, struct pt_report *report,
			const struct foreign_run *run, uint64_t offset)
{
	uint64_t size = run->len / run->nr;
	struct foreign_run leaf = *run;

	if (call->options.style == &pt_style_text) {
		print_address(call, run, run->start + offset, run->step ? 1 : run->nr);
		return;
	}
	if (run->step) {
		leaf.start += offset / size * size;
		leaf.address += offset / size * size;
		leaf.len = size;
		leaf.nr = 1;
	}
	call->options.style->run(report, &leaf);
	report->runs++;
}

int pt_command_find(struct pt_call *call)
{
	const struct pt_style *style = call->options.style;
	struct pt_report report = pt_call_report(call, 0);
	struct pt_list list;
	uint64_t gpa, found = 0;
	int result;

	if (!number_read_whole(call->words[0], &gpa))
		return refuse(&call->error, -EINVAL, "'%.60s' is no address", call->words[0]);
	result = pt_list_make(&list, &call->views[0], call->options.first, call->options.last);
	pt_call_describe(call, 0);
	if (style != &pt_style_text && style->begin)
		style->begin(&report);
	for (size_t i = 0; i < list.nr && !result; i++) {
		const struct foreign_run *run = &list.runs[i];

		if (run->end != FOREIGN_MAPPED || gpa < run->address ||
		    gpa - run->address >= pt_run_physical_len(run))
			continue;
		print_found(call, &report, run, gpa - run->address);
		found++;
	}
	if (style != &pt_style_text && style->end)
		style->end(&report);
	if (style == &pt_style_text)
		print_limits(call, &list);
	if (style == &pt_style_text && !found)
		pt_out_print(&call->out, "no address maps GPA 0x%" PRIx64 "\n", gpa);
	pt_list_free(&list);
	return result ? no_memory(call) : found ? 0 : PT_FOUND;
}

#define NAMED_MAX 16 /* addresses that are named of one alias */
#define LOOK_MAX 256 /* intervals that are looked at for them */

struct aliases {
	struct pt_call *call;
	struct pt_interval *intervals; /* by start */
	uint64_t *ends;		       /* ascending */
	uint64_t *reach;	       /* the furthest end of the intervals up to this one */
	size_t nr;
	uint64_t shared; /* bytes that are mapped more than once */
	struct pt_rows rows;
};

static int by_value(const void *one, const void *other)
{
	uint64_t first = *(const uint64_t *)one;
	uint64_t second = *(const uint64_t *)other;

	return first < second ? -1 : first > second;
}

static int aliases_open(struct aliases *aliases, const struct pt_list *list)
{
	aliases->intervals = pt_intervals_make(list, 0, 0, &aliases->nr);
	aliases->ends = calloc(aliases->nr + 1, sizeof(*aliases->ends));
	aliases->reach = calloc(aliases->nr + 1, sizeof(*aliases->reach));
	if (!aliases->intervals || !aliases->ends || !aliases->reach)
		return -ENOMEM;
	for (size_t i = 0; i < aliases->nr; i++) {
		uint64_t end = aliases->intervals[i].end;

		aliases->ends[i] = end;
		aliases->reach[i] = i && aliases->reach[i - 1] > end ? aliases->reach[i - 1] : end;
	}
	qsort(aliases->ends, aliases->nr, sizeof(*aliases->ends), by_value);
	return 0;
}

static void aliases_close(struct aliases *aliases)
{
	free(aliases->intervals);
	free(aliases->ends);
	free(aliases->reach);
}

/* One of the addresses that map [start, end), as a row. */
static void print_alias_row(struct aliases *aliases, uint64_t start, uint64_t end, uint64_t times,
			    const struct foreign_run *run)
{
	char rights[PT_RIGHTS_LEN + 1];

	*pt_put_rights(rights, run->rights) = '\0';
	pt_rows_put(&aliases->rows,
		    "0x%" PRIx64 "\t%" PRIu64 "\t%" PRIu64 "\t0x%" PRIx64 "\t%s\t%" PRIu64, start,
		    end - start, times, run->start + (start - run->address), rights,
		    run->step ? 1 : run->nr);
}

/* Those of the first `nr` intervals that have `start`, by name, as far as the limits go. */
static void print_alias(struct aliases *aliases, uint64_t start, uint64_t end, size_t nr,
			uint64_t times)
{
	struct pt_out *out = &aliases->call->out;
	unsigned named = 0, looked = 0;
	char size[24];
	bool text = !pt_rows_wanted(aliases->call);

	*pt_put_size(size, end - start) = '\0';
	if (text)
		pt_out_print(out, "GPA 0x%" PRIx64 "  %s  %" PRIu64 " times:", start, size, times);
	for (size_t i = nr; i-- > 0 && aliases->reach[i] > start && looked++ < LOOK_MAX;) {
		const struct foreign_run *run = aliases->intervals[i].run;
		char rights[PT_RIGHTS_LEN + 1];

		if (aliases->intervals[i].end <= start)
			continue;
		if (named++ == NAMED_MAX)
			break;
		*pt_put_rights(rights, run->rights) = '\0';
		if (!text) {
			print_alias_row(aliases, start, end, times, run);
			continue;
		}
		pt_out_print(out, "  0x%" PRIx64 " %s", run->start + (start - run->address),
			     rights);
		if (run->nr > 1 && !run->step)
			pt_out_print(out, " x %" PRIu64, run->nr);
	}
	if (text)
		pt_out_print(out, named > NAMED_MAX || looked > LOOK_MAX ? "  ...\n" : "\n");
}

/*
 * Goes over physical memory from one begin or end of an interval to the next; `times` counts those
 * that are open between them, and each of one page as often as it is mapped.
 */
static void aliases_print(struct aliases *aliases)
{
	size_t begun = 0, ended = 0;
	uint64_t open = 0, at = 0;
	uint64_t folded_end = 0, folded = 0; /* of the last run of one page: it is short */

	while (ended < aliases->nr) {
		uint64_t next = aliases->ends[ended];
		uint64_t times = open + (folded_end > at ? folded : 0);

		if (begun < aliases->nr && aliases->intervals[begun].start < next)
			next = aliases->intervals[begun].start;
		if (folded_end > at && folded_end < next)
			next = folded_end;
		if (times > 1 && next > at) {
			print_alias(aliases, at, next, begun, times);
			aliases->shared += next - at;
		}
		at = next;
		for (; begun < aliases->nr && aliases->intervals[begun].start == at; begun++) {
			const struct foreign_run *run = aliases->intervals[begun].run;

			open++;
			if (run->nr > 1 && !run->step) {
				folded = (folded_end > at ? folded : 0) + run->nr - 1;
				folded_end = aliases->intervals[begun].end;
			}
		}
		for (; ended < aliases->nr && aliases->ends[ended] == at; ended++)
			open--;
	}
}

int pt_command_alias(struct pt_call *call)
{
	struct aliases aliases = { .call = call };
	struct pt_list list;
	char size[24];
	int result = pt_rows_check(call, "alias");

	if (result)
		return result;
	result = pt_list_make(&list, &call->views[0], call->options.first, call->options.last);
	if (!result)
		result = aliases_open(&aliases, &list);
	if (!result) {
		pt_call_describe(call, 0);
		pt_rows_begin(&aliases.rows, call, "gpa\tlength\ttimes\taddress\trights\teach");
		aliases_print(&aliases);
		pt_rows_end(&aliases.rows);
	}
	if (!result && !pt_rows_wanted(call)) {
		print_limits(call, &list);
		*pt_put_size(size, aliases.shared) = '\0';
		pt_out_print(&call->out, "%s of physical memory are mapped more than once\n", size);
	}
	aliases_close(&aliases);
	pt_list_free(&list);
	return result ? no_memory(call) : 0;
}
