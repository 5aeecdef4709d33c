/* SPDX-License-Identifier: MIT */
/*
 * Prints what tables map: a cursor walks each half, neighbouring leaves become one line.
 */
#include "vmm/show_tables.h"

#include <inttypes.h>

#include "mm/census.h"
#include "vmm/table_runs.h"

/* 4096 -> "4K", 0x300000 -> "3M": in the largest unit that is exact. */
static void print_size(FILE *stream, int width, uint64_t len)
{
	static const char units[] = "KMGT";
	unsigned unit = 0;

	len >>= 10;
	while (unit < 3 && len % 1024 == 0 && len > 0) {
		len /= 1024;
		unit++;
	}
	fprintf(stream, "%*" PRIu64 "%c", width, len, units[unit]);
}

static int run_print(void *context, const struct table_run *run)
{
	static const struct {
		uint32_t prop;
		char letter;
	} flags[] = {
		{ PROP_READ, 'r' },  { PROP_WRITE, 'w' },  { PROP_EXECUTE, 'x' },
		{ PROP_USER, 'u' },  { PROP_GLOBAL, 'g' }, { PROP_ACCESSED, 'a' },
		{ PROP_DIRTY, 'd' },
	};
	const struct pt_mapping *leaf = &run->first;
	FILE *stream = context;

	fprintf(stream, "  %016" PRIx64 "-%016" PRIx64 " ", leaf->start.value,
		leaf->start.value + (run->len - 1));
	print_size(stream, 6, run->len);
	print_size(stream, 5, leaf->len);
	fputs("  ", stream);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		fputc(leaf->prop.bits & flags[i].prop ? flags[i].letter : '-', stream);
	fprintf(stream, "  %c %12" PRIx64 "\n", leaf->tracked ? '*' : ' ', leaf->paddr.value);
	return 0;
}

/* An address space that is sign-extended has two halves with nothing between. */
static int show_table(struct page_table *table, const char *name, const char *from, const char *to,
		      FILE *stream)
{
	uint64_t size = UINT64_C(1) << format_address_bits(table->format);
	struct table_census census;
	int error = page_table_census(table, &census);

	fprintf(stream,
		"%s table (%s), root %" PRIx64 ", %" PRIu64 " nodes, leaves: %" PRIu64
		" of 4K, %" PRIu64 " of 2M, %" PRIu64 " of 1G\n",
		name, table->format->name, page_table_root(table).value, census.nodes,
		census.leaves[1], census.leaves[2], census.leaves[3]);
	if (error)
		return error;
	fprintf(stream, "  %-33s   size leaf  rights   %12s\n", from, to);
	if (!table->format->sign_extended)
		return table_runs(table, VADDR(0), size, run_print, stream);
	error = table_runs(table, VADDR(0), size / 2, run_print, stream);
	if (error)
		return error;
	return table_runs(table, VADDR(-(size / 2)), size / 2, run_print, stream);
}

int tables_show(struct vm *vm, FILE *stream)
{
	int error = 0;

	if (vm->has_tables)
		error = show_table(&vm->tables.space.table, "guest", "GVA", "GPA", stream);
	else
		fputs("guest table: the guest builds its own\n", stream);
	if (error == 0)
		error = show_table(&vm->memory.space.table, "host", "GPA", "frame", stream);
	fputs("  * the leaf owns a reference on each of its frames\n", stream);
	return error;
}
