/* SPDX-License-Identifier: MIT */
/* No hooks: proofs of one thread, in which a weak exchange fails only for a reason. */
#ifndef PROOF_HOOKS_H
#define PROOF_HOOKS_H

#define PROOF_BEFORE(object) ((void)0)
#define PROOF_LOADED(object, value, order) ((void)0)
#define PROOF_STEP(object, old, new, order) ((void)0)
#define PROOF_WEAK_FAILS() false
#define PROOF_WEAK_FAILED() false

#endif
