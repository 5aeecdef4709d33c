/* SPDX-License-Identifier: MIT */
/*
 * Guest addresses as types of their own: a GPA is not a GVA is not a pointer.
 *
 * A GPA is the input address of the host table (vaddr_t there) and the physical address of the
 * guest's own domain (paddr_t there): gpa_to_vaddr() and gpa_to_paddr() are the two doors, and they
 * are named where they are used.
 */
#ifndef EPT_ADDRESS_H
#define EPT_ADDRESS_H

#include <stdint.h>

#include "mm/types.h"

typedef struct {
	uint64_t value;
} gpa_t;

typedef struct {
	uint64_t value;
} gva_t;

#define GPA(x) ((gpa_t){ (x) })
#define GVA(x) ((gva_t){ (x) })

static inline vaddr_t gpa_to_vaddr(gpa_t gpa)
{
	return VADDR(gpa.value);
}

static inline paddr_t gpa_to_paddr(gpa_t gpa)
{
	return PADDR(gpa.value);
}

static inline vaddr_t gva_to_vaddr(gva_t gva)
{
	return VADDR(gva.value);
}

#endif
