/* SPDX-License-Identifier: MIT */
/*
 * A second walker of foreign tables, written from the manuals (SDM 3 4.3 to 4.5 and 28.3; APM 2
 * 15.25) in one function and without a word of mm/foreign.h but its names; and memory of a few
 * pages full of entries to compare the two on.
 */
#ifndef TESTS_FOREIGN_MODEL_H
#define TESTS_FOREIGN_MODEL_H

#include "mm/foreign.h"

#define MODEL_PAGES 16

struct model_machine {
	uint64_t memory[MODEL_PAGES][512];
	enum foreign_mode mode;
	unsigned maxphyaddr;
	bool no_nx;  /* EFER.NXE is clear */
	bool no_pse; /* CR4.PSE is clear */
	bool no_1g;  /* no leaves of 1 GiB */
};

struct model_walk {
	enum foreign_end end;
	unsigned nr_steps;
	uint64_t entries[5];
	uint64_t words[5];
	uint32_t rights; /* where nothing is mapped: what was granted before */
	uint64_t address;
	unsigned level;
};

struct model_walk model_walk(const struct model_machine *machine, uint64_t root, uint64_t va);

/* How mm/foreign.h names the same machine. */
void model_paging(const struct model_machine *machine, uint64_t root,
		  struct foreign_paging *paging);
struct foreign_memory model_memory(struct model_machine *machine);

/* A word that leads somewhere more often than not; and pages full of them. */
uint64_t model_word(const struct model_machine *machine, uint64_t *random);
void model_fill(struct model_machine *machine, uint64_t *random);

/* An address, nearly always one that is translated. */
uint64_t model_address(const struct model_machine *machine, uint64_t *random);

#endif
