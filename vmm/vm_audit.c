/* SPDX-License-Identifier: MIT */
/*
 * Auditing both domains of a VM.
 */
#include "vmm/vm_audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "mm/audit.h"

static void violation_print(const char *domain, const struct audit_violation *violation,
			    FILE *stream)
{
	fprintf(stream, "audit of the %s: %s does not hold: %s (frame 0x%" PRIx64, domain,
		violation->rule, violation->text, violation->paddr.value);
	if (violation->level)
		fprintf(stream, ", node of level %u", violation->level);
	if (violation->level && violation->index < NODE_ENTRIES)
		fprintf(stream, ", entry %u", violation->index);
	fprintf(stream, "): expected %" PRIu64 ", found %" PRIu64 "\n", violation->expected,
		violation->found);
}

static int domain_audit(struct phys_domain *domain, const char *name, FILE *stream)
{
	uint32_t *scratch = calloc(domain->nr_frames, sizeof(*scratch));
	struct audit_report report;
	int result;

	if (!scratch)
		return -ENOMEM;
	result = mm_audit(domain, scratch, NULL, NULL, &report);
	if (result)
		violation_print(name, &report.violation, stream);
	free(scratch);
	return result;
}

int vm_audit(struct vm *vm, FILE *stream)
{
	int pool = domain_audit(&vm->pool.domain, "host's pool", stream);
	int guest = domain_audit(&vm->memory.guest, "guest's RAM", stream);

	return pool ? pool : guest;
}
