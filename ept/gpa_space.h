/* SPDX-License-Identifier: MIT */
/*
 * The guest-physical memory of a VM: a table GPA -> frame of the pool, in EPT format, which is the
 * only truth about it; and its realisation, a window of host addresses that always shows what the
 * table says, into which KVM's memslots point.
 *
 * Every change is one transaction under one cursor on its whole range: changes that overlap happen
 * one after the other, and nobody sees table and window disagree. Order:
 *
 *   map       into the table, then shown in the window
 *   unmap     out of the window (which makes KVM forget it, by the kernel's MMU notifier), then out
 *             of the table, and only then are the frames' references dropped (T-5)
 *   protect   in the window, then in the table
 *
 * So the flush comes first. It may, because what it flushes cannot come back: only these functions
 * fill the window, and they wait for the cursor. And it must, because the host can refuse it
 * (-ENOMEM, see window.h): then nothing has been changed yet. The space has no flusher of its own
 * for that reason; space_map(), space_unmap() and space_protect() are not for it.
 *
 * KVM's user API knows no execute right: a table may say X or not, the window can enforce R and W
 * only. A leaf without R is not accessible at all.
 */
#ifndef EPT_GPA_SPACE_H
#define EPT_GPA_SPACE_H

#include "ept/address.h"
#include "ept/pool.h"
#include "ept/window.h"
#include "mm/space.h"

#define RAM_HOLE_START UINT64_C(0xc0000000) /* 3 GiB: where PC devices are */
#define RAM_HOLE_END UINT64_C(0x100000000)  /* 4 GiB */
#define RAM_LEN_MAX (UINT64_C(1) << 46)	    /* what a Linux process has addresses for */

/* Where RAM is: [0, low_len) and, when there is more than 3 GiB, [4 GiB, 4 GiB + high_len). */
struct ram_layout {
	uint64_t low_len;
	uint64_t high_len;
};

/*
 * Splits `len` bytes of RAM, a multiple of 4 KiB, at the hole. -EINVAL if it is 0, misaligned or
 * above RAM_LEN_MAX.
 */
int ram_layout_init(struct ram_layout *layout, uint64_t len);

/* Does [gpa, gpa+len) lie wholly in one range of RAM? */
bool ram_layout_contains(const struct ram_layout *layout, gpa_t gpa, uint64_t len);

/* First GPA after all RAM: the length of the GPA space. */
uint64_t ram_layout_end(const struct ram_layout *layout);

struct gpa_space {
	struct vm_space space; /* EPT format */
	struct host_pool *pool;
	struct ram_layout ram;
	struct window window;
	int vm_fd; /* -1 until attached */
	/*
	 * The guest's own domain: physical = GPA, pointer = window + GPA. Tables that the VMM
	 * builds for the guest live here.
	 */
	struct phys_domain guest;
	struct slot *guest_slots;
};

/*
 * An empty space for this RAM: nothing is mapped yet. It must not move in memory, and the pool
 * outlives it. -EINVAL if the RAM has more than 2^32 - 1 pages, -ENOMEM and what else the kernel
 * says.
 */
int gpa_space_create(struct gpa_space *space, struct host_pool *pool, const struct ram_layout *ram);

/*
 * Unmaps all and gives everything back. The VM must not run any more; guest tables are destroyed
 * before.
 */
void gpa_space_destroy(struct gpa_space *space);

/*
 * Maps every byte of RAM to fresh zeroed frames, readable, writable and executable. Errors of
 * gpa_space_map(); nothing is mapped then.
 */
int gpa_space_populate(struct gpa_space *space);

/*
 * Memslots 0 and 1 for the RAM ranges of the layout (and no larger). From now on the VM sees what
 * the window shows. -EBUSY if a VM is attached already, and what else KVM says; there is no memslot
 * then.
 */
int gpa_space_attach(struct gpa_space *space, int vm_fd);

/*
 * For the end of a VM. Some kinds of KVM say nothing but -EFAULT about an access that the table
 * forbids. This puts one memslot for each run that is mapped, with its rights, in the place of
 * those that cover all RAM. The access, made again, is then one to where KVM knows no memory: a
 * KVM_EXIT_MMIO with address, length and direction. Later changes of the table do not reach the VM
 * any more. -EINVAL not attached, or what KVM says: then part of the RAM is missing.
 */
int gpa_space_expose(struct gpa_space *space);

/*
 * Runs of pages, by GPA. All check that the run is aligned and not empty (-EINVAL) and lies in one
 * range of RAM (-ERANGE). rights: PROP_READ | PROP_WRITE | PROP_EXECUTE; others are -EINVAL, and a
 * combination that the format cannot say is -EOPNOTSUPP. Each changes all of the run, or on error
 * nothing. Not to be called in a read section.
 *
 * map: fresh zeroed frames, the largest leaves that fit and that the pool can give. -EEXIST if
 * anything is mapped in the run, -ENOMEM.
 *
 * unmap, protect: *pages (may be NULL) counts 4 KiB pages; what was not mapped is passed over.
 * -ENOMEM: no node to split a large leaf at an end of the run, or the host has no mapping left.
 */
int gpa_space_map(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights);
int gpa_space_unmap(struct gpa_space *space, gpa_t gpa, uint64_t len, uint64_t *pages);
int gpa_space_protect(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights,
		      uint64_t *pages);

/* The leaf or absence at gpa, which need not be aligned. -ERANGE if it is not in RAM. */
int gpa_space_query(struct gpa_space *space, gpa_t gpa, struct pt_mapping *mapping);

/*
 * The one place where a guest address becomes a pointer: NULL unless all of [gpa, gpa+len) is
 * mapped in the host table with these rights. Valid until the next change of the space's table;
 * contents change under the reader's eyes while a vCPU runs: read a value once. len > 0.
 */
void *gpa_space_pointer(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights);

/*
 * Copies, with the check of gpa_space_pointer(); changes of the table wait until the copy is made,
 * other copies do not. -EFAULT and nothing is copied.
 */
int gpa_space_read(struct gpa_space *space, gpa_t gpa, void *to, uint64_t len);
int gpa_space_write(struct gpa_space *space, gpa_t gpa, const void *from, uint64_t len);

#endif
