/* SPDX-License-Identifier: MIT */
/*
 * Builds tables of every kind and turns paging on: something to look at, for `vmm pt` and for other
 * tools. The last word of the command line says what: 32, pae, long, la57; a `wait` before it keeps
 * the guest running when all is done.
 *
 * The tables have leaves of all sizes, rights that are lost on the way, aliases, a recursive entry,
 * and a table where there is no memory. Memory at 4 GiB, if there is any, gets a table, too.
 */
#include "guests/lib/multiboot.h"

#define PAGE 0x1000u
#define MIB 0x100000u

/* SDM 3 4.3 to 4.5 */
#define P 0x001u
#define W 0x002u
#define U 0x004u
#define PWT 0x008u
#define PCD 0x010u
#define A 0x020u
#define D 0x040u
#define PS 0x080u
#define G 0x100u
#define PAT_LARGE 0x1000u
#define NX (UINT64_C(1) << 63)

#define CR0_WP (1u << 16)
#define CR0_PG (1u << 31)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_PGE (1u << 7)
#define CR4_LA57 (1u << 12)
#define MSR_EFER 0xc0000080u
#define EFER_LME (1u << 8)
#define EFER_NXE (1u << 11)

#define NOWHERE UINT64_C(0x7f000000) /* no PC of 2 GiB or less has memory there */
#define HIGH UINT64_C(0x100000000)
#define HIGH_WINDOW (64 * MIB) /* where HIGH is mapped for a moment */

typedef uint64_t table_t[512];

static table_t root5 __attribute__((aligned(4096)));
static table_t root4 __attribute__((aligned(4096)));
static table_t level3 __attribute__((aligned(4096)));
static table_t level2 __attribute__((aligned(4096)));
static table_t level1 __attribute__((aligned(4096)));
static table_t other1 __attribute__((aligned(4096)));
static uint32_t root32[1024] __attribute__((aligned(4096)));
static uint32_t table32[1024] __attribute__((aligned(4096)));

static uint64_t of(const void *table)
{
	return (uintptr_t)table;
}

/* The first MiB in many colours; then what the guest itself needs. */
static uint64_t low_page(uint32_t number, uint64_t nx)
{
	uint64_t entry = (uint64_t)number * PAGE | P | A;

	if (number == 0)
		return 0;
	if (number >= 256)
		return entry | W | D;
	return entry | (number & 0x08 ? W : 0) | (number & 0x10 ? U : 0) |
	       (number & 0x20 ? nx : 0) | (number & 0x40 ? G : 0) | (number % 7 ? 0 : PWT) |
	       (number % 11 ? 0 : PCD) | (number % 5 ? 0 : D);
}

static void fill_shared(void)
{
	for (uint32_t i = 0; i < 512; i++) {
		level1[i] = low_page(i, NX);
		/* One page many times, then every other page. */
		other1[i] = i < 100 ? 5 * PAGE | P | U : i % 2 ? i * PAGE | P | W | U | NX : 0;
	}
	level2[0] = of(level1) | P | W | U;
	level2[1] = 2 * MIB | P | W | U | PS;
	level2[2] = 4 * MIB | P | PS | G | A;
	level2[3] = 6 * MIB | P | W | PS | NX;
	for (uint32_t i = 4; i < 8; i++)
		level2[i] = (uint64_t)i * 2 * MIB | P | W | PS | A | D;
	level2[8] = of(other1) | P | U; /* read-only, whatever the leaves say */
	level2[9] = 2 * MIB | P | W | PS | PCD | PAT_LARGE;
	level2[10] = of(other1) | P | W; /* no user */
	level2[11] = NOWHERE | P | W | U;
	level2[12] = of(other1) | P | W | U | NX;
}

static void fill_pae(void)
{
	fill_shared();
	level3[0] = of(level2) | P;
	level3[2] = of(level2) | P;
}

static void fill_long(void)
{
	fill_shared();
	level3[0] = of(level2) | P | W | U;
	level3[1] = of(level2) | P | U | NX;
	level3[511] = of(level2) | P | W;
	root4[0] = of(level3) | P | W | U;
	root4[3] = NOWHERE | P | W | U;
	root4[256] = of(level3) | P | W;
	root4[510] = of(root4) | P | W;
	root4[511] = of(level3) | P | U;
	root5[0] = of(root4) | P | W | U;
	root5[300] = of(root4) | P | W;
}

static void fill_32(void)
{
	for (uint32_t i = 0; i < 1024; i++)
		table32[i] = (uint32_t)low_page(i, 0);
	root32[0] = (uint32_t)of(table32) | P | W | U;
	root32[1] = 4 * MIB | P | W | U | PS;
	root32[2] = 8 * MIB | P | PS | A;
	root32[3] = 4 * MIB | 0x2000 | P | W | PS; /* PSE-36: at 4 GiB */
	root32[4] = (uint32_t)of(table32) | P;
	root32[5] = (uint32_t)NOWHERE | P | W | U;
	root32[1023] = (uint32_t)of(root32) | P | W;
}

static void paging_on(const void *root, uint32_t cr4, uint32_t efer)
{
	uint32_t low, high, value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	__asm__ volatile("mov %0, %%cr4" : : "r"(value | cr4 | CR4_PGE));
	__asm__ volatile("mov %0, %%cr3" : : "r"(root));
	if (efer) {
		__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
		__asm__ volatile("wrmsr" : : "a"(low | efer), "d"(high), "c"(MSR_EFER));
	}
	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	__asm__ volatile("mov %0, %%cr0" : : "r"(value | CR0_PG | CR0_WP) : "memory");
}

static void flush(void)
{
	uint32_t root;

	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(root) : : "memory");
}

/* A table at 4 GiB, if what is written there stays. */
static void use_high_memory(void)
{
	volatile uint64_t *high = (volatile uint64_t *)(uintptr_t)HIGH_WINDOW;

	level2[HIGH_WINDOW / (2 * MIB)] = HIGH | P | W | PS;
	flush();
	for (uint32_t i = 0; i < 512; i++)
		high[i] = i % 3 ? (HIGH + i * PAGE) | P | W | U : 0;
	if (high[1] == ((HIGH + PAGE) | P | W | U))
		level2[40] = HIGH | P | W | U;
	level2[HIGH_WINDOW / (2 * MIB)] = 0;
	flush();
}

/* Entries come and go, and the processor notes what is used. */
static void move(void)
{
	for (uint32_t n = 0;; n++) {
		uint32_t index = n * 37 % 512;

		other1[index] = n & 0x200 ? 0 : (index * PAGE) | (n & (W | U)) | P;
		table32[512 + index] ^= n & (P | W | U);
		flush();
		if (n % 64 == 0)
			(void)*(volatile uint8_t *)(uintptr_t)(6 * MIB + n % MIB);
	}
}

static int ends_with(const char *text, const char *word)
{
	const char *at = text, *end = word;

	while (*at)
		at++;
	while (*end)
		end++;
	while (at > text && end > word)
		if (*--at != *--end)
			return 0;
	return end == word;
}

static int has_word(const char *text, const char *word)
{
	for (; *text; text++) {
		const char *at = text, *want = word;

		while (*want && *at == *want) {
			at++;
			want++;
		}
		if (!*want)
			return 1;
	}
	return 0;
}

uint32_t guest_main(uint32_t magic, const struct multiboot_info *info)
{
	const char *words = (const char *)(uintptr_t)info->command_line;

	if (magic != MULTIBOOT_MAGIC || !(info->flags & MULTIBOOT_HAS_COMMAND_LINE))
		return 1;
	if (ends_with(words, " 32")) {
		fill_32();
		paging_on(root32, CR4_PSE, 0);
	} else if (ends_with(words, " pae")) {
		fill_pae();
		paging_on(level3, CR4_PAE, EFER_NXE);
	} else if (ends_with(words, " la57")) {
		fill_long();
		paging_on(root5, CR4_PAE | CR4_LA57, EFER_NXE | EFER_LME);
	} else {
		fill_long();
		paging_on(root4, CR4_PAE, EFER_NXE | EFER_LME);
	}
	if (has_word(words, " high"))
		use_high_memory();
	write_text("paging is on\n");
	if (has_word(words, " move"))
		move();
	while (has_word(words, " wait"))
		__asm__ volatile("pause");
	return 0;
}
