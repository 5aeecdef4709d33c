/* SPDX-License-Identifier: MIT */
/*
 * For walks of foreign tables: memory of any size and content, which others change between any two
 * looks. Of a page only the length counts: what is read of it is any value.
 */
#ifndef PROOF_FOREIGN_MEMORY_H
#define PROOF_FOREIGN_MEMORY_H

#include "mm/foreign.h"
#include "tests/proof/proof.h"

static unsigned nr_entries_read;

/*
 * The compiler's own, which the prover does not know under this name. What is read is any value:
 * that is what memory of any content is.
 */
void *__builtin_memcpy(void *to, const void *from, size_t len)
{
	prove(__CPROVER_r_ok(from, len));
	nr_entries_read++;
	if (len == sizeof(uint32_t))
		*(uint32_t *)to = nondet_u32();
	else
		*(uint64_t *)to = nondet_u64();
	prove(len == sizeof(uint32_t) || len == sizeof(uint64_t));
	return to;
}

static unsigned char any_page[PAGE_SIZE];
static unsigned nr_pages_read;

static const void *page_at(void *context, uint64_t address)
{
	prove(context == any_page && is_aligned(address, PAGE_SIZE));
	prove(address < UINT64_C(1) << 52);
	nr_pages_read++;
	return any_bool() ? any_page : NULL;
}

static const struct foreign_memory any_memory = { .page = page_at, .context = any_page };

#define MODE_IS_EPT(mode) ((mode) == FOREIGN_EPT4 || (mode) == FOREIGN_EPT5)

#endif
