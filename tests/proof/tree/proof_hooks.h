/* SPDX-License-Identifier: MIT */
/* Hooks for proofs of steps: what kind of entry was read last is remembered. */
#ifndef PROOF_HOOKS_H
#define PROOF_HOOKS_H

/* An entry is read, or something else: see step_tree.h. */
void tree_loaded(const volatile void *object);

void tree_stored(const volatile void *object);

/* Nobody else writes: who expects what an entry held when it was read finds that. */
_Bool tree_is_same(const volatile void *object, _Bool same);

#define PROOF_BEFORE(object) ((void)0)
#define PROOF_LOADED(object, value, order) tree_loaded(object)
#define PROOF_STEP(object, old, new, order) tree_stored(object)
#define PROOF_SAME(object, same) tree_is_same(object, same)
#define PROOF_WEAK_FAILS() false
#define PROOF_WEAK_FAILED() false

#endif
