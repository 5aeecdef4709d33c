/* SPDX-License-Identifier: MIT */
/*
 * What the files of bench/mm share: a domain in memory that is there already, one table in it, and
 * the pages that are worked on, in one of three orders.
 *
 * A row of the report is an operation of the engine and its limit: the same work on the same table
 * by a loop that is written by hand, without locks, counts and checks unless the row says so.
 */
#ifndef BENCH_MM_BENCH_H
#define BENCH_MM_BENCH_H

#include "mm/cursor.h"

#define BENCH_PAGES 65536u
#define BENCH_BASE (UINT64_C(64) << 30)	      /* where the pages are mapped */
#define BENCH_SPARSE_LEN (UINT64_C(64) << 30) /* what they are scattered over in sparse order */

/*
 * Dense and ascending; the same pages shuffled; shuffled over BENCH_SPARSE_LEN, where most pages
 * have a node of their own.
 */
enum order { ORDER_SEQ, ORDER_DPERM, ORDER_SPARSE, ORDERS };

/* What is in the table. */
enum content {
	CONTENT_EMPTY,	   /* nothing mapped; nodes may be missing */
	CONTENT_NODES,	   /* nothing mapped, and no node is missing */
	CONTENT_TRACKED,   /* every page, by a leaf that owns a reference */
	CONTENT_UNTRACKED, /* every page */
};

struct bench {
	struct phys_domain domain; /* BENCH_PAGES frames to map, then the pool of the nodes */
	uint32_t *scratch;	   /* for the audit */
	struct page_table table;
	enum order order;
	enum content content;
	bool writable;	    /* are the leaves? */
	uint64_t leaf_bits; /* of a writable tracked leaf, beside its address */
	uint64_t write_bit;
	uint64_t start; /* the range in which all pages lie */
	uint64_t len;
	uint64_t *va;	    /* the pages in their order */
	uint64_t *paddr;    /* the frame that each maps; the benchmark holds one reference on it */
	uint64_t *shuffled; /* 0 to BENCH_PAGES - 1 */
	uint64_t sum;	    /* what was read, lest the compiler leave it out */
};

typedef int (*bench_run_t)(struct bench *bench);

/* What the issue of speed asks for: 0 where it says nothing. */
struct target {
	double ratio; /* times the limit */
	double ns;
	double instructions;
};

struct row {
	const char *name;
	const char *limit_name; /* what the limit does for each page */
	unsigned orders;	/* bit per enum order */
	enum table_walker walker;
	enum content before;
	enum content after;
	bool read_only;	   /* leaves that are there begin without the right to write */
	bool owned;	   /* the benchmark has a reference for each leaf to come */
	bench_run_t run;   /* work on all pages; 0 or a negative errno */
	bench_run_t limit; /* NULL: none */
	struct target target;
};

extern const struct row bench_rows[];
extern const unsigned bench_nr_rows;

/* -ENOMEM. */
int bench_open(struct bench *bench);
void bench_close(struct bench *bench);

/* An empty table for pages in this order; bench_end() audits the domain and destroys it. */
int bench_begin(struct bench *bench, enum order order, enum table_walker walker);
int bench_end(struct bench *bench);

/* Brings the table to what the row begins with. */
int bench_prepare(struct bench *bench, const struct row *row);

/* Counts the children of every node again, after a limit has changed entries without counting. */
void bench_recount(struct bench *bench);

/* CPU time of the calling thread, which others on this machine do not lengthen; nanoseconds. */
double bench_cpu_time(void);
double bench_wall_time(void);

/* The next number of a sequence (xorshift) that *state, which is not 0, determines. */
uint64_t bench_random(uint64_t *state);

/* Sorts `times`, of which there is an odd number. */
double bench_median(double *times, unsigned nr);

/* What is no row: each prints its own lines. */
int bench_threads(struct bench *bench, bool json);
int bench_scale(struct bench *bench, bool json);
int bench_memory(struct bench *bench, bool json);

/* The operations, each over all pages. */

int run_map(struct bench *bench);
int run_map_run(struct bench *bench);
int run_query(struct bench *bench);
int run_protect(struct bench *bench);
int run_unmap(struct bench *bench);
int run_subtrees(struct bench *bench);

int run_open_map(struct bench *bench);
int run_open_query(struct bench *bench);
int run_open_protect(struct bench *bench);
int run_open_unmap(struct bench *bench);
int run_open_close(struct bench *bench);
int run_frame(struct bench *bench);

/* Their limits. */

int limit_map(struct bench *bench);
int limit_map_run(struct bench *bench);
int limit_query(struct bench *bench);
int limit_protect(struct bench *bench);
int limit_protect_atomic(struct bench *bench);
int limit_unmap(struct bench *bench);

int limit_open_map(struct bench *bench);
int limit_open_query(struct bench *bench);
int limit_open_protect(struct bench *bench);
int limit_open_unmap(struct bench *bench);
int limit_open_close(struct bench *bench);
int limit_frame(struct bench *bench);

#endif
