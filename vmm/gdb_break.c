/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints: int3 in guest memory, debug registers, and stepping where KVM does not obey those.
 *
 * An int3 is written into the frame itself, beside all rights: neither table changes. When it is
 * taken out, the byte goes back only if the frame is still where it was and still has the int3: a
 * guest that wrote new code there keeps it.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/gdb_private.h"

#define INT3 0xcc

/* DR7 (SDM 3 17.2.4). */
#define DR7_GLOBAL(n) (UINT64_C(2) << 2 * (n))
#define DR7_CONDITION(n) (16 + 4 * (n))
#define DR7_LEN(n) (18 + 4 * (n))
#define DR7_ALWAYS UINT64_C(0x400)

/* QEMU's Qqemu.sstep flags. */
#define STEP_NO_INTERRUPTS 2

static uint8_t *frame_byte(struct gdb *gdb, paddr_t frame)
{
	return (uint8_t *)gdb->vm->pool.memory + frame.value;
}

static int software_insert(struct gdb *gdb, uint64_t address)
{
	struct gdb_breakpoint *new = &gdb->breakpoints[gdb->nr_breakpoints];

	for (unsigned i = 0; i < gdb->nr_breakpoints; i++)
		if (gdb->breakpoints[i].address == address)
			return 0;
	if (gdb->nr_breakpoints == GDB_BREAKPOINTS_MAX)
		return -ENOSPC;
	*new = (struct gdb_breakpoint){ .address = address };
	if (!gdb_translate(gdb, address, &new->gpa) || !gdb_frame_at(gdb, new->gpa, &new->frame))
		return -EFAULT;
	new->original = *frame_byte(gdb, new->frame);
	*frame_byte(gdb, new->frame) = INT3;
	gdb->nr_breakpoints++;
	return 0;
}

static void int3_remove(struct gdb *gdb, const struct gdb_breakpoint *breakpoint)
{
	paddr_t frame;

	if (gdb_frame_at(gdb, breakpoint->gpa, &frame) && frame.value == breakpoint->frame.value &&
	    *frame_byte(gdb, frame) == INT3)
		*frame_byte(gdb, frame) = breakpoint->original;
}

/* The last one goes first: two addresses may be one byte, whose original the first one has. */
static int software_remove(struct gdb *gdb, uint64_t address)
{
	for (unsigned i = gdb->nr_breakpoints; i-- > 0;) {
		if (gdb->breakpoints[i].address != address)
			continue;
		int3_remove(gdb, &gdb->breakpoints[i]);
		gdb->nr_breakpoints--;
		memmove(&gdb->breakpoints[i], &gdb->breakpoints[i + 1],
			(gdb->nr_breakpoints - i) * sizeof(gdb->breakpoints[0]));
		return 0;
	}
	return -ENOENT;
}

static bool is_watch_len(uint64_t len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

static struct gdb_hardware *hardware_find(struct gdb *gdb, enum gdb_break_kind kind,
					  uint64_t address, unsigned len)
{
	for (unsigned i = 0; i < GDB_HARDWARE_MAX; i++) {
		struct gdb_hardware *hardware = &gdb->hardware[i];

		if (hardware->len == len &&
		    (len == 0 || (hardware->kind == kind && hardware->address == address)))
			return hardware;
	}
	return NULL;
}

static int hardware_insert(struct gdb *gdb, enum gdb_break_kind kind, uint64_t address,
			   uint64_t len)
{
	struct gdb_hardware *hardware;

	if (kind == GDB_BREAK_HARDWARE)
		len = 1;
	if (!is_watch_len(len) || !is_aligned(address, len))
		return -EINVAL;
	/* Stepping finds what was written, not what was read. */
	if (gdb->emulated && (kind == GDB_WATCH_READ || kind == GDB_WATCH_ACCESS))
		return -EOPNOTSUPP;
	if (hardware_find(gdb, kind, address, (unsigned)len))
		return 0;
	hardware = hardware_find(gdb, kind, address, 0);
	if (!hardware)
		return -ENOSPC;
	*hardware = (struct gdb_hardware){
		.kind = kind,
		.address = address,
		.len = (unsigned)len,
	};
	return 0;
}

static int hardware_remove(struct gdb *gdb, enum gdb_break_kind kind, uint64_t address,
			   uint64_t len)
{
	struct gdb_hardware *hardware;

	if (kind == GDB_BREAK_HARDWARE)
		len = 1;
	if (!is_watch_len(len))
		return -ENOENT;
	hardware = hardware_find(gdb, kind, address, (unsigned)len);
	if (!hardware)
		return -ENOENT;
	hardware->len = 0;
	return 0;
}

int gdb_break_insert(struct gdb *gdb, enum gdb_break_kind kind, uint64_t address, uint64_t len)
{
	return kind == GDB_BREAK_SOFTWARE ? software_insert(gdb, address) :
					    hardware_insert(gdb, kind, address, len);
}

int gdb_break_remove(struct gdb *gdb, enum gdb_break_kind kind, uint64_t address, uint64_t len)
{
	return kind == GDB_BREAK_SOFTWARE ? software_remove(gdb, address) :
					    hardware_remove(gdb, kind, address, len);
}

void gdb_break_remove_all(struct gdb *gdb)
{
	while (gdb->nr_breakpoints)
		int3_remove(gdb, &gdb->breakpoints[--gdb->nr_breakpoints]);
	for (unsigned i = 0; i < GDB_HARDWARE_MAX; i++)
		gdb->hardware[i].len = 0;
}

/*
 * Remembers what the watched memory has now; what cannot be read is as zero. true if each step has
 * to be looked at, because KVM does not look.
 */
static bool watches_begin(struct gdb *gdb)
{
	const bool physical = gdb->physical;
	bool any = false;

	gdb->physical = false;
	for (unsigned i = 0; i < GDB_HARDWARE_MAX; i++) {
		struct gdb_hardware *hardware = &gdb->hardware[i];

		if (!hardware->len || hardware->kind != GDB_WATCH_WRITE)
			continue;
		memset(hardware->value, 0, sizeof(hardware->value));
		gdb_memory_read(gdb, hardware->address, hardware->value, hardware->len);
		any = true;
	}
	gdb->physical = physical;
	return any && gdb->emulated;
}

static void debug_register_set(struct kvm_guest_debug *debug, unsigned n,
			       const struct gdb_hardware *hardware)
{
	/* 1 is write, 3 is access; 0 is execution. 2 for 8 bytes. x86 has no read alone. */
	uint64_t condition = hardware->kind == GDB_BREAK_HARDWARE ? 0 :
			     hardware->kind == GDB_WATCH_WRITE	  ? 1 :
								    3;
	uint64_t len = hardware->len == 8 ? 2 : hardware->len - 1;

	debug->arch.debugreg[n] = hardware->address;
	debug->arch.debugreg[7] |= DR7_GLOBAL(n) | condition << DR7_CONDITION(n) |
				   len << DR7_LEN(n);
	debug->control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
}

static unsigned step_control(struct gdb *gdb)
{
	unsigned control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	int known = ioctl(gdb->vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2);

	if (gdb->step_flags & STEP_NO_INTERRUPTS && known > 0 && known & KVM_GUESTDBG_BLOCKIRQ)
		control |= KVM_GUESTDBG_BLOCKIRQ;
	return control;
}

int gdb_break_apply(struct gdb *gdb)
{
	struct kvm_guest_debug debug = { .arch.debugreg[7] = DR7_ALWAYS };

	for (unsigned i = 0; i < GDB_HARDWARE_MAX; i++)
		if (gdb->hardware[i].len)
			debug_register_set(&debug, i, &gdb->hardware[i]);
	if (gdb->nr_breakpoints)
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	if (watches_begin(gdb) || gdb->stepping)
		debug.control |= step_control(gdb);
	if (gdb->inject_flag)
		debug.control |= KVM_GUESTDBG_ENABLE | gdb->inject_flag;
	gdb->inject_flag = 0;
	return ioctl(gdb->vm->vcpu_fd, KVM_SET_GUEST_DEBUG, &debug) ? -errno : 0;
}
