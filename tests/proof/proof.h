/* SPDX-License-Identifier: MIT */
/*
 * The words of a harness: assume, call, prove. A local variable without an initialiser has any
 * value; so has a static one after any_of().
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define assume(condition) __CPROVER_assume(condition)
/* What is reached does not depend on what is proved there, and is found faster without. */
#ifdef PROOF_COVER
#define prove(condition) ((void)(condition))
#else
#define prove(condition) __CPROVER_assert(condition, #condition)
#endif
#define implies(condition, consequence) (!(condition) || (consequence))

/* What is known to come out is proved, and goes on as the constant that it is. */
#define proved_as(known, value)            \
	({                                 \
		prove((value) == (known)); \
		(known);                   \
	})

/* Any value, bit by bit. */
#define any_of(object) __CPROVER_havoc_object(object)

uint8_t nondet_u8(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
unsigned nondet_unsigned(void);

/* A local bool without an initialiser may have values that no bool has. */
static inline bool any_bool(void)
{
	return nondet_u8() & 1;
}

#endif
