/* SPDX-License-Identifier: MIT */
/*
 * How fast vmm pt walks and prints: leaves a second of large tables, into memory. Prints a table;
 * fails if a limit is missed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "vmm/pt_report.h"

#define ROUNDS 30 /* the best counts */

#define ENTRIES 512
#define FLAGS 0x67 /* present, writable, user, accessed, dirty */
#define NX (UINT64_C(1) << 63)
#define SCATTERED (UINT64_C(1) << 20)
#define IDENTITY (UINT64_C(64) << 30 >> PAGE_SHIFT)

/* A table of `nr` leaves of 4 KiB from address 0 on, and the memory that it lies in. */
struct table {
	uint64_t nr;
	uint64_t *memory; /* the tables of level 1 first, then those above; the root last */
	uint64_t len;
	uint64_t root;
	struct pt_source source;
	struct pt_view view;
};

/* Fills the tables of one level, which point to those at `below`. Returns where they begin. */
static uint64_t level_fill(struct table *table, uint64_t at, uint64_t below, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		table->memory[at / sizeof(uint64_t) + i] = (below + i * PAGE_SIZE) | FLAGS;
	return at;
}

static void table_open(struct table *table, uint64_t nr, uint64_t (*leaf)(uint64_t number))
{
	uint64_t tables = nr / ENTRIES;
	uint64_t directories = (tables + ENTRIES - 1) / ENTRIES;
	const struct pt_choice choice = { .has_cr3 = true,
					  .has_mode = true,
					  .mode = FOREIGN_LONG4 };
	struct pt_choice chosen = choice;
	struct image_error error;
	uint64_t below, at;

	table->nr = nr;
	table->len = (tables + directories + 2) * PAGE_SIZE;
	table->memory = mmap(NULL, table->len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (table->memory == MAP_FAILED)
		exit(1);
	for (uint64_t i = 0; i < nr; i++)
		table->memory[i] = leaf(i);
	below = level_fill(table, tables * PAGE_SIZE, 0, tables);
	at = below + directories * PAGE_SIZE;
	below = level_fill(table, at, below, directories);
	table->root = level_fill(table, at + PAGE_SIZE, below, 1);
	pt_source_raw(&table->source, "bench");
	if (pt_source_add_extent(&table->source, 0, table->len,
				 (const unsigned char *)table->memory))
		exit(1);
	chosen.cr3 = table->root;
	if (pt_view_open(&table->view, &table->source, &chosen, &error))
		exit(1);
}

static void table_close(struct table *table)
{
	munmap(table->memory, table->len);
	pt_source_close(&table->source);
}

/* No two leaves follow each other. */
static uint64_t scattered_leaf(uint64_t number)
{
	uint64_t page = number * UINT64_C(2654435761) % SCATTERED;

	return page << PAGE_SHIFT | FLAGS | (number & 64 ? NX : 0);
}

static uint64_t identity_leaf(uint64_t number)
{
	return number << PAGE_SHIFT | FLAGS | NX;
}

/* Of this process: a machine that has more to do takes its time elsewhere. */
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

struct measured {
	double ns;
	uint64_t runs;
	uint64_t bytes;
};

static struct measured measure(struct table *table, const struct pt_style *style, const char *words)
{
	static struct pt_out out;
	struct pt_filter filter = { .nr = 0 };
	struct measured best = { .ns = 1e18 };
	const struct pt_dump dump = { .style = style,
				      .filter = words ? &filter : NULL,
				      .last = UINT64_MAX };
	struct image_error error;

	if (words && pt_filter_add(&filter, words, &error))
		exit(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct pt_report report = { .view = &table->view, .out = &out };
		double start;

		pt_out_init(&out, -1);
		start = now();
		if (pt_dump(&report, &dump))
			exit(1);
		if (now() - start < best.ns)
			best.ns = now() - start;
		best.runs = report.runs;
		best.bytes = out.flushed + out.used;
	}
	return best;
}

/* One row; limits of 0 are none. Returns whether they are kept. */
static bool row(const char *name, struct table *table, const struct pt_style *style,
		const char *words, double limit_ns, double limit_s)
{
	struct measured measured = measure(table, style, words);
	double ns = measured.ns / (double)table->nr;
	bool kept = (!limit_ns || ns <= limit_ns) && (!limit_s || measured.ns <= limit_s * 1e9);
	char limit[32] = "";

	if (limit_ns)
		snprintf(limit, sizeof(limit), "<= %g ns", limit_ns);
	if (limit_s)
		snprintf(limit, sizeof(limit), "<= %g s", limit_s);
	printf("%-34s %9llu %9llu %10llu %8.2f %8.3f  %-9s %s\n", name,
	       (unsigned long long)table->nr, (unsigned long long)measured.runs,
	       (unsigned long long)measured.bytes, ns, measured.ns / 1e9, limit,
	       !*limit ? "" :
	       kept    ? "reached" :
			 "missed");
	return kept;
}

int main(void)
{
	struct table table = { .nr = 0 };
	bool kept = true;

	printf("%-34s %9s %9s %10s %8s %8s  %s\n", "", "leaves", "runs", "bytes", "ns/leaf", "s",
	       "limit");
	table_open(&table, SCATTERED, scattered_leaf);
	kept &= row("scattered, text", &table, &pt_style_text, NULL, 10, 0);
	kept &= row("scattered, text, filter: all", &table, &pt_style_text, "u+w", 0, 0);
	kept &= row("scattered, text, filter: none", &table, &pt_style_text, "!u", 10, 0);
	kept &= row("scattered, tsv", &table, &pt_style_tsv, NULL, 0, 0);
	kept &= row("scattered, json", &table, &pt_style_json, NULL, 0, 0);
	kept &= row("scattered, qemu-tlb", &table, &pt_style_qemu_tlb, NULL, 0, 0);
	kept &= row("scattered, qemu-mem", &table, &pt_style_qemu_mem, NULL, 0, 0);
	table_close(&table);
	table_open(&table, IDENTITY, identity_leaf);
	kept &= row("64 GiB identity, text", &table, &pt_style_text, NULL, 0, 0.3);
	kept &= row("64 GiB identity, text, filter: x", &table, &pt_style_text, "x", 0, 0.3);
	kept &= row("64 GiB identity, text, filter: d", &table, &pt_style_text, "dirty", 0, 0.3);
	table_close(&table);
	return kept ? 0 : 1;
}
