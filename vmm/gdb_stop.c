/* SPDX-License-Identifier: MIT */
/*
 * The guest stops, and goes on: what of KVM's exits is gdb's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/gdb_private.h"
#include "vmm/vcpu.h"

/* DR6 (SDM 3 17.2.3): which of the four it was; a single step. */
#define DR6_BREAKPOINTS 15u
#define DR6_STEP (1u << 14)

#define VECTOR_DB 1
#define VECTOR_BP 3
#define VECTOR_UD 6

static void hold(struct gdb *gdb, bool wanted)
{
	if (wanted && !gdb->holds)
		gdb->vm->holds++;
	if (!wanted && gdb->holds)
		gdb->vm->holds--;
	gdb->holds = wanted;
}

void gdb_stop(struct gdb *gdb, unsigned signal, const char *format, ...)
{
	va_list arguments;
	int len = snprintf(gdb->stop, sizeof(gdb->stop), "T%02xthread:01;", signal);

	va_start(arguments, format);
	vsnprintf(gdb->stop + len, sizeof(gdb->stop) - (size_t)len, format, arguments);
	va_end(arguments);
	hold(gdb, true);
	gdb->stepping = false;
	if (!gdb->resumed)
		return;
	gdb->resumed = false;
	gdb->reply.len = 0;
	gdb_reply_text(&gdb->reply, gdb->stop);
	gdb_send(gdb);
}

/*
 * Where ring 0 is emulated, ring 3 runs by itself: what stops there is the guest's own #BP, or
 * nothing. Which ring will come by, nobody knows; pages that are not ring 3's are safe.
 */
static void warn_of_ring_3(struct gdb *gdb)
{
	static const char text[] =
		"vmm: this KVM reports no breakpoint in ring 3: if the guest runs into it there, "
		"it gets a #BP of its own from `break`, and nothing stops from `hbreak`\n";
	bool user = false;

	if (!gdb->emulated || gdb->warned)
		return;
	for (unsigned i = 0; i < gdb->nr_breakpoints; i++)
		user |= gdb_is_user(gdb, gdb->breakpoints[i].address);
	for (unsigned i = 0; i < GDB_HARDWARE_MAX; i++)
		user |= gdb->hardware[i].len && gdb->hardware[i].kind == GDB_BREAK_HARDWARE &&
			gdb_is_user(gdb, gdb->hardware[i].address);
	if (user)
		gdb_say(gdb, text, sizeof(text) - 1);
	gdb->warned = user;
}

int gdb_resume(struct gdb *gdb, bool step)
{
	int result;

	warn_of_ring_3(gdb);

	gdb->stepping = step;
	gdb->resumed = true;
	result = gdb->ended ? 0 : gdb_break_apply(gdb);
	hold(gdb, false);
	return result;
}

void gdb_detach(struct gdb *gdb)
{
	gdb_break_remove_all(gdb);
	gdb->stepping = false;
	gdb->resumed = false;
	gdb->physical = false;
	gdb->leave = true;
	if (!gdb->ended)
		gdb_break_apply(gdb);
	hold(gdb, false);
}

static bool is_breakpoint(const struct gdb *gdb, uint64_t linear)
{
	for (unsigned i = 0; i < gdb->nr_breakpoints; i++)
		if (gdb->breakpoints[i].address == linear)
			return true;
	return false;
}

/*
 * KVM's emulator does not know int3: the exit says so, with RIP still there, and #UD is queued for
 * the guest, who must not get it.
 */
static bool take_unknown_int3(struct gdb *gdb)
{
	struct kvm_vcpu_events events;
	uint64_t linear;

	if (gdb->vm->run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
	    !vcpu_instruction_pointer(gdb->vm, &linear) || !is_breakpoint(gdb, linear))
		return false;
	if (ioctl(gdb->vm->vcpu_fd, KVM_GET_VCPU_EVENTS, &events) == 0 &&
	    events.exception.nr == VECTOR_UD) {
		events.exception.injected = 0;
		events.exception.pending = 0;
		ioctl(gdb->vm->vcpu_fd, KVM_SET_VCPU_EVENTS, &events);
	}
	gdb_stop(gdb, GDB_SIGTRAP, "swbreak:;");
	return true;
}

/* An exception of the guest's own making goes to the guest. */
static void give_back(struct gdb *gdb, unsigned flag)
{
	gdb->inject_flag = flag;
	gdb_break_apply(gdb);
}

static void stop_by_hardware(struct gdb *gdb, const struct gdb_hardware *hardware)
{
	static const char *const names[] = {
		[GDB_WATCH_WRITE] = "watch",
		[GDB_WATCH_READ] = "rwatch",
		[GDB_WATCH_ACCESS] = "awatch",
	};

	if (hardware->kind == GDB_BREAK_HARDWARE)
		gdb_stop(gdb, GDB_SIGTRAP, "hwbreak:;");
	else
		gdb_stop(gdb, GDB_SIGTRAP, "%s:%llx;", names[hardware->kind],
			 (unsigned long long)hardware->address);
}

/* The watched memory that is not what it was, for a KVM that does not look at it. */
static const struct gdb_hardware *changed_watch(struct gdb *gdb)
{
	const bool physical = gdb->physical;
	const struct gdb_hardware *changed = NULL;
	uint8_t value[GDB_WATCH_LEN_MAX];

	gdb->physical = false;
	for (unsigned i = 0; i < GDB_HARDWARE_MAX && !changed; i++) {
		const struct gdb_hardware *hardware = &gdb->hardware[i];

		memset(value, 0, sizeof(value));
		if (hardware->len && hardware->kind == GDB_WATCH_WRITE &&
		    !gdb_memory_read(gdb, hardware->address, value, hardware->len) &&
		    memcmp(value, hardware->value, hardware->len))
			changed = hardware;
	}
	gdb->physical = physical;
	return changed;
}

static bool is_watching_by_steps(const struct gdb *gdb)
{
	for (unsigned i = 0; i < GDB_HARDWARE_MAX; i++)
		if (gdb->hardware[i].len && gdb->hardware[i].kind == GDB_WATCH_WRITE)
			return true;
	return false;
}

static void take_debug_exception(struct gdb *gdb)
{
	uint64_t dr6 = gdb->vm->run->debug.arch.dr6;
	const struct gdb_hardware *changed;

	for (unsigned i = 0; i < GDB_HARDWARE_MAX; i++) {
		if (dr6 >> i & 1 && gdb->hardware[i].len) {
			stop_by_hardware(gdb, &gdb->hardware[i]);
			return;
		}
	}
	if (!(dr6 & DR6_STEP) || (!gdb->stepping && !is_watching_by_steps(gdb))) {
		give_back(gdb, KVM_GUESTDBG_INJECT_DB);
		return;
	}
	changed = changed_watch(gdb);
	if (changed)
		stop_by_hardware(gdb, changed);
	else if (gdb->stepping)
		gdb_stop(gdb, GDB_SIGTRAP, "%s", "");
}

bool gdb_take_exit(struct vm *vm)
{
	struct gdb *gdb = vm->gdb;

	if (!gdb)
		return false;
	if (vm->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		return take_unknown_int3(gdb);
	if (vm->run->exit_reason != KVM_EXIT_DEBUG)
		return false;
	if (vm->run->debug.arch.exception == VECTOR_DB)
		take_debug_exception(gdb);
	else if (is_breakpoint(gdb, vm->run->debug.arch.pc))
		gdb_stop(gdb, GDB_SIGTRAP, "swbreak:;");
	else
		give_back(gdb, KVM_GUESTDBG_INJECT_BP);
	return true;
}

static unsigned ending_signal(const struct ending *ending)
{
	switch (ending->kind) {
	case ENDING_TRIPLE_FAULT:
	case ENDING_MEMORY_VIOLATION:
		return GDB_SIGSEGV;
	case ENDING_INTERNAL_ERROR:
		return GDB_SIGILL;
	case ENDING_HALTED:
		return GDB_SIGSTOP;
	default:
		return GDB_SIGABRT;
	}
}

static void say_how_it_ended(struct gdb *gdb)
{
	const struct ending *ending = &gdb->vm->ending;

	gdb->reply.len = 0;
	if (ending->kind == ENDING_SIGNAL)
		gdb_reply_format(&gdb->reply, "X%02x", (unsigned)ending->code & 0xff);
	else
		gdb_reply_format(&gdb->reply, "W%02x",
				 (unsigned)ending_exit_code(ending, gdb->options.qemu_exit));
	gdb_send(gdb);
}

bool gdb_ended(struct vm *vm)
{
	struct gdb *gdb = vm->gdb;
	const struct ending *ending = &vm->ending;
	char sentence[320];
	int len;

	if (!gdb || gdb->peer.fd < 0 || !gdb->resumed)
		return false;
	if (gdb->ended || (!ending_wants_report(ending) && ending->kind != ENDING_HALTED)) {
		say_how_it_ended(gdb);
		return false;
	}
	gdb->ended = true;
	len = snprintf(sentence, sizeof(sentence), "vmm: ");
	ending_sentence(ending, sentence + len, sizeof(sentence) - (size_t)len - 1);
	strcat(sentence, "\n");
	gdb_say(gdb, sentence, strlen(sentence));
	gdb_stop(gdb, ending_signal(ending), "%s", "");
	return true;
}
