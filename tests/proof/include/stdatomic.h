/* SPDX-License-Identifier: MIT */
/*
 * C11 atomics as the proofs have them: plain accesses, with a place before each at which other
 * threads may step, and one after each store at which the step is judged. This is the one seam
 * between the engine's shared accesses and a proof; the compiler's header is not used.
 *
 * <proof_hooks.h> says what happens there: alone/ has nothing, for proofs of one thread, and
 * interference/ all that other threads may do. A hook gets the address of the word;
 * PROOF_WEAK_FAILS() is whether a weak exchange fails for no reason, and PROOF_WEAK_FAILED(), which
 * is false, follows each that failed for any. PROOF_SAME(), which need not be there, is told whether
 * an exchange found what it expected, and may know it better.
 */
#ifndef PROOF_STDATOMIC_H
#define PROOF_STDATOMIC_H

#include <stdbool.h>

#include <proof_hooks.h>

#ifndef PROOF_SAME
#define PROOF_SAME(object, same) (same)
#endif

#define _Atomic /* what it adds to a type is in the macros below */

typedef enum {
	memory_order_relaxed,
	memory_order_consume,
	memory_order_acquire,
	memory_order_release,
	memory_order_acq_rel,
	memory_order_seq_cst
} memory_order;

#define atomic_init(object, value) ((void)(*(object) = (value)))

#define atomic_load_explicit(object, order)                 \
	({                                                  \
		PROOF_BEFORE(object);                       \
		__typeof__(*(object) + 0) now_ = *(object); \
		PROOF_LOADED(object, now_, order);          \
		(__typeof__(*(object)))now_;                \
	})

#define PROOF_UPDATE(object, value, order)                  \
	({                                                  \
		PROOF_BEFORE(object);                       \
		__typeof__(*(object)) was_ = *(object);     \
		*(object) = (__typeof__(*(object)))(value); \
		PROOF_STEP(object, was_, *(object), order); \
		was_;                                       \
	})

#define atomic_store_explicit(object, value, order) ((void)PROOF_UPDATE(object, value, order))
#define atomic_exchange_explicit(object, value, order) PROOF_UPDATE(object, value, order)
#define atomic_fetch_add_explicit(object, value, order) PROOF_UPDATE(object, was_ + (value), order)
#define atomic_fetch_sub_explicit(object, value, order) PROOF_UPDATE(object, was_ - (value), order)
#define atomic_fetch_and_explicit(object, value, order) PROOF_UPDATE(object, was_ &(value), order)
#define atomic_fetch_or_explicit(object, value, order) PROOF_UPDATE(object, was_ | (value), order)

#define PROOF_EXCHANGE_IF(object, expected, value, success, fails)        \
	({                                                                \
		PROOF_BEFORE(object);                                     \
		__typeof__(*(object)) was_ = *(object);                   \
		bool same_ = PROOF_SAME(object, was_ == *(expected));     \
		bool done_ = same_ && !(fails);                           \
		if (done_) {                                              \
			*(object) = (value);                              \
			PROOF_STEP(object, was_, *(object), success);     \
		} else {                                                  \
			PROOF_LOADED(object, was_, memory_order_relaxed); \
			*(expected) = was_;                               \
		}                                                         \
		done_;                                                    \
	})

#define atomic_compare_exchange_strong_explicit(object, expected, value, success, failure) \
	PROOF_EXCHANGE_IF(object, expected, value, success, false)
#define atomic_compare_exchange_weak_explicit(object, expected, value, success, failure) \
	(PROOF_EXCHANGE_IF(object, expected, value, success, PROOF_WEAK_FAILS()) ||      \
	 PROOF_WEAK_FAILED())

#define atomic_thread_fence(order) ((void)(order))

#endif
