/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls for every access of the engine and of the scenarios: the functions of
 * -fsanitize=thread, as gcc and clang call them.
 */
#include <string.h>

#include "tests/sched/cell.h"

#define PLACE ((const unsigned char *)__builtin_return_address(0) - 1)

static inline void plain(const volatile void *address, unsigned size, bool writes,
			 const void *place)
{
	if (in_arena(address))
		access_plain(address, size, writes, place);
}

#define PLAIN(size)                                       \
	void __tsan_read##size(void *address);            \
	void __tsan_write##size(void *address);           \
	void __tsan_unaligned_read##size(void *address);  \
	void __tsan_unaligned_write##size(void *address); \
	void __tsan_read##size(void *address)             \
	{                                                 \
		plain(address, size, false, PLACE);       \
	}                                                 \
	void __tsan_write##size(void *address)            \
	{                                                 \
		plain(address, size, true, PLACE);        \
	}                                                 \
	void __tsan_unaligned_read##size(void *address)   \
	{                                                 \
		plain(address, size, false, PLACE);       \
	}                                                 \
	void __tsan_unaligned_write##size(void *address)  \
	{                                                 \
		plain(address, size, true, PLACE);        \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_read_range(void *address, unsigned long size);
void __tsan_write_range(void *address, unsigned long size);
void *__tsan_memset(void *address, int byte, unsigned long size);
void *__tsan_memcpy(void *to, const void *from, unsigned long size);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *address, unsigned long size)
{
	plain(address, (unsigned)size, false, PLACE);
}

void __tsan_write_range(void *address, unsigned long size)
{
	plain(address, (unsigned)size, true, PLACE);
}

void *__tsan_memset(void *address, int byte, unsigned long size)
{
	plain(address, (unsigned)size, true, PLACE);
	return memset(address, byte, size);
}

void *__tsan_memcpy(void *to, const void *from, unsigned long size)
{
	plain(from, (unsigned)size, false, PLACE);
	plain(to, (unsigned)size, true, PLACE);
	return memcpy(to, from, size);
}

#define CHANGE(bits, name, how)                                                                \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *, uint##bits##_t, \
						    int);                                      \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *address,          \
						    uint##bits##_t operand, int order)         \
	{                                                                                      \
		return (uint##bits##_t)access_change(address, bits / 8, how, operand, order,   \
						     PLACE);                                   \
	}

#define COMPARE(bits, name)                                                                    \
	int __tsan_atomic##bits##_compare_exchange_##name(                                     \
		volatile uint##bits##_t *, uint##bits##_t *, uint##bits##_t, int, int);        \
	int __tsan_atomic##bits##_compare_exchange_##name(volatile uint##bits##_t *address,    \
							  uint##bits##_t *expected,            \
							  uint##bits##_t desired, int order,   \
							  int order_failed)                    \
	{                                                                                      \
		uint64_t value = *expected;                                                    \
		bool same = access_compare_exchange(address, bits / 8, &value, desired, order, \
						    order_failed, PLACE);                      \
                                                                                               \
		*expected = (uint##bits##_t)value;                                             \
		return same;                                                                   \
	}

#define ATOMIC(bits)                                                                               \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *, int);           \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *, uint##bits##_t, int);          \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                 \
		volatile uint##bits##_t *, uint##bits##_t, uint##bits##_t, int, int);              \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *address,          \
						  int order)                                       \
	{                                                                                          \
		return (uint##bits##_t)access_load(address, bits / 8, order, PLACE);               \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *address, uint##bits##_t value,   \
					 int order)                                                \
	{                                                                                          \
		access_store(address, bits / 8, value, order, PLACE);                              \
	}                                                                                          \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                 \
		volatile uint##bits##_t *address, uint##bits##_t expected, uint##bits##_t desired, \
		int order, int order_failed)                                                       \
	{                                                                                          \
		uint64_t value = expected;                                                         \
                                                                                                   \
		access_compare_exchange(address, bits / 8, &value, desired, order, order_failed,   \
					PLACE);                                                    \
		return (uint##bits##_t)value;                                                      \
	}                                                                                          \
	COMPARE(bits, strong)                                                                      \
	COMPARE(bits, weak)                                                                        \
	CHANGE(bits, exchange, CHANGE_EXCHANGE)                                                    \
	CHANGE(bits, fetch_add, CHANGE_ADD)                                                        \
	CHANGE(bits, fetch_sub, CHANGE_SUB)                                                        \
	CHANGE(bits, fetch_and, CHANGE_AND)                                                        \
	CHANGE(bits, fetch_or, CHANGE_OR)

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)
