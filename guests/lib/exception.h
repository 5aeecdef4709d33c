/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: all 32 vectors have a handler. One that nobody expects is printed with vector, error
 * code, RIP, RSP and CR2, and ends the run with EXIT_EXCEPTION. #PF and #DF run on stacks of their
 * own (IST), so that an overflown stack is reported too.
 *
 * A probe is one access of which a fault is expected, or at least survived.
 */
#ifndef GUESTS_LIB_EXCEPTION_H
#define GUESTS_LIB_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

#define EXCEPTION_GENERAL_PROTECTION 13
#define EXCEPTION_PAGE_FAULT 14

/* Error code of a page fault. SDM 3 4.7 */
#define FAULT_PRESENT 0x01 /* a right is missing; 0: the page is */
#define FAULT_WRITE 0x02
#define FAULT_USER 0x04
#define FAULT_RESERVED 0x08
#define FAULT_FETCH 0x10

struct probe {
	bool faulted;
	uint8_t value; /* what was read, if it did not fault */
	unsigned vector;
	uint64_t error_code;
	uint64_t address; /* CR2; of page faults only */
};

/* On the stack of a handler: what exception_entry.S pushes, and the CPU before it. SDM 3 6.14.2 */
struct exception_frame {
	uint64_t saved[9];
	uint64_t vector;
	uint64_t error_code;
	uint64_t rip;
	uint64_t cs;
	uint64_t rflags;
	uint64_t rsp;
	uint64_t ss;
};

/* Loads GDT, TSS and IDT. Before it, any exception is a triple fault. */
void exception_setup(void);

/* One access of one byte at GVA `address`. */
struct probe probe_read(uint64_t address);
struct probe probe_write(uint64_t address, uint8_t value);

/* Calls `address`, where a RET instruction must be. */
struct probe probe_execute(uint64_t address);

/* Whether the access ended in a page fault at exactly `address` with exactly `error_code`. */
bool probe_is_page_fault(struct probe probe, uint64_t address, uint64_t error_code);

/* An exception of ring 3, CR2 in `address`: has the frame return to who entered ring 3 (user.c). */
void user_exception(struct exception_frame *frame, uint64_t address);

#endif
