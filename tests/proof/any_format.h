/* SPDX-License-Identifier: MIT */
/* For the laws: one format of all. */
#ifndef PROOF_ANY_FORMAT_H
#define PROOF_ANY_FORMAT_H

#include "mm/format.h"
#include "tests/proof/proof.h"

static inline const struct pt_format *any_format(void)
{
	unsigned id = nondet_unsigned();

	assume(id < PT_FORMATS);
	return pt_format_of((enum pt_format_id)id);
}

/* The properties that a format has a word for, read off the table and not off the code. */
static inline uint32_t format_words(const struct pt_format *format)
{
	uint32_t words = PROP_CACHE;

	for (const struct pt_field *field = format->fields; field->props; field++)
		words |= field->props;
	return words;
}

#endif
