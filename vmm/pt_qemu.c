/* SPDX-License-Identifier: MIT */
/*
 * As QEMU's monitor prints tables: `info mem` and `info tlb` of QEMU 7.2, byte for byte, also where
 * one would rather do otherwise: no NX in the one, no rights of the levels above in the other, no
 * reserved bits, addresses of 50 bits, and in 2 MiB leaves of PAE paging an address that shows NX.
 */
#include "vmm/pt_report.h"

#define ADDRESS UINT64_C(0x3fffffffff000)
#define BIT(n) (UINT64_C(1) << (n))

#define PRESENT BIT(0)
#define WRITE BIT(1)
#define USER BIT(2)
#define PWT BIT(3)
#define PCD BIT(4)
#define ACCESSED BIT(5)
#define DIRTY BIT(6)
#define PSE BIT(7)
#define GLOBAL BIT(8)
#define NX BIT(63)

static void begin(struct pt_report *report)
{
	report->held.open = false;
	if (report->view->paging.levels == 0)
		pt_out_print(report->out, "PG disabled\n");
}

/* QEMU sign-extends what is an address, and what is a length as well. */
static uint64_t extend(const struct foreign_paging *paging, uint64_t value)
{
	uint64_t top = UINT64_C(1) << (paging->address_bits - 1);

	return paging->sign_extended && value & top ? value | -(top << 1) : value;
}

static uint64_t offset_of(const struct foreign_paging *paging, uint64_t address)
{
	return address & ((UINT64_C(1) << paging->address_bits) - 1);
}

static void mem_print(struct pt_report *report)
{
	const struct foreign_paging *paging = &report->view->paging;
	char *to = pt_out_begin(report->out);

	if (!report->held.open)
		return;
	to = pt_put_hex16(to, extend(paging, report->held.start));
	*to++ = '-';
	to = pt_put_hex16(to, extend(paging, report->held.end));
	*to++ = ' ';
	to = pt_put_hex16(to, extend(paging, report->held.end - report->held.start));
	*to++ = ' ';
	*to++ = report->held.key & PROP_USER ? 'u' : '-';
	*to++ = 'r';
	*to++ = report->held.key & PROP_WRITE ? 'w' : '-';
	*to++ = '\n';
	pt_out_end(report->out, to);
	report->held.open = false;
}

static void mem_run(struct pt_report *report, const struct foreign_run *run)
{
	uint64_t start = offset_of(&report->view->paging, run->start);
	uint64_t key = run->rights & (PROP_USER | PROP_WRITE);

	if (run->end != FOREIGN_MAPPED || run->level == 0)
		return;
	if (report->held.open && report->held.end == start && report->held.key == key) {
		report->held.end += run->len;
		return;
	}
	mem_print(report);
	report->held.open = true;
	report->held.start = start;
	report->held.end = start + run->len;
	report->held.key = key;
}

/* What QEMU takes for the address in a leaf. */
static uint64_t leaf_address(const struct foreign_paging *paging, const struct foreign_run *run)
{
	uint64_t size = UINT64_C(1) << paging->level[run->level].shift;

	if (paging->mode == FOREIGN_32)
		return run->raw & (run->level == 2 ? ~(BIT(21) - 1) : ~(PAGE_SIZE - 1));
	if (paging->mode == FOREIGN_PAE)
		return run->raw & (run->level == 2 ? ~(BIT(20) - 1) : ~(PAGE_SIZE - 1));
	return run->raw & ADDRESS & ~(size - 1);
}

static void tlb_run(struct pt_report *report, const struct foreign_run *run)
{
	const struct foreign_paging *paging = &report->view->paging;
	char *to = pt_out_begin(report->out);

	if (run->end != FOREIGN_MAPPED || run->level == 0)
		return;
	to = pt_put_hex16(to, run->start);
	to = PT_PUT(to, ": ");
	to = pt_put_hex16(to, leaf_address(paging, run));
	*to++ = ' ';
	*to++ = run->raw & NX ? 'X' : '-';
	*to++ = run->raw & GLOBAL ? 'G' : '-';
	*to++ = run->raw & PSE && run->level > 1 ? 'P' : '-';
	*to++ = run->raw & DIRTY ? 'D' : '-';
	*to++ = run->raw & ACCESSED ? 'A' : '-';
	*to++ = run->raw & PCD ? 'C' : '-';
	*to++ = run->raw & PWT ? 'T' : '-';
	*to++ = run->raw & USER ? 'U' : '-';
	*to++ = run->raw & WRITE ? 'W' : '-';
	*to++ = '\n';
	pt_out_end(report->out, to);
}

const struct pt_style pt_style_qemu_mem = {
	.name = "qemu-mem",
	.ignores = true,
	.mapped_only = true,
	.address = ADDRESS,
	.begin = begin,
	.run = mem_run,
	.end = mem_print,
};

const struct pt_style pt_style_qemu_tlb = {
	.name = "qemu-tlb",
	.single = true,
	.ignores = true,
	.mapped_only = true,
	.address = ADDRESS,
	.begin = begin,
	.run = tlb_run,
};
