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

static void print_step(FILE *stream, const struct walk_step *step, bool present)
{
	static const char *const kinds[] = {
		[PTE_ABSENT] = "absent", [PTE_NODE] = "node", [PTE_LEAF] = "leaf"
	};
	char rights[RIGHTS_LEN];

	fprintf(stream, "  level %u [%3u] entry 0x%010" PRIx64, step->level, step->index,
		step->entry.value);
	if (present)
		fprintf(stream, " = 0x%016" PRIx64 "  %-6s %s", step->pte.raw, kinds[step->kind],
			rights_text(step->rights, rights));
}

static void print_end(FILE *stream, const struct walk *walk, const char *space)
{
	const struct walk_step *last = walk->nr_steps ? &walk->steps[walk->nr_steps - 1] : NULL;
	char rights[RIGHTS_LEN];

	switch (walk->end) {
	case WALK_MAPPED:
		fprintf(stream, "  = %s 0x%" PRIx64 "  %s\n", space, walk->paddr.value,
			rights_text(walk->rights, rights));
		break;
	case WALK_ABSENT:
		fprintf(stream, "  = not mapped: the entry of level %u is not present\n",
			last->level);
		break;
	case WALK_OUTSIDE:
		fprintf(stream, "  = no memory where the entry of level %u should be\n",
			last->level);
		break;
	case WALK_RESERVED:
		fprintf(stream, "  = reserved bits are set in the entry of level %u\n",
			last->level);
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
		fprintf(stream, "  host: level %u %.3s 0x%" PRIx64 "\n", walk.level,
			rights_text(walk.rights, rights), align_down(walk.paddr.value, PAGE_SIZE));
	else
		fprintf(stream, "  host: not mapped\n");
}

void report_print_guest(FILE *stream, struct gpa_space *memory, const struct walk *walk)
{
	for (unsigned i = 0; i < walk->nr_steps; i++) {
		bool read = i + 1 < walk->nr_steps || walk->end != WALK_OUTSIDE;

		print_step(stream, &walk->steps[i], read);
		print_host_leaf(stream, memory, GPA(walk->steps[i].entry.value));
	}
	print_end(stream, walk, "GPA");
}

void report_print_host(FILE *stream, struct gpa_space *memory, gpa_t gpa)
{
	struct slot *slot;
	struct walk walk;

	walk_host(memory, gpa, &walk);
	for (unsigned i = 0; i < walk.nr_steps; i++) {
		print_step(stream, &walk.steps[i], true);
		fputc('\n', stream);
	}
	print_end(stream, &walk, "host frame");
	if (walk.end == WALK_MAPPED &&
	    domain_slot(memory->space.table.domain, PADDR(align_down(walk.paddr.value, PAGE_SIZE)),
			&slot) == 0)
		fprintf(stream, "    %s, references: %u\n", frame_kind_name(slot_kind(slot)),
			slot_count(slot));
}
