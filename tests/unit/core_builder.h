/* SPDX-License-Identifier: MIT */
/*
 * Core files of guests, made in memory: sound until a test changes a byte.
 */
#ifndef TESTS_CORE_BUILDER_H
#define TESTS_CORE_BUILDER_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/core_format.h"

#define CORE_LOADS_MAX 8
#define CORE_CPUS_MAX 4
#define CORE_FILE_MAX (1u << 20)

struct core_load {
	uint64_t gpa;
	uint64_t len;
	const void *bytes;
};

struct core_plan {
	bool narrow; /* ELF32 */
	uint16_t machine;
	unsigned nr_loads;
	struct core_load loads[CORE_LOADS_MAX];
	unsigned nr_cpus;
	struct core_cpu cpus[CORE_CPUS_MAX];
	bool has_vmm; /* the note of this VMM, with one range */
	struct core_vmm_cpu vmm_cpu;
	struct core_vmm_range range;
};

struct core_bytes {
	size_t len;
	uint8_t bytes[CORE_FILE_MAX];
};

/* A vCPU in long mode with this root. */
struct core_cpu core_cpu_long(uint64_t cr3);

void core_build(const struct core_plan *plan, struct core_bytes *core);

/* A file of these bytes that has no name; `path` opens it as long as *fd is open. */
void core_file(const void *bytes, size_t len, int *fd, char path[32]);

#endif
