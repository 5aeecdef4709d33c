/* SPDX-License-Identifier: MIT */
/*
 * Ring 3, a few instructions at a time. There code runs on the CPU itself even where KVM emulates
 * ring 0, by the translations that the CPU or KVM has cached: it shows what a flush is worth.
 *
 * A stretch of user code ends with its first exception; UD2 is the one to end with on purpose.
 */
#ifndef GUESTS_LIB_USER_H
#define GUESTS_LIB_USER_H

#include <stdbool.h>
#include <stdint.h>

#define EXCEPTION_INVALID_OPCODE 6

/* How a stretch of user code ended. */
struct user_end {
	unsigned vector;
	uint64_t error_code;
	uint64_t address; /* CR2; of page faults only */
	uint8_t value;	  /* AL */
};

/*
 * Prepares the code of the calls below: takes a page of RAM and maps it for ring 3 at `gva`, which
 * must be free. Panics if that fails.
 */
void user_setup(uint64_t gva);

/* One access of one byte by ring 3. Without a fault they end with EXCEPTION_INVALID_OPCODE. */
struct user_end user_read(uint64_t address);
struct user_end user_write(uint64_t address, uint8_t value);

/* A jump of ring 3; at `address` there should be a UD2. */
struct user_end user_execute(uint64_t address);

/* Whether it ended without a fault, with `value` in AL; with exactly this page fault. */
bool user_has_read(struct user_end end, uint8_t value);
bool user_is_page_fault(struct user_end end, uint64_t address, uint64_t error_code);

#endif
