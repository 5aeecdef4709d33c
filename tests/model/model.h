/* SPDX-License-Identifier: MIT */
/*
 * The store of section 5.1 as a plain data structure, beside the engine that it specifies.
 *
 * A `struct world` holds both: a domain with its tables and cursors, and what should be in them, in
 * arrays. The model has no page tables: a space is an array of pages, a count a sum over handles.
 * step() applies one operation to both and compares; check_world() then reads the engine's memory,
 * without the engine, and compares every slot, entry, lock and list with the arrays.
 *
 * One operating-system thread runs everything. Each cursor has a thread of its own as far as the
 * engine can tell (tests/model/port.c); what would wait for another is undone and reported as
 * blocked.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <setjmp.h>

#include "mm/audit.h"
#include "mm/cursor.h"
#include "mm/frame_list.h"
#include "mm/io.h"
#include "mm/space.h"
#include "mm/space_io.h"
#include "mm/untyped.h"
#include "tests/model/rules.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define NR(array) (sizeof(array) / sizeof(*(array)))

/* The most of everything that a world may have. */
#define MAX_SPACES 3
#define MAX_CURSORS 3
#define MAX_HANDLES 6
#define MAX_SEGMENTS 4
#define MAX_UNIQUES 4
#define MAX_LISTS 2
#define MAX_IOS 4
#define MAX_OBSERVERS 2
#define MAX_ROOTS 2
#define MAX_FRAGMENTS 2
#define MAX_FORMATS 8
#define MAX_WAITING 256
#define MAX_DRAINED 128

/* What kind of thing an argument chooses; how many there are, the configuration says. */
enum argument {
	ARG_NONE,
	ARG_SPACE,
	ARG_CURSOR,
	ARG_HANDLE,
	ARG_SEGMENT,
	ARG_UNIQUE,
	ARG_LIST,
	ARG_IO,
	ARG_OBSERVER,
	ARG_ROOT,
	ARG_FRAGMENT,
	ARG_FORMAT,
	ARG_FLUSH,  /* enum flush_kind */
	ARG_PAGE,   /* of the window, then addresses that are none */
	ARG_LEN,    /* pages, then lengths that are none */
	ARG_FRAME,  /* of the domain, then addresses that are none */
	ARG_LEVEL,  /* 0 to one more than there are */
	ARG_PROP,   /* a row of the properties */
	ARG_CHANGE, /* a row of the changes */
	ARG_BITS,   /* a row of what can be harvested */
	ARG_STATUS, /* a row of the statuses */
	ARG_KIND,   /* enum frame_kind */
	ARG_COPY,   /* COPY_* */
	ARG_BOOL,
	ARG_SMALL,
	ARGS
};

#define OP_ARGS 7

/* One operation as a trace has it: plain numbers, each below its argument's limit. */
struct op {
	uint16_t kind; /* enum op_kind */
	uint16_t arg[OP_ARGS];
};

enum op_kind {
#define OP(name, ...) OP_##name,
#include "tests/model/ops.def"
#undef OP
	OPS
};

struct world;

enum op_end {
	OP_DONE,    /* whatever it returned */
	OP_REFUSED, /* op_pre does not hold: nothing was called */
	OP_BLOCKED, /* it would wait for another cursor */
	OP_FAILED,  /* world->failure says what does not hold */
};

struct op_info {
	const char *name;
	enum op_end (*run)(struct world *world, const struct op *op);
	unsigned weight;
	enum rule axiom; /* AX-*: what may have changed; see check_axiom() */
	uint8_t args[OP_ARGS];
};

extern const struct op_info op_table[OPS];

enum flush_kind { FLUSH_NONE, FLUSH_AT_ONCE, FLUSH_OBSERVED, FLUSH_KINDS };

struct config {
	const char *name;
	unsigned nr[ARGS]; /* how many of each argument there are; 0: its operations never run */
	bool hostile;	   /* arguments that are none, too */
	uint8_t formats[MAX_FORMATS]; /* enum pt_format_id */
	uint8_t levels;		      /* of every format; 0: what it has */
	unsigned nr_pool;	      /* frames 0 .. are the allocator's */
	unsigned nr_frames;
	bool shelves;	      /* threads have frames at hand (mm/frame_shelf.h) */
	unsigned audit_every; /* so many steps; 0: when somebody asks */
	uint64_t base;	      /* the window's first page, as an offset in the table */
	const uint16_t *ops; /* enum op_kind, nr_ops of them; NULL: all that have their arguments */
	unsigned nr_ops;
	const uint32_t *props; /* rows of the properties; NULL: the usual ones */
};

/* A page of a space. */
struct page {
	uint64_t paddr;
	uint32_t prop;
	uint32_t status; /* of an absent page; a row of the statuses + 1, 0 for none */
	uint8_t level;	 /* of the leaf that maps it */
	bool mapped;
	bool tracked;
};

/* What hardware, or an observer, remembers of a page. */
struct cached {
	uint64_t paddr;
	uint32_t rights;
	bool valid;
	bool tracked;
};

struct model_space {
	bool exists;
	enum flush_kind flush;
	struct vm_space space;
	struct page *pages;    /* by page of the window */
	struct cached *cached; /* FLUSH_AT_ONCE: what the one walker remembers */
};

struct model_cursor {
	bool open;
	enum cursor_mode mode;
	uint8_t space;
	uint64_t start, at, end; /* pages of the window */
	struct cursor cursor;
};

/* One reference that left an observed space in `epoch` and waits for its observers. */
struct waiting {
	uint32_t frame;
	uint32_t epoch;
	uint8_t space;
};

struct model_observer {
	bool exists;
	uint8_t space;
	struct observer observer;
	struct cached *cached;
};

enum io_kind { IO_NONE, IO_USER, IO_KERNEL };

struct model_io {
	enum io_kind kind;
	enum io_direction direction;
	uint8_t space;
	struct untyped_frame frame; /* IO_KERNEL */
	uint64_t at, left;	    /* an address of the space's, or an offset in the frame */
	struct io_reader reader;
	struct io_writer writer;
	struct io_range range;
	struct space_io io;
};

struct model_fragment {
	bool exists;
	uint8_t space;
	struct pt_fragment fragment;
};

struct model_list {
	struct frame_list list;
	struct frame_list_cursor cursor;
	uint32_t frames[8]; /* the model's: in order */
	uint32_t size;
	uint32_t at; /* index, `size` for the ghost */
};

/* References that an operation has taken for a leaf which it may not get. */
struct held_run {
	uint64_t first, nr_frames;
};

/* A flush as a cursor calls it; its context. What was flushed is remembered. */
struct flush_record {
	struct world *world;
	unsigned space;
	bool *flushed; /* by page of the window */
};

struct failure {
	enum rule rule;
	char text[200];
};

/* References of a frame by the model. */
struct references {
	uint32_t handles, segments, pages, queue, roots, fragments;
	bool unique;
};

/* What the engine's memory was seen to hold of a frame. */
struct seen {
	uint32_t nodes;	   /* entries, or tables, that it is a node by */
	uint32_t queue;	   /* leaves in nodes that wait for observers, */
	uint32_t deferred; /* for a grace period, */
	uint32_t held;	   /* or for fragment_drop(): these nodes count here themselves, too */
};

/* A piece of memory that belongs to the state. */
struct region {
	void *memory;
	size_t size;
	size_t stride; /* 0: one piece; else `count` pieces, so far apart */
	size_t count;
};

struct world {
	/* What never changes while it is open. */
	const struct config *config;
	unsigned char *memory;
	struct slot *slots;
	struct slot *before; /* slots as they were before the operation */
	uint32_t *scratch;
	struct references *references;
	struct seen *seen;
	unsigned char *bytes; /* what plain frames should hold; NULL: not kept */
	struct pt_format formats[MAX_FORMATS];
	struct region regions[32];
	unsigned nr_regions;
	unsigned long nr_steps;

	/* The state, the engine's and the model's, up to the operation's. */
	struct phys_domain domain;
	struct model_space spaces[MAX_SPACES];
	struct model_cursor cursors[MAX_CURSORS];
	struct frame handles[MAX_HANDLES];
	struct segment segments[MAX_SEGMENTS];
	struct unique_frame uniques[MAX_UNIQUES];
	struct model_list lists[MAX_LISTS];
	struct model_observer observers[MAX_OBSERVERS];
	struct frame roots[MAX_ROOTS];
	uint8_t root_space[MAX_ROOTS];
	struct model_fragment fragments[MAX_FRAGMENTS];
	struct waiting waiting[MAX_WAITING];
	unsigned nr_waiting;
	uint32_t drained[MAX_DRAINED]; /* pool frames that are held so that memory is short */
	unsigned nr_drained;
	uint32_t *may_wait; /* by frame: references that may wait for a grace period, at most */
	uint32_t read_depth[MAX_CURSORS + 1];
	struct thread_cursors threads[MAX_CURSORS + 1]; /* not all of it: see add_regions() */
	struct model_io ios[MAX_IOS]; /* last, for a state without any is smaller */

	/* Of the operation that runs. */
	struct held_run held;
	struct flush_record flush;
	bool *touched; /* by frame: the operation may change it */
	bool ran_short;
	struct failure failure;
	jmp_buf failed;
	jmp_buf blocked;
	bool may_block;
};

/* world.c */

/* Makes a world, in memory of its own; exits if there is none. */
struct world *world_open(const struct config *config);
void world_close(struct world *world);

/* The whole state as bytes, and back: `snapshot` has world_size() bytes. */
size_t world_size(const struct world *world);
void world_save(const struct world *world, unsigned char *snapshot);
void world_restore(struct world *world, const unsigned char *snapshot);

/* How many values an argument has, those that are none included. */
unsigned argument_limit(const struct config *config, enum argument argument);

/* Values of arguments: those at and above the configuration's number are none. */
vaddr_t page_address(const struct world *world, const struct model_space *space, uint64_t page);
uint64_t page_value(const struct world *world, const struct model_space *space, unsigned arg);
uint64_t len_value(const struct world *world, unsigned arg);
paddr_t frame_value(const struct world *world, unsigned arg);
prop_t prop_value(const struct world *world, unsigned arg);
struct prop_change change_value(unsigned arg);
uint32_t bits_value(unsigned arg);
uint64_t status_value(unsigned arg);
unsigned level_value(unsigned arg);
#define PROP_ROWS 8
#define CHANGE_ROWS 8
#define BITS_ROWS 5
#define STATUS_ROWS 4

/*
 * [va, va + len) as two arguments say it, with the errors (E()) that it deserves, and as pages of
 * the window if it deserves none. False if the format has it and the window has not.
 */
struct range {
	vaddr_t va;
	uint64_t len;
	uint64_t start, end;
	uint32_t errors;
};
bool range_value(const struct world *world, const struct model_space *space, unsigned page,
		 unsigned len, struct range *range);

/* step.c */

/* Applies one operation to both, and checks all that should hold after it. */
enum op_end step(struct world *world, const struct op *op);

/* The audit, where steps do not do it; nothing is done while a cursor is open. */
enum op_end step_audit(struct world *world);

/* Ends the step as failed. */
_Noreturn void fail(struct world *world, enum rule rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How often each rule has been evaluated in this process. */
extern unsigned long rule_evaluated[RULES];

#define EXPECT(world, rule, condition, ...)                 \
	do {                                                \
		rule_evaluated[rule]++;                     \
		if (!(condition))                           \
			fail((world), (rule), __VA_ARGS__); \
	} while (0)

/*
 * Compares what an operation returned with the errors that apply: one bit each, see E(). None: it
 * must succeed. -ENOMEM may come where memory is short, and then too few frames were free.
 */
void expect_result(struct world *world, const char *what, int result, uint32_t errors);
#define E(error) (UINT32_C(1) << error_number(error))
unsigned error_number(int error);

/* Is -ENOMEM a fair answer to an operation that may need many nodes? */
bool memory_is_short(const struct world *world);

/* Which thread the engine runs in: 0 the main one, 1 + index a cursor's. */
void thread_switch(struct world *world, unsigned thread);
bool any_cursor_open(const struct world *world);
bool space_has_cursor(const struct world *world, unsigned space);

/* model.c: the plain data structure */

uint64_t first_mapped(const struct model_space *space, uint64_t from, uint64_t to);
uint64_t count_mapped(const struct model_space *space, uint64_t from, uint64_t to);
bool any_status(const struct model_space *space, uint64_t from, uint64_t to);

/* First page of the leaf that maps `page`, and its pages. */
uint64_t leaf_first(const struct world *world, const struct model_space *space, uint64_t page);
uint64_t leaf_pages(const struct model_space *space, uint64_t page);

/* Splits leaves until one begins at `page`, unless nothing is mapped there. */
void split_at(const struct world *world, struct model_space *space, uint64_t page);

/* Splits the leaf at `page` until it lies in [from, to). */
void split_within(const struct world *world, struct model_space *space, uint64_t page,
		  uint64_t from, uint64_t to);

/* [from, to) is mapped from `paddr` on. */
void put_pages(struct model_space *space, uint64_t from, uint64_t nr_pages, uint64_t paddr,
	       unsigned level, prop_t prop, bool tracked);

/* What becomes of the references of pages that are taken out. */
enum fate { FATE_DROP, FATE_QUEUE, FATE_FRAGMENT };

/* Takes [from, to) out, statuses too. */
void remove_pages(struct world *world, unsigned space, uint64_t from, uint64_t to, enum fate fate,
		  uint32_t epoch);

/* After an operation that may have split more than it had to before it failed. */
void adopt_splits(struct world *world, unsigned space);

/* Moves what every observer has passed from the queue to what may wait for a grace period. */
void collect_waiting(struct world *world, unsigned space);

/* Counts them all, by frame. */
void count_references(const struct world *world, struct references *references);

/* The format's view of a space: what can be said, and which levels have leaves. */
bool can_say(const struct model_space *space, unsigned level, uint32_t prop, bool tracked);

/* engine.c: reading the engine's memory without the engine */

enum place_kind { PLACE_ABSENT, PLACE_NODE, PLACE_LEAF };

/* What is at the entry of `level` that covers `page`, or above it: *found is its level. */
enum place_kind place_at(const struct world *world, const struct model_space *space, uint64_t page,
			 unsigned level, unsigned *found);

/* The entry that hardware's walk of `page` ends at; NULL if the walk ends at no leaf. */
_Atomic uint64_t *leaf_entry(const struct world *world, const struct model_space *space,
			     uint64_t page, unsigned *level);

/* The node of `level` that covers `page`; it must be there. */
uint32_t node_of(const struct world *world, const struct model_space *space, uint64_t page,
		 unsigned level);

/* check.c */

void check_world(struct world *world);

/* Fills world->seen and world->references, as the check does first. */
void look_at_tables(struct world *world);
/* Runs mm_audit(), with no cursor open. */
void check_audit(struct world *world);
void check_axiom(struct world *world, enum rule axiom);

/* op_common.c: what several operations need */

struct world *world_of(struct phys_domain *domain);

/* The errors that a length deserves at this cursor's place. */
uint32_t len_errors(const struct world *world, const struct model_cursor *cursor, unsigned arg);

/*
 * Takes one reference on each frame of a run, for a leaf to own, and claims those that are unused.
 * False if a frame cannot be had so; then nothing is held.
 */
bool hold_run(struct world *world, paddr_t paddr, uint64_t nr_frames);
/* The leaf has not got them. */
void release_run(struct world *world);

/* What a run mapped at `page` looks like: its leaves' levels, put into the model's pages. */
struct mapped_run {
	uint64_t page, nr_pages;
	paddr_t paddr;
	unsigned max_level;
	prop_t prop;
	bool tracked;
	bool nodes_block; /* empty nodes stay, and make leaves smaller (C-12) */
};
void put_run(const struct world *world, struct model_space *space, const struct mapped_run *run);

/* The lowest level at which a cursor on these pages has its guard. */
unsigned lowest_guard(const struct world *world, uint64_t start, uint64_t end, unsigned min_level);

/* Are the pages of two ranges the same ones in part? */
static inline bool overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	return a < b_end && b < a_end;
}

/* Is the mapping of an engine's answer what the model has at `page`? */
void expect_mapping(struct world *world, const struct model_space *space, uint64_t page,
		    const struct pt_mapping *mapping);

/* A flush for a cursor. What is flushed is remembered for expect_flushed(). */
struct range_flush flush_recorder(struct world *world, unsigned space);
/* The same for a space that flushes by its operations. */
void begin_flushes(struct world *world, unsigned space);
void expect_flushed(struct world *world, unsigned space, uint64_t from, uint64_t to,
		    uint32_t had_rights);

/* Everybody forgets what [from, to) was: the caller's flush, where the engine does none. */
void forget_range(struct world *world, unsigned space, uint64_t from, uint64_t to,
		  uint32_t rights_left);

/* The pages that wait for a grace period may lose their references now. */
void touch_waiting(struct world *world);

extern const struct space_operations space_kinds[FLUSH_KINDS];

/* What each operation does, for ops.def. */
#define OP(name, function, ...) enum op_end function(struct world *world, const struct op *op);
#include "tests/model/ops.def"
#undef OP

/* Shared by the operations. */
static inline bool is_none(const struct config *config, enum argument argument, unsigned value)
{
	return value >= config->nr[argument];
}

#endif
