/* SPDX-License-Identifier: MIT */
/*
 * The parts of the gdb server: only vmm/gdb*.c includes it.
 */
#ifndef VMM_GDB_PRIVATE_H
#define VMM_GDB_PRIVATE_H

#include "vmm/control_place.h"
#include "vmm/gdb.h"
#include "vmm/gdb_packet.h"
#include "vmm/gdb_registers.h"
#include "vmm/peer.h"

#define GDB_BREAKPOINTS_MAX 256
#define GDB_HARDWARE_MAX 4 /* DR0 to DR3 (SDM 3 17.2.1) */
#define GDB_WATCH_LEN_MAX 8

/* What the protocol calls signals. */
#define GDB_SIGINT 2
#define GDB_SIGILL 4
#define GDB_SIGTRAP 5
#define GDB_SIGABRT 6
#define GDB_SIGSEGV 11
#define GDB_SIGSTOP 17

/* The numbers of the packets Z0 to Z4. */
enum gdb_break_kind {
	GDB_BREAK_SOFTWARE,
	GDB_BREAK_HARDWARE,
	GDB_WATCH_WRITE,
	GDB_WATCH_READ,
	GDB_WATCH_ACCESS,
};

/* An int3 in guest memory, at a linear address. */
struct gdb_breakpoint {
	uint64_t address;
	gpa_t gpa;
	paddr_t frame; /* of the byte: an offset in the pool */
	uint8_t original;
};

/* A debug register; or, where KVM does not obey those, what stepping compares. */
struct gdb_hardware {
	enum gdb_break_kind kind;
	uint64_t address;
	unsigned len; /* 0: free */
	uint8_t value[GDB_WATCH_LEN_MAX];
};

struct gdb {
	struct vm *vm;
	struct gdb_options options;
	int fd;			     /* listens */
	char path[CONTROL_PATH_LEN]; /* "" for TCP */
	struct peer peer;
	struct gdb_reader reader;
	struct gdb_reply reply;
	char in[4096]; /* came, and not read yet: [in_done, in_len) */
	size_t in_len, in_done;
	char *out; /* packets that wait until the peer has taken those before */
	size_t out_len;
	char *sent; /* the last packet, for '-' */
	size_t sent_len;

	bool holds;    /* the guest is stopped for gdb */
	bool resumed;  /* gdb waits for it to stop */
	bool stepping; /* until after one instruction */
	bool ended;    /* the run has: gdb may look */
	bool leave;    /* gdb wants no more of this connection */
	bool no_ack;
	bool physical; /* memory packets have GPAs */
	bool emulated; /* KVM runs ring 0 in an emulator, which takes no notice of watchpoints */
	bool warned;   /* that this KVM reports nothing of ring 3 */
	unsigned inject_flag; /* the next run begins with the guest's own #BP or #DB; or 0 */
	unsigned step_flags;  /* QEMU's, of Qqemu.sstep */
	char stop[96];	      /* the last stop reply */

	struct gdb_breakpoint breakpoints[GDB_BREAKPOINTS_MAX];
	unsigned nr_breakpoints;
	struct gdb_hardware hardware[GDB_HARDWARE_MAX];
};

/* gdb_memory.c: guest memory as gdb addresses it, whatever its rights. -EFAULT. */
int gdb_memory_read(struct gdb *gdb, uint64_t address, void *to, uint64_t len);
int gdb_memory_write(struct gdb *gdb, uint64_t address, const void *from, uint64_t len);
/* GPA of a virtual address of the vCPU, whatever mode `physical` says. */
bool gdb_translate(struct gdb *gdb, uint64_t address, gpa_t *gpa);
/* May ring 3 use that address? */
bool gdb_is_user(struct gdb *gdb, uint64_t address);
/* The frame that holds the byte at gpa; false: there is none. */
bool gdb_frame_at(struct gdb *gdb, gpa_t gpa, paddr_t *frame);

/* gdb_break.c. -EEXIST is no error: there already. -ENOSPC, -EFAULT, -EOPNOTSUPP, -ENOENT. */
int gdb_break_insert(struct gdb *gdb, enum gdb_break_kind kind, uint64_t address, uint64_t len);
int gdb_break_remove(struct gdb *gdb, enum gdb_break_kind kind, uint64_t address, uint64_t len);
void gdb_break_remove_all(struct gdb *gdb);
/* Tells KVM what of all that it shall report from now on. */
int gdb_break_apply(struct gdb *gdb);

/* gdb_stop.c: stops the guest and says so with a packet; lets it run on; away from it. */
__attribute__((format(printf, 3, 4))) void gdb_stop(struct gdb *gdb, unsigned signal,
						    const char *format, ...);
int gdb_resume(struct gdb *gdb, bool step);
void gdb_detach(struct gdb *gdb);

/* gdb_commands.c: one packet of gdb's; gdb->reply is made and sent. */
void gdb_packet(struct gdb *gdb);
/* gdb_query.c: those that begin with q, Q or v. false: it is none that is known. */
bool gdb_query(struct gdb *gdb, const char *data);

/* gdb_tables.c: page tables of the guest, as vmm pt and as QEMU's monitor show them. */
void gdb_info_mem(struct gdb *gdb, const char *rest, FILE *stream);
void gdb_info_tlb(struct gdb *gdb, const char *rest, FILE *stream);
void gdb_pt(struct gdb *gdb, const char *rest, FILE *stream);

/* gdb_monitor.c: carries a monitor command out, and prints what it says. */
void gdb_monitor(struct gdb *gdb, const char *command, FILE *stream);

/* gdb.c: sends gdb->reply, or text for gdb's console. */
void gdb_send(struct gdb *gdb);
void gdb_say(struct gdb *gdb, const char *text, size_t len);

#endif
