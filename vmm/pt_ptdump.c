/* SPDX-License-Identifier: MIT */
/*
 * As Linux prints its own tables in /sys/kernel/debug/page_tables: runs of equal flags, of whatever
 * physical addresses, and holes, with the names that the kernel has for the levels. Of its section
 * marks only the two are printed whose addresses no configuration changes.
 */
#include "vmm/pt_report.h"

#define BIT(n) (UINT64_C(1) << (n))
#define FLAGS (~(BIT(52) - 1) | (PAGE_SIZE - 1)) /* all that is no address */

#define PRESENT BIT(0)
#define WRITE BIT(1)
#define USER BIT(2)
#define PWT BIT(3)
#define PCD BIT(4)
#define PSE BIT(7)
#define GLOBAL BIT(8)
#define PAT_LARGE BIT(12)
#define NX BIT(63)

#define KERNEL_START BIT(63)

static void begin(struct pt_report *report)
{
	report->held.open = false;
	pt_out_print(report->out, "---[ User Space ]---\n");
}

static const char *level_name(const struct foreign_paging *paging, unsigned level)
{
	static const char *const names[] = { "", "pte", "pmd", "pud", "p4d", "pgd" };

	return names[level >= paging->levels ? 5 : level];
}

static char *put_flag(char *to, bool set, const char *text)
{
	size_t len = strlen(text);

	memset(to, ' ', len);
	if (set)
		memcpy(to, text, len);
	return to + len;
}

static char *put_flags(char *to, uint64_t flags, unsigned level)
{
	if (!(flags & PRESENT))
		return PT_PUT(to, "                              ");
	to = put_flag(to, flags & USER, "USR ");
	to = pt_put_text(to, flags & WRITE ? "RW " : "ro ");
	to = put_flag(to, flags & PWT, "PWT ");
	to = put_flag(to, flags & PCD, "PCD ");
	to = put_flag(to, flags & PSE && level > 1, "PSE ");
	to = put_flag(to, flags & (level == 1 ? PSE : PAT_LARGE), "PAT ");
	to = put_flag(to, flags & GLOBAL, "GLB ");
	return pt_put_text(to, flags & NX ? "NX " : "x  ");
}

static void print(struct pt_report *report)
{
	static const char units[] = "BKMGTPE";
	uint64_t delta = report->held.end - report->held.start;
	unsigned width = report->view->paging.levels < 4 ? 8 : 16;
	unsigned unit = 0;
	char *to;

	if (!report->held.open)
		return;
	while (!(delta & 1023) && units[unit + 1]) {
		delta >>= 10;
		unit++;
	}
	pt_out_print(report->out, "0x%0*llx-0x%0*llx   %9llu%c ", (int)width,
		     (unsigned long long)report->held.start, (int)width,
		     (unsigned long long)report->held.end, (unsigned long long)delta, units[unit]);
	to = pt_out_begin(report->out);
	to = put_flags(to, report->held.flags, report->held.level);
	to = pt_put_text(to, level_name(&report->view->paging, report->held.level));
	*to++ = '\n';
	pt_out_end(report->out, to);
	report->held.open = false;
}

/* The kernel's half: what was before ends where it begins. */
static void cross(struct pt_report *report, uint64_t start)
{
	if (start < KERNEL_START || (report->held.open && report->held.start >= KERNEL_START))
		return;
	if (report->held.open) {
		report->held.end = start;
		print(report);
	}
	if (report->held.start < KERNEL_START)
		pt_out_print(report->out, "---[ Kernel Space ]---\n");
}

static void run(struct pt_report *report, const struct foreign_run *run)
{
	bool mapped = run->end == FOREIGN_MAPPED;
	uint64_t flags = mapped ? run->raw & FLAGS : 0;

	if (mapped && run->level > 1)
		flags |= run->raw & PAT_LARGE;
	cross(report, run->start);
	if (report->held.open && report->held.end == run->start && report->held.flags == flags &&
	    report->held.level == run->level && report->held.key == (mapped ? run->rights : 0)) {
		report->held.end += run->len;
		return;
	}
	print(report);
	report->held.open = true;
	report->held.start = run->start;
	report->held.end = run->start + run->len;
	report->held.flags = flags;
	report->held.level = run->level;
	report->held.key = mapped ? run->rights : 0;
}

const struct pt_style pt_style_ptdump = {
	.name = "ptdump",
	.holes = true,
	.ignores = true,
	.mapped_only = true,
	.distinct = FLAGS,
	.begin = begin,
	.run = run,
	.end = print,
};
