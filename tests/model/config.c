/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/model/config.h"

/*
 * The smaller the nodes, the more a short trace sees of them. With two entries a node the window is
 * all that four levels translate, or half of five; with four it lies on both sides of the hole in
 * the middle; with 512 on both sides of the first GiB.
 */
#if MM_INDEX_BITS == 1
#define WINDOW_PAGES 16
#define WINDOW_BASE 0
#define DATA_FRAMES 32
#elif MM_INDEX_BITS == 2
#define WINDOW_PAGES 64
#define WINDOW_BASE PAGES(96)
#define DATA_FRAMES 64
#else
#define WINDOW_PAGES 1536
#define WINDOW_BASE (PAGES(1 << 18) - PAGES(1024))
#define DATA_FRAMES 1024
#endif
#define POOL_FRAMES 60 /* fewer than NODE_DEFERRED_MAX: who defers one need never wait */
#define NR_FRAMES ((POOL_FRAMES / DATA_FRAMES + 2) * DATA_FRAMES)

const struct config config_random = {
	.name = "config_random",
	.nr = {
		[ARG_SPACE] = MAX_SPACES,
		[ARG_CURSOR] = MAX_CURSORS,
		[ARG_HANDLE] = MAX_HANDLES,
		[ARG_SEGMENT] = MAX_SEGMENTS,
		[ARG_UNIQUE] = MAX_UNIQUES,
		[ARG_LIST] = MAX_LISTS,
		[ARG_IO] = MAX_IOS,
		[ARG_OBSERVER] = MAX_OBSERVERS,
		[ARG_ROOT] = MAX_ROOTS,
		[ARG_FRAGMENT] = MAX_FRAGMENTS,
		[ARG_FORMAT] = PT_FORMATS,
		/* An observed space's queue is the model's to search: not with so many pages. */
		[ARG_FLUSH] = WINDOW_PAGES > MAX_WAITING ? FLUSH_OBSERVED : FLUSH_KINDS,
		[ARG_PAGE] = WINDOW_PAGES,
		[ARG_LEN] = WINDOW_PAGES + 1,
		[ARG_FRAME] = DATA_FRAMES + 4, /* four of the pool's */
		[ARG_LEVEL] = LEVELS_MAX + 1,
		[ARG_PROP] = PROP_ROWS,
		[ARG_CHANGE] = CHANGE_ROWS,
		[ARG_BITS] = BITS_ROWS,
		[ARG_STATUS] = STATUS_ROWS,
		[ARG_KIND] = FRAME_KINDS,
		[ARG_COPY] = COPY_FLAGS + 2,
		[ARG_BOOL] = 2,
		[ARG_SMALL] = 8,
	},
	.hostile = true,
	.formats = { PT_FORMAT_X86_64_4, PT_FORMAT_EPT_4, PT_FORMAT_X86_64_5, PT_FORMAT_EPT_5,
		     PT_FORMAT_NPT_4, PT_FORMAT_NPT_5, PT_FORMAT_X86_64_4_KEYS,
		     PT_FORMAT_X86_64_5_KEYS },
	.nr_pool = POOL_FRAMES,
	.nr_frames = NR_FRAMES,
	.shelves = true,
	.audit_every = WINDOW_PAGES > MAX_WAITING ? 8 : 32,
	.base = WINDOW_BASE,
};

static uint64_t next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static unsigned below(uint64_t *random, uint64_t limit)
{
	return (unsigned)((next(random) >> 11) % limit);
}

/* Now and then a multiple of what a node has. */
static unsigned some_page(const struct config *config, uint64_t *random, enum argument argument)
{
	unsigned limit = config->nr[argument];
	unsigned page = below(random, limit);

	if (below(random, 2))
		page -= page % (1u << below(random, MM_INDEX_BITS + 1));
	return page;
}

static unsigned some_length(const struct config *config, uint64_t *random)
{
	unsigned limit = config->nr[ARG_LEN];

	switch (below(random, 4)) {
	case 0:
		return below(random, limit);
	case 1:
		return (1u << below(random, 2 * MM_INDEX_BITS + 1)) % limit;
	default:
		return below(random, limit < 8 ? limit : 8);
	}
}

static unsigned some_argument(const struct config *config, uint64_t *random, enum argument argument)
{
	unsigned limit = argument_limit(config, argument);

	if (below(random, 64) == 0)
		return below(random, limit);
	switch (argument) {
	case ARG_PAGE:
	case ARG_FRAME:
		return some_page(config, random, argument);
	case ARG_LEN:
		return some_length(config, random);
	case ARG_LEVEL:
		return 1 + (below(random, 2) ? 0 : below(random, 3));
	case ARG_PROP:
		return below(random, 2) ? 0 : below(random, limit);
	case ARG_KIND:
		return below(random, 2) ? FRAME_DATA : FRAME_GUEST;
	case ARG_STATUS:
		return below(random, 3);
	default:
		return below(random, limit);
	}
}

static enum op_kind some_kind(uint64_t *random)
{
	static unsigned total;
	unsigned left;

	if (total == 0)
		for (unsigned kind = 0; kind < OPS; kind++)
			total += op_table[kind].weight;
	left = below(random, total);
	for (unsigned kind = 0;; kind++) {
		if (left < op_table[kind].weight)
			return (enum op_kind)kind;
		left -= op_table[kind].weight;
	}
}

struct op random_op(const struct config *config, uint64_t *random)
{
	struct op op = { .kind = (uint16_t)some_kind(random) };

	for (unsigned i = 0; i < OP_ARGS; i++)
		if (op_table[op.kind].args[i])
			op.arg[i] = (uint16_t)some_argument(
				config, random, (enum argument)op_table[op.kind].args[i]);
	return op;
}

struct op op_from_bytes(const struct config *config, const unsigned char *bytes)
{
	struct op op = { .kind = (uint16_t)(bytes[0] % OPS) };

	for (unsigned i = 0; i < OP_ARGS; i++)
		op.arg[i] = (uint16_t)(bytes[1 + i] %
				       argument_limit(config,
						      (enum argument)op_table[op.kind].args[i]));
	return op;
}

struct outcome trace_run(const struct config *config, const struct op *ops, size_t nr_ops)
{
	struct world *world = world_open(config);
	struct outcome outcome = { 0 };

	while (outcome.nr_ops < nr_ops && !outcome.failed) {
		enum op_end end = step(world, &ops[outcome.nr_ops++]);

		outcome.nr_done += end == OP_DONE;
		outcome.nr_blocked += end == OP_BLOCKED;
		outcome.failed = end == OP_FAILED;
	}
	outcome.failure = world->failure;
	world_close(world);
	return outcome;
}

struct config config_thorough(const struct config *config)
{
	struct config thorough = *config;

	thorough.audit_every = 1;
	return thorough;
}

int trace_replay(const struct config *config, const struct op *ops, size_t nr_ops)
{
	struct config thorough = config_thorough(config);
	struct outcome outcome = trace_run(&thorough, ops, nr_ops);

	if (outcome.failed)
		printf("operation %zu: %s: %s\n", outcome.nr_ops,
		       rule_table[outcome.failure.rule].id, outcome.failure.text);
	else
		printf("%zu operations, and nothing is wrong\n", outcome.nr_ops);
	return outcome.failed;
}

void trace_print(const struct config *config, const struct op *ops, size_t nr_ops,
		 const struct failure *failure)
{
	printf("/*\n * %s: %s\n *\n * Run it by: make check-model REPLAY=FILE "
	       "MODEL_BITS=%d\n */\n#include \"tests/model/scopes.h\"\n\n"
	       "static const struct op trace[] = {\n",
	       rule_table[failure->rule].id, failure->text, MM_INDEX_BITS);
	for (size_t i = 0; i < nr_ops; i++) {
		const struct op_info *info = &op_table[ops[i].kind];

		printf("\t{ OP_%s, {", info->name);
		for (unsigned k = 0; k < OP_ARGS && info->args[k]; k++)
			printf("%s%u", k ? ", " : " ", ops[i].arg[k]);
		printf(" } },\n");
	}
	printf("};\n\nint main(void)\n{\n\treturn trace_replay(&%s, trace, %zu);\n}\n",
	       config->name, nr_ops);
}
