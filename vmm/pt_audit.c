/* SPDX-License-Identifier: MIT */
/*
 * vmm pt audit: what a table should not say.
 *
 * Each check prints what it found, and the last line is the verdict. All work is bounded by the
 * list of runs (vmm/pt_collect.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/command_pt.h"
#include "vmm/pt_collect.h"
#include "vmm/pt_rows.h"
#include "vmm/refuse.h"

#define SHOWN_MAX 100 /* findings that are shown of each check; all are counted */

enum check {
	CHECK_WX,
	CHECK_KERNEL_HALF,
	CHECK_TEXT_ALIAS,
	CHECK_TABLE_ALIAS,
	CHECK_STACK,
	CHECK_NULL,
	CHECK_RESERVED,
	CHECK_OUTSIDE,
	CHECK_LOOP,
	CHECK_REPEATED,
	CHECK_CANONICAL,
	CHECK_HOST,
	CHECKS
};

static const struct {
	const char *name; /* stable: column of tsv */
	const char *text;
} checks[CHECKS] = {
	[CHECK_WX] = { "wx", "writable and executable" },
	[CHECK_KERNEL_HALF] = { "user-kernel-half", "a user may write to the kernel's half" },
	[CHECK_TEXT_ALIAS] = { "user-kernel-text", "a user may write to what the kernel executes" },
	[CHECK_TABLE_ALIAS] = { "user-table", "a user may write to a page table" },
	[CHECK_STACK] = { "stack", "the stack is executable" },
	[CHECK_NULL] = { "null", "the null page is mapped" },
	[CHECK_RESERVED] = { "reserved", "reserved bits are set" },
	[CHECK_OUTSIDE] = { "outside", "a table where there is no memory" },
	[CHECK_LOOP] = { "loop", "a table leads to itself" },
	[CHECK_REPEATED] = { "repeated", "the same tables again and again" },
	[CHECK_CANONICAL] = { "canonical", "not canonical" },
	[CHECK_HOST] = { "host", "the host table allows less" },
};

struct audit {
	struct pt_call *call;
	const struct pt_view *view;
	struct pt_list list;
	struct pt_rows rows;
	uint64_t found[CHECKS];
};

/* Notes one finding about [start, start+len). */
__attribute__((format(printf, 5, 6))) static void
found(struct audit *audit, enum check check, uint64_t start, uint64_t len, const char *format, ...)
{
	struct pt_out *out = &audit->call->out;
	char detail[160];
	va_list arguments;

	if (audit->found[check]++ >= SHOWN_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	if (pt_rows_wanted(audit->call))
		pt_rows_put(&audit->rows, "%s\t0x%" PRIx64 "\t0x%" PRIx64 "\t%s",
			    checks[check].name, start, start + (len - 1), detail);
	else
		pt_out_print(out, "%-16s %016" PRIx64 " %016" PRIx64 "  %s%s%s\n",
			     checks[check].name, start, start + len, checks[check].text,
			     detail[0] ? ": " : "", detail);
}

static void check_run(struct audit *audit, const struct foreign_run *run)
{
	const uint32_t wx = PROP_WRITE | PROP_EXECUTE;
	const uint32_t user_write = PROP_WRITE | PROP_USER;
	char rights[PT_RIGHTS_LEN + 1];

	*pt_put_rights(rights, run->rights) = '\0';
	switch (run->end) {
	case FOREIGN_MAPPED:
		if ((run->rights & wx) == wx)
			found(audit, CHECK_WX, run->start, run->len, "%s", rights);
		if ((run->rights & user_write) == user_write && audit->view->paging.sign_extended &&
		    run->start >> 63)
			found(audit, CHECK_KERNEL_HALF, run->start, run->len, "%s", rights);
		break;
	case FOREIGN_MALFORMED:
		found(audit, CHECK_RESERVED, run->start, run->len,
		      "level %u, entry 0x%" PRIx64 " = 0x%" PRIx64, run->level, run->entry,
		      run->raw);
		break;
	case FOREIGN_OUTSIDE:
		found(audit, CHECK_OUTSIDE, run->start, run->len,
		      "0x%" PRIx64 ", level %u, entry 0x%" PRIx64, run->address, run->level,
		      run->entry);
		break;
	case FOREIGN_REPEATED:
		found(audit, CHECK_REPEATED, run->start, run->len, "0x%" PRIx64 ", level %u",
		      run->address, run->level);
		break;
	case FOREIGN_NOT_PRESENT:
	case FOREIGN_NOT_CANONICAL:
		break;
	}
}

/* What the registers say, if they are those of the table. */
static void check_registers(struct audit *audit)
{
	const struct pt_view *view = audit->view;
	const struct pt_vcpu *registers = &view->registers;
	struct foreign_path path;

	foreign_translate(&view->paging, &view->memory, 0, &path);
	if (path.end == FOREIGN_MAPPED && view->paging.levels)
		found(audit, CHECK_NULL, 0, PAGE_SIZE, "GPA 0x%" PRIx64, path.address);
	if (!view->has_vcpu || view->chosen || !view->paging.levels)
		return;
	if (!foreign_is_canonical(&view->paging, registers->rip))
		found(audit, CHECK_CANONICAL, registers->rip, 1, "RIP");
	if (!foreign_is_canonical(&view->paging, registers->rsp)) {
		found(audit, CHECK_CANONICAL, registers->rsp, 1, "RSP");
		return;
	}
	foreign_translate(&view->paging, &view->memory, registers->rsp, &path);
	if (path.end == FOREIGN_MAPPED && path.rights & PROP_EXECUTE && path.rights & PROP_WRITE)
		found(audit, CHECK_STACK, align_down(registers->rsp, PAGE_SIZE), PAGE_SIZE,
		      "RSP 0x%" PRIx64, registers->rsp);
}

/*
 * Physical memory that is in one list and in the other, both by start. Each of the first list is
 * named once.
 */
static void check_overlap(struct audit *audit, enum check check, const struct pt_interval *some,
			  size_t nr_some, const struct pt_interval *others, size_t nr_others)
{
	size_t other = 0;
	const struct pt_interval *widest =
		NULL; /* of the others that have begun, the last to end */

	for (size_t i = 0; i < nr_some; i++) {
		const struct foreign_run *run = some[i].run;

		for (; other < nr_others && others[other].start < some[i].end; other++)
			if (!widest || others[other].end > widest->end)
				widest = &others[other];
		if (!widest || widest->end <= some[i].start)
			continue;
		if (widest->run)
			found(audit, check, run->start, run->len,
			      "GPA 0x%" PRIx64 ", also at 0x%" PRIx64,
			      some[i].start > widest->start ? some[i].start : widest->start,
			      widest->run->start);
		else
			found(audit, check, run->start, run->len, "the table at GPA 0x%" PRIx64,
			      widest->start);
	}
}

static int by_start(const void *one, const void *other)
{
	uint64_t first = ((const struct pt_interval *)one)->start;
	uint64_t second = ((const struct pt_interval *)other)->start;

	return first < second ? -1 : first > second;
}

/* The pages that were entered as tables. */
static struct pt_interval *table_intervals(const struct pt_seen *seen, size_t *nr)
{
	struct pt_interval *intervals = calloc(seen->nr + 1, sizeof(*intervals));

	*nr = 0;
	for (size_t i = 0; intervals && i < seen->room; i++)
		if (seen->slots[i]) {
			uint64_t page = align_down(seen->slots[i], PAGE_SIZE);

			intervals[(*nr)++] = (struct pt_interval){ page, page + PAGE_SIZE, NULL };
		}
	if (intervals)
		qsort(intervals, *nr, sizeof(*intervals), by_start);
	return intervals;
}

static int check_aliases(struct audit *audit)
{
	size_t nr_user, nr_text, nr_tables;
	struct pt_interval *user =
		pt_intervals_make(&audit->list, PROP_WRITE | PROP_USER, 0, &nr_user);
	struct pt_interval *text =
		pt_intervals_make(&audit->list, PROP_EXECUTE, PROP_USER, &nr_text);
	struct pt_interval *tables = table_intervals(&audit->list.seen, &nr_tables);
	int result = user && text && tables ? 0 : -ENOMEM;

	if (!result) {
		check_overlap(audit, CHECK_TEXT_ALIAS, user, nr_user, text, nr_text);
		check_overlap(audit, CHECK_TABLE_ALIAS, user, nr_user, tables, nr_tables);
	}
	free(user);
	free(text);
	free(tables);
	return result;
}

/* The first range of the host table that ends after a GPA. */
static size_t host_from(const struct pt_source *source, uint64_t gpa)
{
	size_t low = 0, high = source->nr_host;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (source->host[middle].gpa + source->host[middle].len <= gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Does the host let a guest do what its own table does? What lies beyond the RAM that the host
 * knows is a device's.
 */
static void check_host(struct audit *audit, const struct foreign_run *run)
{
	const struct pt_source *source = audit->view->source;
	uint64_t at = run->address;
	uint64_t end = run->address + pt_run_physical_len(run);

	for (size_t i = host_from(source, at); i < source->nr_host && at < end; i++) {
		const struct core_vmm_range *range = &source->host[i];
		uint64_t stop = range->gpa + range->len < end ? range->gpa + range->len : end;
		uint32_t missing = run->rights & PROP_RIGHTS & ~range->rights;
		char rights[PT_RIGHTS_LEN + 1];

		if (range->gpa > at)
			found(audit, CHECK_HOST, run->start + (at - run->address),
			      (range->gpa < end ? range->gpa : end) - at,
			      "GPA 0x%" PRIx64 " is not mapped there", at);
		if (range->gpa >= end)
			return;
		at = range->gpa > at ? range->gpa : at;
		*pt_put_rights(rights, missing) = '\0';
		if (missing)
			found(audit, CHECK_HOST, run->start + (at - run->address), stop - at,
			      "GPA 0x%" PRIx64 " without %s", at, rights);
		at = stop;
	}
}

static int audit_run(struct audit *audit)
{
	int result = pt_list_make(&audit->list, audit->view, audit->call->options.first,
				  audit->call->options.last);

	if (result)
		return result;
	for (size_t i = 0; i < audit->list.nr && audit->view->paging.levels; i++) {
		check_run(audit, &audit->list.runs[i]);
		if (audit->view->source->has_host && audit->list.runs[i].end == FOREIGN_MAPPED)
			check_host(audit, &audit->list.runs[i]);
	}
	if (audit->list.loops)
		found(audit, CHECK_LOOP, audit->list.loop_start, PAGE_SIZE,
		      "0x%" PRIx64 ", %" PRIu64 " times", audit->list.loop, audit->list.loops);
	check_registers(audit);
	return audit->view->paging.levels ? check_aliases(audit) : 0;
}

static int print_verdict(struct audit *audit)
{
	struct pt_out *out = &audit->call->out;
	uint64_t total = 0;

	for (unsigned i = 0; i < CHECKS; i++)
		total += audit->found[i];
	if (pt_rows_wanted(audit->call)) {
		pt_rows_end(&audit->rows);
		return total ? PT_FOUND : 0;
	}
	pt_out_print(out, "audit: %s", total ? "" : "nothing found");
	if (!audit->view->paging.levels)
		pt_out_print(out, ", for paging is off");
	for (unsigned i = 0, listed = 0; i < CHECKS; i++)
		if (audit->found[i])
			pt_out_print(out, "%s%" PRIu64 " %s", listed++ ? ", " : "", audit->found[i],
				     checks[i].name);
	if (audit->list.cut_off)
		pt_out_print(out, "; cut off after %" PRIu64 " runs", PT_RUNS_MAX);
	pt_out_print(out, "\n");
	return total ? PT_FOUND : 0;
}

int pt_command_audit(struct pt_call *call)
{
	struct audit audit = { .call = call, .view = &call->views[0] };
	int result = pt_rows_check(call, "audit");

	if (result)
		return result;
	pt_call_describe(call, 0);
	pt_rows_begin(&audit.rows, call, "check\tstart\tlast\tdetail");
	result = audit_run(&audit);
	if (!result)
		result = print_verdict(&audit);
	pt_list_free(&audit.list);
	return result < 0 ? refuse(&call->error, result, "no memory for all that is mapped") :
			    result;
}
