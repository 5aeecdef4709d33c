/* SPDX-License-Identifier: MIT */
/*
 * Walks of tables that are not ours, against a second walker that knows the manual and nothing of
 * mm/format.h (SDM 3 4.5 and 28.3; APM 2 15.25).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/walk.h"
#include "tests/unit/table_fixture.h"

#define NR_PAGES 16
#define BIT(n) (UINT64_C(1) << (n))
#define ADDRESS UINT64_C(0x000ffffffffff000)

struct machine {
	uint64_t memory[NR_PAGES][512];
	bool ept;
	unsigned levels;
};

static int read_memory(void *context, paddr_t paddr, uint64_t *entry)
{
	const struct machine *machine = context;

	assert_int_equal(paddr.value % 8, 0);
	if (paddr.value / PAGE_SIZE >= NR_PAGES)
		return -EFAULT;
	*entry = machine->memory[paddr.value / PAGE_SIZE][paddr.value % PAGE_SIZE / 8];
	return 0;
}

/* The second opinion. */
struct model {
	enum walk_end end;
	unsigned nr_steps;
	uint64_t entries[5];
	uint64_t words[5];
	uint32_t rights;
	uint64_t paddr;
	unsigned level;
};

static bool model_is_reserved(const struct machine *machine, uint64_t word, unsigned level,
			      bool leaf)
{
	unsigned shift = 12 + 9 * (level - 1);
	uint64_t low = leaf && level > 1 ? word & (BIT(shift) - 1) & ADDRESS : 0;
	unsigned type = word >> 3 & 7;

	if (leaf && level > 3)
		return true;
	if (!machine->ept) /* bit 12 of a large leaf is its PAT bit */
		return (low & ~BIT(12)) != 0;
	if ((word & 3) == 2) /* writing without reading */
		return true;
	if (leaf)
		return low != 0 || type == 2 || type == 3 || type == 7;
	return (word & 0x78) != 0;
}

static uint32_t model_rights(const struct machine *machine, uint64_t word)
{
	if (machine->ept)
		return (word & 1 ? PROP_READ : 0) | (word & 2 ? PROP_WRITE : 0) |
		       (word & 4 ? PROP_EXECUTE : 0);
	return PROP_READ | (word & 2 ? PROP_WRITE : 0) | (word & 4 ? PROP_USER : 0) |
	       (word & BIT(63) ? 0 : PROP_EXECUTE);
}

static bool model_is_canonical(const struct machine *machine, uint64_t va)
{
	unsigned bits = machine->levels * 9 + 12;

	if (machine->ept)
		return va >> bits == 0;
	return va >> (bits - 1) == 0 || va >> (bits - 1) == UINT64_MAX >> (bits - 1);
}

static struct model model_walk(const struct machine *machine, uint64_t root, uint64_t va)
{
	struct model model = { .end = WALK_CANONICAL, .rights = machine->ept ? 7 : 15 };
	uint64_t node = root;

	if (!model_is_canonical(machine, va))
		return model;
	for (unsigned level = machine->levels;; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t entry = node + (va >> shift & 511) * 8;
		uint64_t word;
		bool leaf;

		model.entries[model.nr_steps++] = entry;
		model.end = WALK_OUTSIDE;
		if (entry >= NR_PAGES * PAGE_SIZE)
			return model;
		word = model.words[model.nr_steps - 1] =
			machine->memory[entry / PAGE_SIZE][entry % PAGE_SIZE / 8];
		model.end = WALK_ABSENT;
		if (!(word & (machine->ept ? 7 : 1)))
			return model;
		leaf = level == 1 || word & BIT(7);
		model.end = WALK_RESERVED;
		if (model_is_reserved(machine, word, level, leaf))
			return model;
		model.end = WALK_MAPPED;
		model.rights &= model_rights(machine, word);
		model.level = level;
		model.paddr = (word & ADDRESS & ~(BIT(shift) - 1)) | (va & (BIT(shift) - 1));
		if (leaf)
			return model;
		node = word & ADDRESS;
	}
}

static void compare(struct machine *machine, const struct pt_format *format, uint64_t root,
		    uint64_t va, unsigned *ends)
{
	struct model model = model_walk(machine, root, va);
	struct walk walk;

	memset(&walk, 0xee, sizeof(walk));
	walk_table(format, PADDR(root), VADDR(va), read_memory, machine, &walk);
	assert_int_equal(walk.end, model.end);
	assert_int_equal(walk.nr_steps, model.nr_steps);
	for (unsigned i = 0; i < walk.nr_steps; i++) {
		assert_int_equal(walk.steps[i].level, machine->levels - i);
		assert_int_equal(walk.steps[i].entry.value, model.entries[i]);
		assert_int_equal(walk.steps[i].index, model.entries[i] / 8 % 512);
		assert_int_equal(walk.steps[i].pte.raw, model.words[i]);
	}
	ends[walk.end]++;
	if (walk.end != WALK_MAPPED)
		return;
	assert_int_equal(walk.rights, model.rights);
	assert_int_equal(walk.paddr.value, model.paddr);
	assert_int_equal(walk.level, model.level);
	assert_int_equal(walk.steps[walk.nr_steps - 1].kind, PTE_LEAF);
}

/* A word that leads somewhere more often than not. */
static uint64_t some_word(const struct machine *machine, uint64_t *random)
{
	uint64_t kind = random_next(random) % 8;
	uint64_t address = random_next(random) % (NR_PAGES + 1) * PAGE_SIZE;
	uint64_t word = address | 7 | (machine->ept ? 0 : random_next(random) & 0x178) |
			(random_next(random) & BIT(63));

	if (kind == 0)
		return random_next(random);
	if (kind == 1)
		return word & ~(random_next(random) & 7);
	if (kind == 2)
		return (random_next(random) & 0x000fffffc0000000) | 0xb7;
	if (kind == 3)
		return (random_next(random) & 0x000fffffffe00000) | (random_next(random) & 0x11ff);
	return word & ~(machine->ept ? 0 : BIT(7));
}

static uint64_t some_address(const struct machine *machine, uint64_t *random)
{
	uint64_t va = random_next(random);
	unsigned bits = machine->levels * 9 + 12;

	if (random_next(random) % 16 == 0)
		return va;
	va &= BIT(bits) - 1;
	return !machine->ept && va >> (bits - 1) ? va | ~(BIT(bits) - 1) : va;
}

static void test_walks_agree_with_a_walker_made_from_the_manual(void **state)
{
	static const struct {
		enum pt_format_id id;
		bool ept;
		unsigned levels;
	} formats[] = {
		{ PT_FORMAT_X86_64_4, false, 4 },
		{ PT_FORMAT_EPT_4, true, 4 },
		{ PT_FORMAT_X86_64_5, false, 5 },
		{ PT_FORMAT_EPT_5, true, 5 },
	};
	static struct machine machine;
	uint64_t random = 0x94d049bb133111eb;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned ends[WALK_CANONICAL + 1] = { 0 };

		machine.ept = formats[i].ept;
		machine.levels = formats[i].levels;
		for (unsigned round = 0; round < 20; round++) {
			for (unsigned word = 0; word < NR_PAGES * 512; word++)
				machine.memory[word / 512][word % 512] =
					some_word(&machine, &random);
			for (unsigned walk = 0; walk < 2000; walk++)
				compare(&machine, pt_format_of(formats[i].id),
					random_next(&random) % NR_PAGES * PAGE_SIZE,
					some_address(&machine, &random), ends);
		}
		/* Each way to end was met often. */
		for (unsigned end = WALK_MAPPED; end <= WALK_CANONICAL; end++)
			assert_true(ends[end] > 300);
	}
}

/* What each entry on the way does to the rights, one by one. */
static void test_rights_are_what_every_level_grants(void **state)
{
	static struct machine machine = { .levels = 4 };
	const struct pt_format *format = pt_format_of(PT_FORMAT_X86_64_4);
	struct walk walk;

	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		for (unsigned i = 1; i <= 4; i++)
			machine.memory[4 - i][0] = (5 - i) * PAGE_SIZE | 7;
		machine.memory[4 - level][0] &= ~UINT64_C(2);
		walk_table(format, PADDR(0), VADDR(5), read_memory, &machine, &walk);
		assert_int_equal(walk.end, WALK_MAPPED);
		assert_int_equal(walk.rights, PROP_READ | PROP_EXECUTE | PROP_USER);
		machine.memory[4 - level][0] ^= 2 | 4;
		walk_table(format, PADDR(0), VADDR(5), read_memory, &machine, &walk);
		assert_int_equal(walk.rights, PROP_READ | PROP_WRITE | PROP_EXECUTE);
		machine.memory[4 - level][0] ^= BIT(63);
		walk_table(format, PADDR(0), VADDR(5), read_memory, &machine, &walk);
		assert_int_equal(walk.rights, PROP_READ | PROP_WRITE);
		assert_int_equal(walk.steps[4 - level].rights, PROP_READ | PROP_WRITE);
		assert_int_equal(walk.paddr.value, 4 * PAGE_SIZE + 5);
	}
}

static int read_domain(void *context, paddr_t paddr, uint64_t *entry)
{
	const struct phys_domain *domain = context;
	const _Atomic uint64_t *word = domain_pointer(domain, paddr);

	*entry = atomic_load(word);
	return 0;
}

/* Software bits mean nothing to hardware: a leaf that is only held is absent. */
static void test_walk_sees_what_hardware_sees_of_a_table_of_ours(void **state)
{
	struct table_fixture *fixture = *state;
	static const uint64_t addresses[] = { 5, MIB(3), PAGE_SIZE, 2 * PAGE_SIZE };

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(MIB(2)), 2, PROP_RX, true), 0);
	assert_int_equal(table_map(fixture, PAGE_SIZE, guest_paddr(0), 1, PROP(0), true), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct pt_mapping mapping = table_look(fixture, addresses[i]);
		struct walk walk;

		walk_table(fixture->table.format, page_table_root(&fixture->table),
			   VADDR(addresses[i]), read_domain, fixture->domain, &walk);
		assert_int_equal(walk.end, i < 2 ? WALK_MAPPED : WALK_ABSENT);
		assert_int_equal(mapping.present, i < 3);
		if (i >= 2)
			continue;
		assert_int_equal(walk.paddr.value,
				 mapping.paddr.value + (addresses[i] - mapping.start.value));
		assert_int_equal(walk.level, mapping.level);
		assert_int_equal(walk.prop.bits, mapping.prop.bits);
		assert_int_equal(walk.rights & PROP_RIGHTS, mapping.prop.bits & PROP_RIGHTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_agree_with_a_walker_made_from_the_manual),
		cmocka_unit_test(test_rights_are_what_every_level_grants),
		TABLE_TEST(test_walk_sees_what_hardware_sees_of_a_table_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
