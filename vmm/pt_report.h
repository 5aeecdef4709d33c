/* SPDX-License-Identifier: MIT */
/*
 * What `vmm pt dump` prints: runs of a view, in one of several formats (docs/inspection.md).
 */
#ifndef VMM_PT_REPORT_H
#define VMM_PT_REPORT_H

#include "vmm/pt_filter.h"
#include "vmm/pt_out.h"
#include "vmm/pt_symbols.h"
#include "vmm/pt_view.h"

/*
 * What a line of text has between its addresses, kept for the next one: most runs of a table differ
 * in nothing else.
 */
#define PT_MIDDLE_LEN 64
struct pt_middle {
	struct foreign_run like; /* the run that it was made of; nr is 0 if nothing is kept */
	uint64_t flags;		 /* bits of entries that show in it */
	size_t len;
	char text[PT_MIDDLE_LEN];
	/* And where the last run ended, which is where the next one begins more often than not. */
	uint64_t end;
	char end_text[16];
};

struct pt_report {
	const struct pt_view *view;
	struct pt_out *out;
	const struct pt_symbols *symbols; /* NULL: none */
	bool colour;
	uint64_t runs; /* printed so far */
	struct pt_middle middle;
	/* The run that a format holds back: of qemu-mem and ptdump. */
	struct {
		bool open;
		uint64_t start, end; /* offsets; ptdump: addresses */
		uint64_t key;
		uint64_t flags;
		unsigned level;
	} held;
};

struct pt_picture;

struct pt_style {
	const char *name;
	bool single;	   /* wants each leaf by itself */
	bool holes;	   /* wants holes */
	bool ignores;	   /* knows no reserved bits, like the tool that it is the format of */
	bool mapped_only;  /* cannot say of a table that it was not entered */
	uint64_t distinct; /* bits that separate runs */
	uint64_t address;  /* bits that this tool takes for the address; 0: all */
	void (*begin)(struct pt_report *report);
	void (*run)(struct pt_report *report, const struct foreign_run *run);
	void (*end)(struct pt_report *report);
	/* A picture of all of it in place of the runs (pt_picture.h); NULL: none. */
	void (*draw)(const struct pt_picture *picture, const char *title, struct pt_out *out);
};

/* The format of that name: text, tsv, json, html, svg, qemu-mem, qemu-tlb, ptdump. NULL: none. */
const struct pt_style *pt_style_find(const char *name);

extern const struct pt_style pt_style_text, pt_style_tsv, pt_style_json, pt_style_qemu_mem,
	pt_style_qemu_tlb, pt_style_ptdump, pt_style_html, pt_style_svg;

/* What to print of a view. */
struct pt_dump {
	const struct pt_style *style;
	const struct pt_filter *filter; /* NULL: everything */
	uint64_t first, last;
	bool holes;
	bool flat; /* a line for each leaf */
};

/*
 * Prints it. 0; -EOVERFLOW if the format left out tables that it has no words for; the error of
 * the output.
 */
int pt_dump(struct pt_report *report, const struct pt_dump *dump);

/* "rwxu", with a dash for what is not granted. */
#define PT_RIGHTS_LEN 4
static inline char *pt_put_rights(char *to, uint32_t rights)
{
	*to++ = rights & PROP_READ ? 'r' : '-';
	*to++ = rights & PROP_WRITE ? 'w' : '-';
	*to++ = rights & PROP_EXECUTE ? 'x' : '-';
	*to++ = rights & PROP_USER ? 'u' : '-';
	return to;
}

/* "WB", "WT", "UC", "WC", "WP". */
const char *pt_cache_name(prop_t prop);

/* Who an address belongs to, "name+0x12", as far as symbols tell; without, to is returned. */
char *pt_put_symbol(char *to, const struct pt_symbols *symbols, uint64_t address, uint64_t len);

#endif
