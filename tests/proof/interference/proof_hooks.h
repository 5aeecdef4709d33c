/* SPDX-License-Identifier: MIT */
/*
 * Hooks for proofs about one slot among any number of threads.
 *
 * The word of `proof_slot` is, at any moment, what two parties hold of it: the thread under proof
 * (`mine`) and all others together (`others`). Before each access others may step: to anything that
 * keeps the word what the two hold (rely). Each step of our own must be a transition of the
 * protocol, and changes `mine` alone (guarantee). The two are the same rule seen from both sides,
 * so what is shown for one thread holds for any number of them.
 */
#ifndef PROOF_HOOKS_H
#define PROOF_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

void proof_before(const volatile void *object);
void proof_loaded(const volatile void *object, uint64_t value, int order);
void proof_step(const volatile void *object, uint64_t old, uint64_t new, int order);
bool proof_weak_fails(void);
bool proof_weak_failed(void);

#define PROOF_BEFORE(object) proof_before(object)
#define PROOF_LOADED(object, value, order) proof_loaded(object, value, order)
#define PROOF_STEP(object, old, new, order) proof_step(object, old, new, order)
#define PROOF_WEAK_FAILS() proof_weak_fails()
#define PROOF_WEAK_FAILED() proof_weak_failed()

#endif
