/* SPDX-License-Identifier: MIT */
/*
 * Walks as text: see report.h.
 */
#include "vmm/report.h"

#include <inttypes.h>

#include "vmm/vm_tables.h"

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

/* One entry, without newline. Whether it could be read at all, the walk says. */
static void print_step(FILE *stream, const struct foreign_path *path, unsigned index)
{
	const struct foreign_step *step = &path->steps[index];
	bool last = index + 1 == path->nr_steps;
	char rights[RIGHTS_LEN];

	fprintf(stream, "  level %u [%3u] entry 0x%" PRIx64, step->level, step->index, step->entry);
	if (!last || path->end != FOREIGN_OUTSIDE)
		fprintf(stream, " = 0x%016" PRIx64, step->raw);
	if (!last || path->end == FOREIGN_MAPPED)
		fprintf(stream, "  %s  %s", step->kind == FOREIGN_NODE ? "node" : "leaf",
			rights_text(step->rights, rights));
}

static void print_end(FILE *stream, const struct foreign_path *path)
{
	unsigned level = path->nr_steps ? path->steps[path->nr_steps - 1].level : 0;

	switch (path->end) {
	case FOREIGN_MAPPED:
	case FOREIGN_REPEATED: /* a walk of one address ends after its levels */
		break;
	case FOREIGN_NOT_PRESENT:
		fprintf(stream, "  = not mapped: the entry of level %u is not present\n", level);
		break;
	case FOREIGN_OUTSIDE:
		fprintf(stream, "  = no memory where the entry of level %u should be\n", level);
		break;
	case FOREIGN_MALFORMED:
		fprintf(stream, "  = reserved bits are set in the entry of level %u\n", level);
		break;
	case FOREIGN_NOT_CANONICAL:
		fprintf(stream, "  = not an address that the table translates\n");
		break;
	}
}

void report_walk_guest(struct gpa_space *memory, const struct foreign_paging *paging, gva_t gva,
		       struct foreign_path *path)
{
	const struct foreign_memory guest = vm_tables_guest_memory(memory);

	foreign_translate(paging, &guest, gva.value, path);
}

static void walk_host(struct gpa_space *memory, gpa_t gpa, struct foreign_path *path)
{
	const struct foreign_memory host = vm_tables_host_memory(memory);
	struct foreign_paging paging;

	vm_tables_host_paging(memory, &paging);
	foreign_translate(&paging, &host, gpa.value, path);
}

/* In a few words, what the host table does with a GPA. */
static void print_host_leaf(FILE *stream, struct gpa_space *memory, gpa_t gpa)
{
	char rights[RIGHTS_LEN];
	struct foreign_path path;

	walk_host(memory, gpa, &path);
	if (path.end == FOREIGN_MAPPED)
		fprintf(stream, "  (host: level %u %s)\n", path.level,
			rights_text(path.rights, rights));
	else
		fprintf(stream, "  (host: not mapped)\n");
}

void report_print_guest(FILE *stream, struct gpa_space *memory, const struct foreign_path *path)
{
	char rights[RIGHTS_LEN];

	for (unsigned i = 0; i < path->nr_steps; i++) {
		print_step(stream, path, i);
		print_host_leaf(stream, memory, GPA(path->steps[i].entry));
	}
	print_end(stream, path);
	if (path->end == FOREIGN_MAPPED)
		fprintf(stream, "  = GPA 0x%" PRIx64 "  %s\n", path->address,
			rights_text(path->rights, rights));
}

/* With what the slot of the frame knows. */
static void print_host_frame(FILE *stream, const struct phys_domain *domain,
			     const struct foreign_path *path)
{
	paddr_t paddr = PADDR(align_down(path->address, PAGE_SIZE));
	char rights[RIGHTS_LEN];
	struct slot *slot;

	fprintf(stream, "  = frame 0x%" PRIx64 " of the pool  %s", paddr.value,
		rights_text(path->rights, rights));
	if (domain_slot(domain, paddr, &slot) == 0)
		fprintf(stream, "  %s, references: %u", frame_kind_name(slot_kind(slot)),
			slot_count(slot));
	fputc('\n', stream);
}

void report_print_host(FILE *stream, struct gpa_space *memory, gpa_t gpa)
{
	struct foreign_path path;

	walk_host(memory, gpa, &path);
	for (unsigned i = 0; i < path.nr_steps; i++) {
		print_step(stream, &path, i);
		fputc('\n', stream);
	}
	print_end(stream, &path);
	if (path.end == FOREIGN_MAPPED)
		print_host_frame(stream, memory->space.table.domain, &path);
}
