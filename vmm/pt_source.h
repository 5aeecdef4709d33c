/* SPDX-License-Identifier: MIT */
/*
 * Where `vmm pt` looks: the memory of a guest by GPA, the registers of its vCPUs, and, where it is
 * known, what the host table maps. A core file, raw files, or a VM that stands still; whoever makes
 * one fills the structure, and everything else reads it.
 */
#ifndef VMM_PT_SOURCE_H
#define VMM_PT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/foreign.h"
#include "vmm/core_format.h"
#include "vmm/image.h"

/* A stretch of guest memory. */
struct pt_extent {
	uint64_t gpa;
	uint64_t len;
	const unsigned char *bytes; /* without alignment */
};

struct pt_vcpu {
	uint64_t rip, rsp;
	uint64_t cr0, cr2, cr3, cr4, efer;
	bool efer_known; /* false: efer is made up from what else is known */
};

struct pt_file_mapping {
	void *address;
	size_t len;
};

/* What the host does with one GPA. */
struct pt_host_walk {
	bool mapped;
	struct foreign_path path; /* nr_steps is 0 if only the leaf is known */
	uint64_t frame;		  /* of the pool, offset included */
	unsigned level;
	uint32_t rights;
	bool has_slot; /* the following are known */
	unsigned references;
	const char *kind;
};

struct pt_source {
	const char *name; /* as the user called it; outlives the source */
	const char *kind; /* "core", "raw memory", "VM" */
	struct pt_extent *extents;
	size_t nr_extents;
	struct pt_vcpu *vcpus;
	size_t nr_vcpus;
	/* Runs of the host table, ascending by GPA, where has_host. Addresses are of the pool. */
	bool has_host;
	struct core_vmm_range *host;
	size_t nr_host;
	uint64_t pool_len;
	/* One more look at the host table by a VM that runs, or NULL: see pt_source_host_walk(). */
	int (*host_walk)(void *context, uint64_t gpa, struct pt_host_walk *walk);
	void *context;
	void (*close)(void *context); /* before the rest is freed, if not NULL */
	/* The source's own. */
	struct pt_file_mapping *mappings;
	size_t nr_mappings;
	size_t last; /* the extent where the last page was */
};

/*
 * Opens an ELF core of a guest: of QEMU's dump-guest-memory, with or without -p, or a snapshot.
 * The file stays mapped: who makes it shorter meanwhile ends the process. -E* with a sentence.
 */
int pt_source_core(struct pt_source *source, const char *path, struct image_error *error);

/*
 * A running VM, by a name, a PID or the path of its control socket. Its vCPU stands still until the
 * source is closed. -E* with a sentence.
 */
int pt_source_vm(struct pt_source *source, const char *vm, struct image_error *error);

/* The begin of a source that is filled by calls of the next. */
void pt_source_raw(struct pt_source *source, const char *name);

/* Adds a file as memory at `gpa`, without vCPUs. -EEXIST if there is memory already; -E*. */
int pt_source_add_file(struct pt_source *source, const char *path, uint64_t gpa,
		       struct image_error *error);

void pt_source_close(struct pt_source *source);

/* For those who fill a source. -ENOMEM, and nothing has changed. */
int pt_source_add_extent(struct pt_source *source, uint64_t gpa, uint64_t len,
			 const unsigned char *bytes);
int pt_source_add_mapping(struct pt_source *source, void *address, size_t len);
int pt_source_add_vcpu(struct pt_source *source, const struct pt_vcpu *vcpu);
struct vcpu_registers; /* vmm/registers.h */
int pt_source_add_registers(struct pt_source *source, const struct vcpu_registers *registers);

/*
 * Sorts the extents. Where two claim the same memory, the one that begins first keeps it; those
 * that continue each other become one.
 */
void pt_source_settle(struct pt_source *source);

/* The memory by GPA, for mm/foreign.h. Pages that are not wholly there are not there. */
struct foreign_memory pt_source_memory(struct pt_source *source);

/* Copies bytes of guest memory. Returns how many there are from `gpa` on, up to `len`. */
uint64_t pt_source_read(struct pt_source *source, uint64_t gpa, void *to, uint64_t len);

/* Asks for what the host does with a GPA. -ENOENT: this source knows nothing of a host. */
int pt_source_host_walk(struct pt_source *source, uint64_t gpa, struct pt_host_walk *walk);

#endif
