/* SPDX-License-Identifier: MIT */
/*
 * Two spaces of one domain for tests of copies: a source, which writes down how it is flushed, and
 * a destination, which must not be. What goes wrong here fails the running test.
 */
#ifndef TESTS_COPY_FIXTURE_H
#define TESTS_COPY_FIXTURE_H

#include "mm/space.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define FROM GIB(4)
#define TO GIB(64)
#define CALLS_MAX 8

/* A space that writes down how it is flushed. */
struct recorded {
	struct vm_space space; /* first: the flush is told of it */
	unsigned nr_calls;
	struct {
		uint64_t start;
		uint64_t len;
		uint32_t rights;
	} calls[CALLS_MAX];
	void (*during)(struct recorded *space); /* called in each flush, or NULL */
	struct recorded *other;			/* source: the destination */
};

struct pair {
	struct table_fixture *fixture;
	struct recorded source;
	struct recorded destination;
};

void recorded_create(struct table_fixture *fixture, struct recorded *recorded);

/* *state is a table fixture. */
void pair_open(struct pair *pair, void **state);

/* Nothing is left behind but what the fixture itself has (F-10). */
void pair_close(struct pair *pair);

/* Maps a run in the source; references of a tracked one are taken for it. */
void pair_map(struct pair *pair, uint64_t va, paddr_t paddr, uint64_t len, unsigned level,
	      prop_t prop, bool tracked);

/* Marks what is absent in a range of a space with a status. */
void recorded_mark(struct recorded *recorded, uint64_t va, uint64_t len, uint64_t status);

/* Copies from source to destination, or within the source; audited. */
int pair_copy(struct pair *pair, uint64_t from, uint64_t to, uint64_t len, uint32_t flags);
int pair_copy_within(struct pair *pair, uint64_t from, uint64_t to, uint64_t len);

/* The leaf or absence at va, by a walk. */
struct pt_mapping recorded_look(struct recorded *recorded, uint64_t va);

/* va is mapped to paddr, by a leaf of this level with this property. */
void assert_copy_leaf(struct recorded *recorded, uint64_t va, paddr_t paddr, uint32_t prop,
		      unsigned level);

/* References on the frame. */
uint32_t pair_count(const struct pair *pair, paddr_t paddr);

/* What a space maps, read from memory. */
struct view recorded_view(const struct pair *pair, const struct recorded *recorded);
void assert_recorded_view(const struct pair *pair, const struct recorded *recorded,
			  const struct view *expected);

#endif
