/* SPDX-License-Identifier: MIT */
/*
 * What the VMM and a long-mode guest agree on: the words at start-up, the ports, the page-control
 * request. docs/guest-abi.md explains each. The header is used on both sides and needs nothing but
 * <stdint.h>; assembly may include it for the ports and the magic number.
 *
 * Multiboot guests get what Multiboot says instead; the ports are the same for all.
 */
#ifndef VMM_GUEST_ABI_H
#define VMM_GUEST_ABI_H

#ifndef __ASSEMBLER__
#include <stdint.h>
#endif

/* Ports. */
#define ABI_PORT_SERIAL 0x3f8	    /* 16550, eight ports, no interrupt line without --irqchip */
#define ABI_PORT_DEBUG_CONSOLE 0xe9 /* each byte written goes to standard output; reads give 0xe9 */
#define ABI_PORT_EXIT 0xf4	    /* a write of 1, 2 or 4 bytes ends the run with that code */
#define ABI_PORT_PAGE_CONTROL 0xd00 /* a 4-byte write of a request's GPA carries the request out */

/* Where things are in the address space that the VMM builds. */
#define ABI_DIRECT_MAP UINT64_C(0xffff800000000000) /* GVA of GPA 0: all RAM, never executable */
#define ABI_STACK_TOP UINT64_C(0xffffc00000100000)  /* RSP at entry, a guard page above and below */
#define ABI_STACK_LEN UINT64_C(0x10000)
#define ABI_SELECTOR_CODE 0x08 /* CS at entry: 64-bit code, ring 0. No GDT is loaded: load one. */
#define ABI_SELECTOR_DATA 0x10

/*
 * At entry RDI is the GVA of this, in the direct map, read-only. All addresses within are GPAs but
 * where said.
 */
#define ABI_BOOT_MAGIC 0x306d6d76 /* "vmm0" in memory */
#define ABI_BOOT_VERSION 1
#define ABI_MEMORY_MAX 16

#ifndef __ASSEMBLER__

enum abi_memory_kind {
	ABI_MEMORY_FREE = 1,   /* RAM that the guest may use as it likes */
	ABI_MEMORY_IMAGE = 2,  /* the image's segments */
	ABI_MEMORY_BOOT = 3,   /* this structure, the command line and the stack */
	ABI_MEMORY_INITRD = 4, /* what --initrd brought */
	ABI_MEMORY_TABLES = 5, /* page tables that the VMM built; read-only in the direct map */
};

struct abi_memory {
	uint64_t gpa;
	uint64_t len; /* bytes */
	uint32_t kind;
	uint32_t reserved;
};

struct abi_boot {
	uint32_t magic;
	uint32_t version;
	uint32_t size;	     /* bytes of this structure as the VMM knows it */
	uint32_t nr_memory;  /* entries of memory[], ascending, without overlap */
	uint64_t table_root; /* GPA of the top page table: what CR3 holds */
	uint64_t direct_map; /* GVA of GPA 0 */
	uint64_t stack_top;  /* GVA */
	uint64_t stack_len;
	/* GVA, in the direct map: NUL-terminated, first word the image's name */
	uint64_t command_line;
	uint64_t initrd; /* GPA, 0 if there is none */
	uint64_t initrd_len;
	uint16_t port_serial; /* 0: there is no such device */
	uint16_t port_debug_console;
	uint16_t port_exit;
	uint16_t port_page_control;
	struct abi_memory memory[ABI_MEMORY_MAX];
};

_Static_assert(sizeof(struct abi_memory) == 24, "abi_memory is on the wire");
_Static_assert(sizeof(struct abi_boot) == 80 + ABI_MEMORY_MAX * 24, "abi_boot is on the wire");

/*
 * Page control. The request lies in RAM below 4 GiB, aligned to 64 bytes; the guest fills it,
 * writes its GPA to ABI_PORT_PAGE_CONTROL, and reads `result` and the answer when the OUT
 * instruction has completed. After a change of its own table the guest flushes its TLB (INVLPG) as
 * it would after a change of its own.
 */
enum abi_page_operation {
	/*
	 * map [address, address+len) to [target, target+len); host: target is ignored, fresh zeros
	 */
	ABI_PAGE_MAP = 1,
	/* remove what is mapped in [address, address+len); count = 4 KiB pages removed */
	ABI_PAGE_UNMAP = 2,
	/* give every page mapped in the range these rights; count = 4 KiB pages changed */
	ABI_PAGE_PROTECT = 3,
	/* answer with the leaf that maps `address`: target, len, level, rights; -2 if none */
	ABI_PAGE_QUERY = 4,
};

enum abi_page_table {
	ABI_TABLE_GUEST = 0, /* GVA -> GPA, the table that the VMM built */
	ABI_TABLE_HOST = 1,  /* GPA -> host frame: the RAM as the guest sees it */
};

#define ABI_RIGHT_READ 0x01
#define ABI_RIGHT_WRITE 0x02
#define ABI_RIGHT_EXECUTE 0x04
#define ABI_RIGHT_USER 0x08
#define ABI_RIGHT_ACCESSED 0x10 /* in answers only */
#define ABI_RIGHT_DIRTY 0x20	/* in answers only */

struct abi_page_request {
	uint32_t operation;
	uint32_t table;
	uint64_t address; /* GVA or GPA, by table; aligned to 4 KiB for all but QUERY */
	uint64_t target;  /* GPA (guest table) */
	uint64_t len;	  /* bytes, a multiple of 4 KiB; QUERY answers with the leaf's size */
	uint32_t rights;
	/*
	 * MAP: largest leaf allowed, 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB, 0 = largest that fits; QUERY:
	 * the leaf's
	 */
	uint32_t level;
	uint64_t count; /* answer of UNMAP and PROTECT */
	int64_t result; /* 0, or a negative Linux errno; nothing was changed then */
	uint64_t reserved;
};

_Static_assert(sizeof(struct abi_page_request) == 64, "abi_page_request is on the wire");

#endif
#endif
