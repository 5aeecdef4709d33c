/* SPDX-License-Identifier: MIT */
/*
 * The second opinion on foreign tables.
 */
#include "tests/unit/foreign_model.h"

#include <string.h>

#include "tests/unit/table_fixture.h"

#define BIT(n) (UINT64_C(1) << (n))

static bool is_ept(const struct model_machine *machine)
{
	return machine->mode == FOREIGN_EPT4 || machine->mode == FOREIGN_EPT5;
}

static bool is_npt(const struct model_machine *machine)
{
	return machine->mode == FOREIGN_NPT4 || machine->mode == FOREIGN_NPT5;
}

static unsigned levels_of(const struct model_machine *machine)
{
	static const unsigned levels[FOREIGN_MODES] = { 0, 2, 3, 4, 5, 4, 5, 4, 5 };

	return levels[machine->mode];
}

static unsigned bits_of(const struct model_machine *machine)
{
	return levels_of(machine) < 4 ? 32 : 12 + 9 * levels_of(machine);
}

static bool is_long(const struct model_machine *machine)
{
	return machine->mode == FOREIGN_LONG4 || machine->mode == FOREIGN_LONG5;
}

/* Is any bit from low to high set? */
static bool any(uint64_t word, unsigned high, unsigned low)
{
	for (unsigned bit = low; bit <= high; bit++)
		if (word >> bit & 1)
			return true;
	return false;
}

static bool is_reserved(const struct model_machine *machine, uint64_t word, unsigned level,
			bool leaf)
{
	unsigned type = word >> 3 & 7;
	unsigned m = machine->maxphyaddr;

	if (machine->mode == FOREIGN_32)
		return leaf && level == 2 &&
		       (any(word, 21, 21) || (m < 40 && any(word, 20, m - 19)));
	if (m < 52 && any(word, 51, m))
		return true;
	if (is_ept(machine)) {
		if ((word & 3) == 2) /* writing without reading */
			return true;
		if (!leaf)
			return any(word, 6, 3) || (level > 3 && any(word, 7, 7));
		return type == 2 || type == 3 || type == 7 ||
		       (level > 1 && any(word, 12 + 9 * level - 10, 12));
	}
	if (machine->mode == FOREIGN_PAE) {
		if (level == 3)
			return any(word, 63, 52) || any(word, 8, 6) || any(word, 2, 1);
		if (any(word, 62, 52))
			return true;
	}
	if (machine->no_nx && any(word, 63, 63))
		return true;
	if (level > (machine->no_1g ? 2 : 3) && any(word, 7, 7))
		return true;
	return leaf && level > 1 && any(word, 12 + 9 * level - 10, 13);
}

static uint32_t rights_of(const struct model_machine *machine, uint64_t word, unsigned level)
{
	if (is_ept(machine))
		return (word & 1 ? PROP_READ : 0) | (word & 2 ? PROP_WRITE : 0) |
		       (word & 4 ? PROP_EXECUTE : 0);
	if (machine->mode == FOREIGN_PAE && level == 3)
		return PROP_READ | PROP_WRITE | PROP_EXECUTE | PROP_USER;
	return (is_npt(machine) && !(word & 4) ? 0 : PROP_READ) | (word & 2 ? PROP_WRITE : 0) |
	       (word & 4 && !is_npt(machine) ? PROP_USER : 0) |
	       (machine->mode != FOREIGN_32 && word & BIT(63) ? 0 : PROP_EXECUTE);
}

static bool is_leaf(const struct model_machine *machine, uint64_t word, unsigned level)
{
	if (level == 1)
		return true;
	if (machine->mode == FOREIGN_32)
		return word & BIT(7) && !machine->no_pse;
	return word & BIT(7) && level < (machine->mode == FOREIGN_PAE || machine->no_1g ? 3 : 4);
}

static bool is_canonical(const struct model_machine *machine, uint64_t va)
{
	unsigned bits = bits_of(machine);

	if (!is_long(machine))
		return va >> bits == 0;
	return va >> (bits - 1) == 0 || va >> (bits - 1) == UINT64_MAX >> (bits - 1);
}

static uint64_t leaf_address(const struct model_machine *machine, uint64_t word, unsigned shift)
{
	if (machine->mode == FOREIGN_32 && shift == 22)
		return (word & 0xffc00000) | (word >> 13 & 0xff) << 32;
	return (word & UINT64_C(0x000fffffffffffff)) >> shift << shift;
}

struct model_walk model_walk(const struct model_machine *machine, uint64_t root, uint64_t va)
{
	struct model_walk walk = { .end = FOREIGN_NOT_CANONICAL, .rights = FOREIGN_RIGHTS };
	unsigned index_bits = machine->mode == FOREIGN_32 ? 10 : 9;
	unsigned size = machine->mode == FOREIGN_32 ? 4 : 8;
	uint64_t node = root;

	if (!is_canonical(machine, va))
		return walk;
	for (unsigned level = levels_of(machine);; level--) {
		unsigned shift = 12 + index_bits * (level - 1);
		bool four = machine->mode == FOREIGN_PAE && level == 3;
		uint64_t index = va >> shift & (four ? 3 : BIT(index_bits) - 1);
		uint64_t entry = node + index * size;
		uint64_t word = 0;

		walk.entries[walk.nr_steps++] = entry;
		walk.end = FOREIGN_OUTSIDE;
		if (entry >= MODEL_PAGES * PAGE_SIZE)
			return walk;
		memcpy(&word, (const char *)machine->memory + entry, size);
		walk.words[walk.nr_steps - 1] = word;
		walk.end = FOREIGN_NOT_PRESENT;
		if (!(word & (is_ept(machine) ? 7 : 1)))
			return walk;
		walk.end = FOREIGN_MALFORMED;
		if (is_reserved(machine, word, level, is_leaf(machine, word, level)))
			return walk;
		walk.end = FOREIGN_MAPPED;
		walk.rights &= rights_of(machine, word, level);
		walk.level = level;
		walk.address = leaf_address(machine, word, shift) | (va & (BIT(shift) - 1));
		if (is_leaf(machine, word, level))
			return walk;
		node = word & (size == 4 ? 0xfffff000 : UINT64_C(0x000ffffffffff000));
	}
}

void model_paging(const struct model_machine *machine, uint64_t root, struct foreign_paging *paging)
{
	struct foreign_registers registers = {
		.cr0 = BIT(31),
		.cr3 = root | (machine->mode == FOREIGN_PAE ? 0x1f : 0xfff),
		.cr4 = (machine->no_pse ? 0 : BIT(4)) | (machine->mode != FOREIGN_32 ? BIT(5) : 0) |
		       (machine->mode == FOREIGN_LONG5 ? BIT(12) : 0),
		.efer = (is_long(machine) ? BIT(10) : 0) | (machine->no_nx ? 0 : BIT(11)),
		.maxphyaddr = machine->maxphyaddr,
		.no_1g = machine->no_1g,
	};

	if (is_ept(machine) || is_npt(machine))
		foreign_paging_make(machine->mode, root | 0xfff, machine->maxphyaddr, paging);
	else
		foreign_paging_of(&registers, paging);
}

static const void *memory_page(void *context, uint64_t address)
{
	struct model_machine *machine = context;

	return address / PAGE_SIZE < MODEL_PAGES ? machine->memory[address / PAGE_SIZE] : NULL;
}

struct foreign_memory model_memory(struct model_machine *machine)
{
	return (struct foreign_memory){ .page = memory_page, .context = machine };
}

static uint64_t word_of_8(const struct model_machine *machine, uint64_t *random)
{
	uint64_t kind = random_next(random) % 8;
	uint64_t address = random_next(random) % (MODEL_PAGES + 1) * PAGE_SIZE;
	uint64_t word = address | 7 | (is_ept(machine) ? 0 : random_next(random) & 0x178) |
			(random_next(random) & BIT(63));

	if (kind == 0)
		return random_next(random);
	if (kind == 1)
		return word & ~(random_next(random) & 7);
	if (kind == 2)
		return (random_next(random) & 0x000fffffc0000000) | 0xb7;
	if (kind == 3)
		return (random_next(random) & 0x000fffffffe00000) | (random_next(random) & 0x11ff);
	return word & ~(is_ept(machine) ? 0 : BIT(7));
}

static uint64_t word_of_4(uint64_t *random)
{
	uint64_t kind = random_next(random) % 8;
	uint64_t address = random_next(random) % (MODEL_PAGES + 1) * PAGE_SIZE;

	if (kind == 0)
		return random_next(random) & UINT32_MAX;
	if (kind == 1)
		return (random_next(random) & 0xffdff000) | 0x83;
	return address | 1 | (random_next(random) & 0x17f & ~(kind < 5 ? BIT(7) : 0));
}

uint64_t model_word(const struct model_machine *machine, uint64_t *random)
{
	uint64_t word;

	if (machine->mode == FOREIGN_32)
		return word_of_4(random) | word_of_4(random) << 32;
	word = word_of_8(machine, random);
	if (machine->mode == FOREIGN_PAE && random_next(random) % 4 < 3)
		word &= ~(UINT64_C(0x7ff) << 52);
	if (machine->maxphyaddr < 52 && random_next(random) % 8)
		word &= ~(BIT(52) - BIT(machine->maxphyaddr));
	return word;
}

void model_fill(struct model_machine *machine, uint64_t *random)
{
	for (unsigned i = 0; i < MODEL_PAGES * 512; i++)
		machine->memory[i / 512][i % 512] = model_word(machine, random);
	/* Top tables of PAE in the first page, of entries that are more often sound. */
	for (unsigned i = 0; machine->mode == FOREIGN_PAE && i < 512; i += 1 + i % 3)
		machine->memory[0][i] = random_next(random) % MODEL_PAGES * PAGE_SIZE | 1;
}

uint64_t model_address(const struct model_machine *machine, uint64_t *random)
{
	uint64_t va = random_next(random);
	unsigned bits = bits_of(machine);

	if (random_next(random) % 16 == 0)
		return va;
	va &= BIT(bits) - 1;
	return is_long(machine) && va >> (bits - 1) ? va | ~(BIT(bits) - 1) : va;
}
