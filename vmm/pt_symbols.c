/* SPDX-License-Identifier: MIT */
/*
 * Names of addresses: see pt_symbols.h.
 */
#include "vmm/pt_symbols.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/refuse.h"

#define SYMBOL_FILE_MAX (UINT64_C(1) << 32)
/* A symbol that knows no end names what is in its 4 KiB. */
#define NEAR_SHIFT 12

/* Where the symbols of a file are. */
struct symbol_table {
	const unsigned char *bytes;
	uint64_t len;
	bool wide;
	uint64_t offset, nr;	   /* of the symbols */
	uint64_t names, names_len; /* of the strings, which end in a zero */
};

static bool within(const struct symbol_table *table, uint64_t offset, uint64_t len)
{
	return offset <= table->len && len <= table->len - offset;
}

/* A section header, widened. false: it is not in the file. */
static bool section_read(const struct symbol_table *table, uint64_t offset, Elf64_Shdr *section)
{
	Elf32_Shdr narrow;

	if (!within(table, offset, table->wide ? sizeof(*section) : sizeof(narrow)))
		return false;
	if (table->wide) {
		memcpy(section, table->bytes + offset, sizeof(*section));
		return true;
	}
	memcpy(&narrow, table->bytes + offset, sizeof(narrow));
	*section = (Elf64_Shdr){ .sh_type = narrow.sh_type,
				 .sh_offset = narrow.sh_offset,
				 .sh_size = narrow.sh_size,
				 .sh_link = narrow.sh_link };
	return true;
}

/* Finds the symbol table and its strings. */
static bool table_find(struct symbol_table *table, uint64_t sections, unsigned nr, size_t size)
{
	size_t symbol_len = table->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	Elf64_Shdr section, strings;

	for (unsigned i = 0; i < nr; i++) {
		if (!section_read(table, sections + i * size, &section))
			return false;
		if (section.sh_type != SHT_SYMTAB)
			continue;
		if (section.sh_link >= nr ||
		    !section_read(table, sections + section.sh_link * size, &strings) ||
		    !within(table, section.sh_offset, section.sh_size) ||
		    !within(table, strings.sh_offset, strings.sh_size) || strings.sh_size == 0 ||
		    table->bytes[strings.sh_offset + strings.sh_size - 1])
			return false;
		table->offset = section.sh_offset;
		table->nr = section.sh_size / symbol_len;
		table->names = strings.sh_offset;
		table->names_len = strings.sh_size;
		return true;
	}
	return false;
}

static bool table_open(struct symbol_table *table)
{
	Elf64_Ehdr header;
	Elf32_Ehdr narrow;

	if (!within(table, 0, sizeof(narrow)) || memcmp(table->bytes, ELFMAG, SELFMAG) ||
	    table->bytes[EI_DATA] != ELFDATA2LSB)
		return false;
	table->wide = table->bytes[EI_CLASS] == ELFCLASS64;
	if (!table->wide) {
		memcpy(&narrow, table->bytes, sizeof(narrow));
		return narrow.e_shentsize == sizeof(Elf32_Shdr) &&
		       table_find(table, narrow.e_shoff, narrow.e_shnum, sizeof(Elf32_Shdr));
	}
	if (!within(table, 0, sizeof(header)))
		return false;
	memcpy(&header, table->bytes, sizeof(header));
	return header.e_shentsize == sizeof(Elf64_Shdr) && header.e_shoff < table->len &&
	       table_find(table, header.e_shoff, header.e_shnum, sizeof(Elf64_Shdr));
}

static Elf64_Sym symbol_read(const struct symbol_table *table, uint64_t index)
{
	const unsigned char *bytes = table->bytes + table->offset;
	Elf64_Sym symbol;
	Elf32_Sym narrow;

	if (table->wide) {
		memcpy(&symbol, bytes + index * sizeof(symbol), sizeof(symbol));
		return symbol;
	}
	memcpy(&narrow, bytes + index * sizeof(narrow), sizeof(narrow));
	return (Elf64_Sym){ .st_name = narrow.st_name,
			    .st_info = narrow.st_info,
			    .st_shndx = narrow.st_shndx,
			    .st_value = narrow.st_value,
			    .st_size = narrow.st_size };
}

static bool is_wanted(const struct symbol_table *table, const Elf64_Sym *symbol)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && symbol->st_name < table->names_len &&
	       table->bytes[table->names + symbol->st_name] &&
	       (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE);
}

static int by_address(const void *one, const void *other)
{
	const struct pt_symbol *first = one;
	const struct pt_symbol *second = other;

	if (first->address != second->address)
		return first->address < second->address ? -1 : 1;
	if (first->len != second->len) /* of several names, the one that says most comes last */
		return first->len < second->len ? -1 : 1;
	return strcmp(second->name, first->name);
}

int pt_symbols_read(struct pt_symbols *symbols, const char *path, struct image_error *error)
{
	struct symbol_table table = { .wide = false };
	int result;

	*symbols = (struct pt_symbols){ .nr = 0 };
	result = file_read(path, SYMBOL_FILE_MAX, &symbols->file, error);
	if (result)
		return result;
	table.bytes = symbols->file.bytes;
	table.len = symbols->file.len;
	if (!table_open(&table)) {
		file_free(&symbols->file);
		return refuse(error, -ENOEXEC, "%.100s has no symbol table", path);
	}
	symbols->symbols = calloc(table.nr + 1, sizeof(*symbols->symbols));
	if (!symbols->symbols) {
		file_free(&symbols->file);
		return refuse(error, -ENOMEM, "no memory");
	}
	for (uint64_t i = 0; i < table.nr; i++) {
		Elf64_Sym symbol = symbol_read(&table, i);

		if (is_wanted(&table, &symbol))
			symbols->symbols[symbols->nr++] = (struct pt_symbol){
				.address = symbol.st_value,
				.len = symbol.st_size,
				.name = (const char *)table.bytes + table.names + symbol.st_name,
			};
	}
	qsort(symbols->symbols, symbols->nr, sizeof(*symbols->symbols), by_address);
	return 0;
}

void pt_symbols_free(struct pt_symbols *symbols)
{
	free(symbols->symbols);
	file_free(&symbols->file);
	*symbols = (struct pt_symbols){ .nr = 0 };
}

/* The number of symbols that begin at or before `address`. */
static size_t count_up_to(const struct pt_symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct pt_symbol *pt_symbols_at(const struct pt_symbols *symbols, uint64_t address)
{
	size_t nr = count_up_to(symbols, address);
	const struct pt_symbol *symbol;

	if (nr == 0)
		return NULL;
	symbol = &symbols->symbols[nr - 1];
	if (symbol->len)
		return address - symbol->address < symbol->len ? symbol : NULL;
	return (address ^ symbol->address) >> NEAR_SHIFT ? NULL : symbol;
}

const struct pt_symbol *pt_symbols_from(const struct pt_symbols *symbols, uint64_t address,
					uint64_t len)
{
	size_t nr = address ? count_up_to(symbols, address - 1) : 0;

	if (nr == symbols->nr || symbols->symbols[nr].address - address >= len)
		return NULL;
	return &symbols->symbols[nr];
}

const struct pt_symbol *pt_symbols_named(const struct pt_symbols *symbols, const char *name)
{
	for (size_t i = 0; i < symbols->nr; i++)
		if (!strcmp(symbols->symbols[i].name, name))
			return &symbols->symbols[i];
	return NULL;
}
