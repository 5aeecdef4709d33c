/* SPDX-License-Identifier: MIT */
/*
 * The target description that gdb gets: made from the table of registers.
 */
#include <string.h>

#include "vmm/gdb_registers.h"

#define FIRST_OF_SSE 49 /* the number of xmm0 */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct flag {
	const char *name;
	uint8_t first;
	uint8_t last;
};

static void flags_print(FILE *stream, const char *id, unsigned size, const struct flag *flags,
			size_t count)
{
	fprintf(stream, "<flags id=\"%s\" size=\"%u\">", id, size);
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", flags[i].name,
			flags[i].first, flags[i].last);
	fputs("</flags>\n", stream);
}

/* SDM 1 3.4.3, 10.2.3; SDM 3 2.5, 2.2.1. */
static void types_print(FILE *stream)
{
	static const struct flag eflags[] = {
		{ "CF", 0, 0 },	  { "", 1, 1 },	    { "PF", 2, 2 },    { "AF", 4, 4 },
		{ "ZF", 6, 6 },	  { "SF", 7, 7 },   { "TF", 8, 8 },    { "IF", 9, 9 },
		{ "DF", 10, 10 }, { "OF", 11, 11 }, { "NT", 14, 14 },  { "RF", 16, 16 },
		{ "VM", 17, 17 }, { "AC", 18, 18 }, { "VIF", 19, 19 }, { "VIP", 20, 20 },
		{ "ID", 21, 21 },
	};
	static const struct flag cr0[] = {
		{ "PE", 0, 0 },	  { "MP", 1, 1 },   { "EM", 2, 2 },   { "TS", 3, 3 },
		{ "ET", 4, 4 },	  { "NE", 5, 5 },   { "WP", 16, 16 }, { "AM", 18, 18 },
		{ "NW", 29, 29 }, { "CD", 30, 30 }, { "PG", 31, 31 },
	};
	static const struct flag cr3[] = {
		{ "PCID", 0, 11 },
		{ "PDBR", 12, 63 },
	};
	static const struct flag cr4[] = {
		{ "VME", 0, 0 },	{ "PVI", 1, 1 },	  { "TSD", 2, 2 },
		{ "DE", 3, 3 },		{ "PSE", 4, 4 },	  { "PAE", 5, 5 },
		{ "MCE", 6, 6 },	{ "PGE", 7, 7 },	  { "PCE", 8, 8 },
		{ "OSFXSR", 9, 9 },	{ "OSXMMEXCPT", 10, 10 }, { "UMIP", 11, 11 },
		{ "LA57", 12, 12 },	{ "VMXE", 13, 13 },	  { "SMXE", 14, 14 },
		{ "FSGSBASE", 16, 16 }, { "PCIDE", 17, 17 },	  { "OSXSAVE", 18, 18 },
		{ "SMEP", 20, 20 },	{ "SMAP", 21, 21 },	  { "PKE", 22, 22 },
		{ "CET", 23, 23 },	{ "PKS", 24, 24 },
	};
	static const struct flag efer[] = {
		{ "SCE", 0, 0 },   { "LME", 8, 8 },    { "LMA", 10, 10 },
		{ "NXE", 11, 11 }, { "SVME", 12, 12 }, { "FFXSR", 14, 14 },
	};

	flags_print(stream, "i386_eflags", 4, eflags, COUNT(eflags));
	flags_print(stream, "i386_cr0", 8, cr0, COUNT(cr0));
	flags_print(stream, "i386_cr3", 8, cr3, COUNT(cr3));
	flags_print(stream, "i386_cr4", 8, cr4, COUNT(cr4));
	flags_print(stream, "i386_efer", 8, efer, COUNT(efer));
}

static void sse_types_print(FILE *stream)
{
	static const struct {
		const char *id, *type;
		unsigned count;
	} vectors[] = {
		{ "v4f", "ieee_single", 4 }, { "v2d", "ieee_double", 2 }, { "v16i8", "int8", 16 },
		{ "v8i16", "int16", 8 },     { "v4i32", "int32", 4 },	  { "v2i64", "int64", 2 },
	};

	static const struct flag mxcsr[] = {
		{ "IE", 0, 0 },	  { "DE", 1, 1 },   { "ZE", 2, 2 },   { "OE", 3, 3 },
		{ "UE", 4, 4 },	  { "PE", 5, 5 },   { "DAZ", 6, 6 },  { "IM", 7, 7 },
		{ "DM", 8, 8 },	  { "ZM", 9, 9 },   { "OM", 10, 10 }, { "UM", 11, 11 },
		{ "PM", 12, 12 }, { "FZ", 15, 15 },
	};

	flags_print(stream, "i386_mxcsr", 4, mxcsr, COUNT(mxcsr));
	for (size_t i = 0; i < COUNT(vectors); i++)
		fprintf(stream, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", vectors[i].id,
			vectors[i].type, vectors[i].count);
	fputs("<union id=\"vec128\">", stream);
	for (size_t i = 0; i < COUNT(vectors); i++)
		fprintf(stream, "<field name=\"%s\" type=\"%s\"/>",
			i == 0 ? "v4_float" :
			i == 1 ? "v2_double" :
				 vectors[i].id,
			vectors[i].id);
	fputs("<field name=\"uint128\" type=\"uint128\"/></union>\n", stream);
}

static void registers_print(FILE *stream, unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++)
		fprintf(stream, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"%s/>\n",
			gdb_register_name(i), 8 * gdb_register_len(i), gdb_register_type(i), i,
			strcmp(gdb_register_type(i), "int") ? "" : " group=\"float\"");
}

void gdb_target_print(FILE *stream)
{
	fputs("<?xml version=\"1.0\"?>\n"
	      "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
	      "<target><architecture>i386:x86-64</architecture>\n"
	      "<feature name=\"org.gnu.gdb.i386.core\">\n",
	      stream);
	types_print(stream);
	registers_print(stream, 0, FIRST_OF_SSE);
	fputs("</feature>\n<feature name=\"org.gnu.gdb.i386.sse\">\n", stream);
	sse_types_print(stream);
	registers_print(stream, FIRST_OF_SSE, GDB_REGISTERS);
	fputs("</feature></target>\n", stream);
}
