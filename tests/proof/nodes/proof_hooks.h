/* SPDX-License-Identifier: MIT */
/* Hooks for proofs of nodes: hardware walks, and who publishes a node is looked at. */
#ifndef PROOF_HOOKS_H
#define PROOF_HOOKS_H

#include <stdint.h>

/* Before each access: hardware may set accessed and dirty bits of a leaf. */
void hardware_step(const volatile void *object);

/* After each store to an entry. */
void entry_stored(const volatile void *object, uint64_t old, uint64_t new, int order);

#define PROOF_BEFORE(object) hardware_step(object)
#define PROOF_LOADED(object, value, order) ((void)0)
#define PROOF_STEP(object, old, new, order) entry_stored(object, old, new, (int)(order))
#define PROOF_WEAK_FAILS() false
#define PROOF_WEAK_FAILED() false

#endif
