/* SPDX-License-Identifier: MIT */
/*
 * Which runs a user wants to see: see pt_filter.h.
 */
#include "vmm/pt_filter.h"

#include <errno.h>
#include <string.h>

#include "vmm/number.h"
#include "vmm/refuse.h"

struct term_name {
	const char *name;
	struct pt_term term;
};

#define NAMED(text, of_kind, of_value, is_negated)                                \
	{                                                                         \
		text,                                                             \
		{                                                                 \
			.kind = of_kind, .value = of_value, .negated = is_negated \
		}                                                                 \
	}

static const struct term_name names[] = {
	NAMED("r", PT_TERM_RIGHTS, PROP_READ, false),
	NAMED("w", PT_TERM_RIGHTS, PROP_WRITE, false),
	NAMED("x", PT_TERM_RIGHTS, PROP_EXECUTE, false),
	NAMED("wx", PT_TERM_RIGHTS, PROP_WRITE | PROP_EXECUTE, false),
	NAMED("u", PT_TERM_RIGHTS, PROP_USER, false),
	NAMED("user", PT_TERM_RIGHTS, PROP_USER, false),
	NAMED("ro", PT_TERM_RIGHTS, PROP_WRITE, true),
	NAMED("nx", PT_TERM_RIGHTS, PROP_EXECUTE, true),
	NAMED("s", PT_TERM_RIGHTS, PROP_USER, true),
	NAMED("a", PT_TERM_PROP, PROP_ACCESSED, false),
	NAMED("accessed", PT_TERM_PROP, PROP_ACCESSED, false),
	NAMED("d", PT_TERM_PROP, PROP_DIRTY, false),
	NAMED("dirty", PT_TERM_PROP, PROP_DIRTY, false),
	NAMED("g", PT_TERM_PROP, PROP_GLOBAL, false),
	NAMED("global", PT_TERM_PROP, PROP_GLOBAL, false),
	NAMED("wb", PT_TERM_CACHE, PROP_WRITE_BACK, false),
	NAMED("wt", PT_TERM_CACHE, PROP_WRITE_THROUGH, false),
	NAMED("uc", PT_TERM_CACHE, PROP_UNCACHEABLE, false),
	NAMED("wc", PT_TERM_CACHE, PROP_WRITE_COMBINING, false),
	NAMED("wp", PT_TERM_CACHE, PROP_WRITE_PROTECTED, false),
	NAMED("lost", PT_TERM_LOST, 0, false),
	NAMED("same", PT_TERM_SAME, 0, false),
	NAMED("bad", PT_TERM_BAD, 0, false),
};

#define NAMES (sizeof(names) / sizeof(names[0]))
#define TERM_LEN_MAX 32

static bool term_named(const char *name, struct pt_term *term)
{
	if (!strncmp(name, "size=", 5)) {
		*term = (struct pt_term){ .kind = PT_TERM_SIZE };
		return size_read(name + 5, &term->value);
	}
	for (unsigned i = 0; i < NAMES; i++)
		if (!strcmp(name, names[i].name)) {
			*term = names[i].term;
			return true;
		}
	return false;
}

/* One term of `len` characters. */
static bool term_parse(const char *text, size_t len, struct pt_term *term)
{
	bool negated = len > 0 && text[0] == '!';
	char name[TERM_LEN_MAX];

	text += negated;
	len -= negated;
	if (len == 0 || len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	if (!term_named(name, term))
		return false;
	term->negated ^= negated;
	return true;
}

/* Can the terms so far be said in two masks? */
static void simplify(struct pt_filter *filter)
{
	filter->simple = true;
	filter->need = filter->forbid = 0;
	for (unsigned i = 0; i < filter->nr; i++) {
		const struct pt_term *term = &filter->terms[i];

		if (term->kind != PT_TERM_RIGHTS ||
		    (term->begins_alternative && !term->begins_word) ||
		    (term->negated && term->value & (term->value - 1)))
			filter->simple = false;
		else if (term->negated)
			filter->forbid |= (uint32_t)term->value;
		else
			filter->need |= (uint32_t)term->value;
	}
}

/* What a word of one alternative demands, everything that passes has. */
static void demand(struct pt_filter *filter, unsigned first)
{
	for (unsigned i = first + 1; i < filter->nr; i++)
		if (filter->terms[i].begins_alternative)
			return;
	for (unsigned i = first; i < filter->nr; i++)
		if (filter->terms[i].kind == PT_TERM_RIGHTS && !filter->terms[i].negated)
			filter->rights |= (uint32_t)filter->terms[i].value;
}

int pt_filter_add(struct pt_filter *filter, const char *word, struct image_error *error)
{
	const unsigned first = filter->nr;
	bool alternative = true;

	for (const char *at = word;; at++) {
		size_t len = strcspn(at, "+|");
		struct pt_term term;

		if (!term_parse(at, len, &term))
			return refuse(error, -EINVAL, "'%.60s' is no filter: see vmm pt --help",
				      word);
		if (filter->nr == PT_TERMS_MAX)
			return refuse(error, -EINVAL, "a filter has at most %d terms",
				      PT_TERMS_MAX);
		term.begins_word = filter->nr == first;
		term.begins_alternative = alternative;
		if (term.kind == PT_TERM_PROP)
			filter->distinct |= (uint32_t)term.value;
		filter->wants_bad |= term.kind == PT_TERM_BAD;
		filter->terms[filter->nr++] = term;
		at += len;
		if (!*at)
			break;
		alternative = *at == '|';
	}
	demand(filter, first);
	simplify(filter);
	return 0;
}

static bool term_holds(const struct pt_term *term, const struct foreign_paging *paging,
		       const struct foreign_run *run)
{
	switch (term->kind) {
	case PT_TERM_RIGHTS:
		return (run->rights & term->value) == term->value;
	case PT_TERM_PROP:
		return (foreign_prop(paging, run->level, run->raw).bits & term->value) != 0;
	case PT_TERM_CACHE:
		return (foreign_prop(paging, run->level, run->raw).bits & PROP_CACHE) ==
		       term->value;
	case PT_TERM_SIZE:
		return run->len / run->nr == term->value;
	case PT_TERM_LOST:
		return (run->leaf_rights & ~run->rights) != 0;
	case PT_TERM_SAME:
		return run->nr > 1 && run->step == 0;
	case PT_TERM_BAD:
		return run->end == FOREIGN_MALFORMED || run->end == FOREIGN_OUTSIDE;
	}
	return false;
}

bool pt_filter_terms_pass(const struct pt_filter *filter, const struct foreign_paging *paging,
			  const struct foreign_run *run)
{
	unsigned i = 0;

	while (i < filter->nr) {
		bool word = false;

		do {
			bool alternative = true;

			do {
				const struct pt_term *term = &filter->terms[i];

				alternative &= term->negated != term_holds(term, paging, run);
				i++;
			} while (i < filter->nr && !filter->terms[i].begins_alternative);
			word |= alternative;
		} while (i < filter->nr && !filter->terms[i].begins_word);
		if (!word)
			return false;
	}
	return true;
}

void pt_filter_visit(const struct pt_filter *filter, const struct foreign_paging *paging,
		     struct foreign_visitor *visitor)
{
	visitor->rights |= filter->rights;
	if (filter->distinct & PROP_ACCESSED)
		visitor->distinct |= paging->accessed;
	if (filter->distinct & PROP_DIRTY)
		visitor->distinct |= paging->dirty;
}
