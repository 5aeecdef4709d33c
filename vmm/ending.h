/* SPDX-License-Identifier: MIT */
/*
 * How a run ended: one kind for each ending, each with its own exit code and one sentence
 * (docs/exit-codes.md).
 */
#ifndef VMM_ENDING_H
#define VMM_ENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ept/address.h"

enum ending_kind {
	ENDING_NONE = 0,	 /* still running */
	ENDING_GUEST_EXIT,	 /* the guest's own code: 0 to 119, larger ones end as 119 */
	ENDING_TRIPLE_FAULT,	 /* 120 */
	ENDING_INTERNAL_ERROR,	 /* 121: KVM internal error or failed entry */
	ENDING_MEMORY_VIOLATION, /* 122 */
	ENDING_UNHANDLED_EXIT,	 /* 123: also an access to a port where nothing is, when strict */
	ENDING_TIMEOUT,		 /* 124 */
	ENDING_HOST_FAILURE,	 /* 125: usage or host failure */
	ENDING_HALTED,		 /* 126: halted for ever */
	ENDING_SIGNAL,		 /* 128 + signal */
};

/* What a command returns when it was used in a wrong way, or the host cannot do it. */
#define EXIT_HOST_FAILURE 125

/* The GPA of a violation that the kernel reported without its address. */
#define ENDING_GPA_UNKNOWN GPA(UINT64_MAX)

struct ending {
	enum ending_kind kind;
	uint64_t code;	  /* GUEST_EXIT: what the guest wrote, in full; SIGNAL: its number */
	gpa_t gpa;	  /* MEMORY_VIOLATION; may be ENDING_GPA_UNKNOWN */
	unsigned access;  /* MEMORY_VIOLATION: one PROP_READ, WRITE or EXECUTE; 0 if unknown */
	unsigned len;	  /* MEMORY_VIOLATION: bytes of the access, 0 if unknown */
	char detail[160]; /* what else the sentence says, without full stop; may be empty */
};

/*
 * Exit code of the process. qemu_exit: the guest's own code v becomes (v << 1) | 1, of which the
 * host sees the low 8 bits, as QEMU's isa-debug-exit gives it; every other ending stays as it is.
 */
int ending_exit_code(const struct ending *ending, bool qemu_exit);

/* The sentence for standard error, without newline; empty for the guest's own code 0. */
void ending_sentence(const struct ending *ending, char *text, size_t len);

/* Do registers, code and walks help to understand this ending? (Codes 120 to 123.) */
bool ending_wants_report(const struct ending *ending);

/* Sets kind and a printf-style detail, cut to fit. The other members are left as they are. */
__attribute__((format(printf, 3, 4))) void ending_set(struct ending *ending, enum ending_kind kind,
						      const char *format, ...);

#endif
