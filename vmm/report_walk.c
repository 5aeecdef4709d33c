/* SPDX-License-Identifier: MIT */
/*
 * Walks as text: see report.h.
 */
#include "vmm/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define RIGHTS_LEN 5

static const char *rights_text(uint32_t rights, char text[RIGHTS_LEN])
{
	static const struct {
		uint32_t prop;
		char letter;
	} letters[RIGHTS_LEN - 1] = {
		{ PROP_READ, 'r' },
		{ PROP_WRITE, 'w' },
		{ PROP_EXECUTE, 'x' },
		{ PROP_USER, 'u' },
	};

	for (unsigned i = 0; i < RIGHTS_LEN - 1; i++)
		text[i] = rights & letters[i].prop ? letters[i].letter : '-';
	text[RIGHTS_LEN - 1] = '\0';
	return text;
}

/* The entry of a guest's table: in its RAM, or nowhere. */
static int guest_entry_read(void *context, paddr_t paddr, uint64_t *entry)
{
	return gpa_space_read(context, GPA(paddr.value), entry, sizeof(*entry));
}

/* The entry of the host table: in the pool. */
static int host_entry_read(void *context, paddr_t paddr, uint64_t *entry)
{
	const struct phys_domain *domain = context;

	if (!domain_contains(domain, paddr, sizeof(*entry)))
		return -EFAULT;
	memcpy(entry, domain_pointer(domain, paddr), sizeof(*entry));
	return 0;
}

/* One entry, without newline. Whether it could be read at all, the walk says. */
static void print_step(FILE *stream, const struct walk *walk, unsigned index)
{
	const struct walk_step *step = &walk->steps[index];
	bool last = index + 1 == walk->nr_steps;
	char rights[RIGHTS_LEN];

	fprintf(stream, "  level %u [%3u] entry 0x%" PRIx64, step->level, step->index,
		step->entry.value);
	if (!last || walk->end != WALK_OUTSIDE)
		fprintf(stream, " = 0x%016" PRIx64, step->pte.raw);
	if (!last || walk->end == WALK_MAPPED)
		fprintf(stream, "  %s  %s", step->kind == PTE_NODE ? "node" : "leaf",
			rights_text(step->rights, rights));
}

static void print_end(FILE *stream, const struct walk *walk)
{
	unsigned level = walk->nr_steps ? walk->steps[walk->nr_steps - 1].level : 0;

	switch (walk->end) {
	case WALK_MAPPED:
		break;
	case WALK_ABSENT:
		fprintf(stream, "  = not mapped: the entry of level %u is not present\n", level);
		break;
	case WALK_OUTSIDE:
		fprintf(stream, "  = no memory where the entry of level %u should be\n", level);
		break;
	case WALK_RESERVED:
		fprintf(stream, "  = reserved bits are set in the entry of level %u\n", level);
		break;
	case WALK_CANONICAL:
		fprintf(stream, "  = not an address that the table translates\n");
		break;
	}
}

void report_walk_guest(struct gpa_space *memory, gpa_t root, gva_t gva, struct walk *walk)
{
	walk_table(pt_format_of(PT_FORMAT_X86_64_4), gpa_to_paddr(root), gva_to_vaddr(gva),
		   guest_entry_read, memory, walk);
}

static void walk_host(struct gpa_space *memory, gpa_t gpa, struct walk *walk)
{
	const struct page_table *table = &memory->space.table;

	walk_table(table->format, page_table_root(table), gpa_to_vaddr(gpa), host_entry_read,
		   table->domain, walk);
}

/* In a few words, what the host table does with a GPA. */
static void print_host_leaf(FILE *stream, struct gpa_space *memory, gpa_t gpa)
{
	char rights[RIGHTS_LEN];
	struct walk walk;

	walk_host(memory, gpa, &walk);
	if (walk.end == WALK_MAPPED)
		fprintf(stream, "  (host: level %u %s)\n", walk.level,
			rights_text(walk.rights, rights));
	else
		fprintf(stream, "  (host: not mapped)\n");
}

void report_print_guest(FILE *stream, struct gpa_space *memory, const struct walk *walk)
{
	char rights[RIGHTS_LEN];

	for (unsigned i = 0; i < walk->nr_steps; i++) {
		print_step(stream, walk, i);
		print_host_leaf(stream, memory, GPA(walk->steps[i].entry.value));
	}
	print_end(stream, walk);
	if (walk->end == WALK_MAPPED)
		fprintf(stream, "  = GPA 0x%" PRIx64 "  %s\n", walk->paddr.value,
			rights_text(walk->rights, rights));
}

/* With what the slot of the frame knows. */
static void print_host_frame(FILE *stream, const struct phys_domain *domain,
			     const struct walk *walk)
{
	paddr_t paddr = PADDR(align_down(walk->paddr.value, PAGE_SIZE));
	char rights[RIGHTS_LEN];
	struct slot *slot;

	fprintf(stream, "  = frame 0x%" PRIx64 " of the pool  %s", paddr.value,
		rights_text(walk->rights, rights));
	if (domain_slot(domain, paddr, &slot) == 0)
		fprintf(stream, "  %s, references: %u", frame_kind_name(slot_kind(slot)),
			slot_count(slot));
	fputc('\n', stream);
}

void report_print_host(FILE *stream, struct gpa_space *memory, gpa_t gpa)
{
	struct walk walk;

	walk_host(memory, gpa, &walk);
	for (unsigned i = 0; i < walk.nr_steps; i++) {
		print_step(stream, &walk, i);
		fputc('\n', stream);
	}
	print_end(stream, &walk);
	if (walk.end == WALK_MAPPED)
		print_host_frame(stream, memory->space.table.domain, &walk);
}
