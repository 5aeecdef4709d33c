/* SPDX-License-Identifier: MIT */
/*
 * Bytes and words of memory to which others write at the same time (IO-1). Users of the engine want
 * mm/io.h.
 *
 * C has no copy that may race. On x86-64 it is one instruction, which the compiler cannot look
 * into; elsewhere a byte at a time, each of them atomic.
 */
#ifndef MM_IO_BYTES_H
#define MM_IO_BYTES_H

#include <stdatomic.h>
#include <stdint.h>

#if defined(__x86_64__)
static inline void bytes_copy(void *to, const void *from, uint64_t len)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
}

static inline void bytes_zero(void *to, uint64_t len)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(len) : "a"(0) : "memory");
}
#else
static inline void bytes_copy(void *to, const void *from, uint64_t len)
{
	const _Atomic unsigned char *source = from;
	_Atomic unsigned char *target = to;

	for (; len > 0; len--, source++, target++)
		atomic_store_explicit(target, atomic_load_explicit(source, memory_order_relaxed),
				      memory_order_relaxed);
}

static inline void bytes_zero(void *to, uint64_t len)
{
	_Atomic unsigned char *target = to;

	for (; len > 0; len--, target++)
		atomic_store_explicit(target, 0, memory_order_relaxed);
}
#endif

/* A word of 1, 2, 4 or 8 bytes at a multiple of its size, in one access. */
static inline uint64_t word_load(const void *place, unsigned size)
{
	switch (size) {
	case 1:
		return atomic_load_explicit((const _Atomic uint8_t *)place, memory_order_relaxed);
	case 2:
		return atomic_load_explicit((const _Atomic uint16_t *)place, memory_order_relaxed);
	case 4:
		return atomic_load_explicit((const _Atomic uint32_t *)place, memory_order_relaxed);
	default:
		return atomic_load_explicit((const _Atomic uint64_t *)place, memory_order_relaxed);
	}
}

static inline void word_store(void *place, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		atomic_store_explicit((_Atomic uint8_t *)place, (uint8_t)value,
				      memory_order_relaxed);
		break;
	case 2:
		atomic_store_explicit((_Atomic uint16_t *)place, (uint16_t)value,
				      memory_order_relaxed);
		break;
	case 4:
		atomic_store_explicit((_Atomic uint32_t *)place, (uint32_t)value,
				      memory_order_relaxed);
		break;
	default:
		atomic_store_explicit((_Atomic uint64_t *)place, value, memory_order_relaxed);
		break;
	}
}

#endif
