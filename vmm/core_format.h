/* SPDX-License-Identifier: MIT */
/*
 * The notes of a core file of a guest, as QEMU's dump-guest-memory writes them and as
 * snapshot_write() does: one reader is enough for both. All little endian, without padding other
 * than what is named.
 *
 *   "CORE"  NT_PRSTATUS    per vCPU: struct core_prstatus, what gdb and readelf know
 *   "QEMU"  0              per vCPU: struct core_cpu, QEMU's QEMUCPUState of version 1
 *   "VMM"   CORE_VMM_TYPE  once, ours only: struct core_vmm, then its vCPUs, then its ranges
 */
#ifndef VMM_CORE_FORMAT_H
#define VMM_CORE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* What x86-64 Linux has as struct elf_prstatus; only pid and registers are set. */
struct core_prstatus {
	uint8_t zero_1[32];
	uint32_t pid; /* of the vCPU: its number + 1 */
	uint8_t zero_2[76];
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
	uint64_t rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
	uint8_t zero_3[8];
};

_Static_assert(sizeof(struct core_prstatus) == 336, "struct elf_prstatus of x86-64");

struct core_segment {
	uint32_t selector;
	uint32_t limit;
	uint32_t flags; /* see registers_segment_flags() */
	uint32_t zero;
	uint64_t base;
};

#define CORE_CPU_VERSION 1

struct core_cpu {
	uint32_t version;
	uint32_t size; /* of this structure; older ones lack kernel_gs_base */
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	struct core_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
	uint64_t cr[5];
	uint64_t kernel_gs_base;
};

_Static_assert(sizeof(struct core_cpu) == 440 && offsetof(struct core_cpu, cs) == 152 &&
		       offsetof(struct core_cpu, cr) == 392,
	       "QEMUCPUState of version 1");

#define CORE_VMM_TYPE 0x1000 /* none of the types that readelf has words for */
#define CORE_VMM_VERSION 1

struct core_vmm {
	uint32_t version;
	uint32_t nr_vcpus;   /* each a struct core_vmm_cpu, behind this structure */
	uint64_t nr_ranges;  /* each a struct core_vmm_range, behind them, ascending */
	uint64_t memory_len; /* bytes of RAM that the VM has, mapped or not */
	uint64_t pool_len;   /* of the pool that the ranges' frames are in */
};

struct core_vmm_cpu {
	uint64_t efer;
	uint64_t cr8;
};

/* Leaves of the host table, alike, that follow each other on both sides. */
struct core_vmm_range {
	uint64_t gpa;
	uint64_t len;
	uint64_t frame;	 /* offset in the pool */
	uint32_t rights; /* PROP_READ | PROP_WRITE | PROP_EXECUTE */
	uint32_t level;	 /* of the leaves: 1 4 KiB, 2 2 MiB, 3 1 GiB */
};

#endif
