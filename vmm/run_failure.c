/* SPDX-License-Identifier: MIT */
/*
 * What ended a run, when it was none of the usual: in words.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/kvm.h"
#include "vmm/run_exit.h"
#include "vmm/vcpu.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the host table says about a GPA that could not be accessed. */
static const char *violation_reason(struct vm *vm, gpa_t gpa)
{
	struct pt_mapping mapping;

	if (gpa.value == ENDING_GPA_UNKNOWN.value)
		return "which the host table does not allow";
	if (!ram_layout_contains(&vm->memory.ram, gpa, 1))
		return "where there is no memory";
	if (gpa_space_query(&vm->memory, gpa, &mapping))
		return "which the host table cannot say anything about";
	if (!mapping.present)
		return "which the host table does not map";
	return mapping.prop.bits & PROP_READ ? "which the host table maps read-only" :
					       "which the host table maps without that right";
}

void run_violation(struct vm *vm, gpa_t gpa, unsigned access, unsigned len)
{
	vm->ending.gpa = gpa;
	vm->ending.access = access;
	vm->ending.len = len;
	ending_set(&vm->ending, ENDING_MEMORY_VIOLATION, "%s", violation_reason(vm, gpa));
}

/* What is at this linear address and may not be read as code is a violation. */
static bool fetch_violation_at(struct vm *vm, uint64_t linear)
{
	gpa_t gpa;

	if (!vcpu_translate(vm, linear, &gpa) || gpa_space_pointer(&vm->memory, gpa, 1, PROP_READ))
		return false;
	run_violation(vm, gpa, PROP_EXECUTE, 0);
	return true;
}

/*
 * KVM does not say that an instruction could not be fetched. `fetched` bytes of it were, hence the
 * next byte, which may be on another page, is the one that was not.
 */
static bool fetch_violation(struct vm *vm, unsigned fetched)
{
	uint64_t linear;

	return vcpu_instruction_pointer(vm, &linear) &&
	       (fetch_violation_at(vm, linear) || fetch_violation_at(vm, linear + fetched));
}

/* The bytes of an instruction, " 0f 01 cb", as far as they fit. */
static void bytes_text(const uint8_t *bytes, unsigned count, char *text, size_t len)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count && used + 4 <= len; i++)
		used += (size_t)snprintf(text + used, len - used, " %02x", bytes[i]);
}

static void emulation_failure(struct vm *vm)
{
	const struct kvm_run *run = vm->run;
	const uint8_t *bytes = run->emulation_failure.insn_bytes;
	unsigned count = 0;
	char text[64] = " unknown";

	/* The first word is the flags, the next two are size and bytes. */
	if (run->emulation_failure.ndata >= 3 &&
	    run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES &&
	    run->emulation_failure.insn_size <= sizeof(run->emulation_failure.insn_bytes)) {
		count = run->emulation_failure.insn_size;
		bytes_text(bytes, count, text, sizeof(text));
	}
	if (fetch_violation(vm, count))
		return;
	ending_set(&vm->ending, ENDING_INTERNAL_ERROR,
		   "suberror 1: its emulator does not know an instruction; bytes there:%s", text);
}

static void internal_error(struct vm *vm)
{
	static const char *const meanings[] = {
		[KVM_INTERNAL_ERROR_SIMUL_EX] = "two exceptions at once",
		[KVM_INTERNAL_ERROR_DELIVERY_EV] = "an exit while an event was delivered",
		[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an exit that KVM does not know",
	};
	uint32_t suberror = vm->run->internal.suberror;
	const char *meaning = suberror < COUNT(meanings) ? meanings[suberror] : NULL;

	if (suberror == KVM_INTERNAL_ERROR_EMULATION)
		emulation_failure(vm);
	else
		ending_set(&vm->ending, ENDING_INTERNAL_ERROR, "suberror %" PRIu32 ": %s", suberror,
			   meaning ? meaning : "of a kind that is not known here");
}

/* VM-instruction errors (SDM 3 30.4), exit reasons (SDM 3 26.8, appendix C; APM 2 appendix C). */
static void failed_entry(struct vm *vm)
{
	static const struct {
		uint64_t reason;
		const char *meaning;
	} meanings[] = {
		{ 7, "invalid control fields" },
		{ 8, "invalid host state" },
		{ 0x80000021, "invalid guest state" },
		{ 0x80000022, "an MSR that cannot be loaded" },
		{ 0x80000029, "a machine check" },
		{ UINT32_MAX, "invalid guest state" },
		{ UINT64_MAX, "invalid guest state" },
	};
	uint64_t reason = vm->run->fail_entry.hardware_entry_failure_reason;
	const char *meaning = "of a kind that is not known here";

	for (size_t i = 0; i < COUNT(meanings); i++)
		if (meanings[i].reason == reason)
			meaning = meanings[i].meaning;
	ending_set(&vm->ending, ENDING_INTERNAL_ERROR,
		   "the CPU refuses to enter the guest, reason 0x%" PRIx64 ": %s", reason, meaning);
}

void run_failure(struct vm *vm)
{
	uint32_t reason = vm->run->exit_reason;

	switch (reason) {
	case KVM_EXIT_SHUTDOWN:
		ending_set(&vm->ending, ENDING_TRIPLE_FAULT,
			   "an exception came while a double fault was delivered");
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		internal_error(vm);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		failed_entry(vm);
		break;
	default:
		ending_set(&vm->ending, ENDING_UNHANDLED_EXIT, "KVM exit %" PRIu32 " (%s)", reason,
			   kvm_exit_name(reason));
	}
}

/*
 * Has the guest make its access again, now that the memory which it may not have is none for KVM.
 * true if that told more, and the run has ended.
 */
static bool ask_again(struct vm *vm)
{
	if (gpa_space_expose(&vm->memory) || ioctl(vm->vcpu_fd, KVM_RUN, 0) ||
	    vm->run->exit_reason != KVM_EXIT_MMIO)
		return false;
	run_exit(vm);
	return vm->ending.kind == ENDING_MEMORY_VIOLATION;
}

/* KVM reached for memory that the window does not show. Newer kernels say where, if they can. */
static void bad_address(struct vm *vm)
{
	struct kvm_memory_fault fault;

	if (vm->run->exit_reason == KVM_EXIT_MEMORY_FAULT) {
		memcpy(&fault, &vm->run->hw, sizeof(fault));
		run_violation(vm, GPA(fault.gpa), 0, 0);
	} else if (!fetch_violation(vm, 0) && !ask_again(vm)) {
		run_violation(vm, ENDING_GPA_UNKNOWN, 0, 0);
	}
}

void run_refused(struct vm *vm, int number)
{
	if (number == EFAULT)
		bad_address(vm);
	else
		ending_set(&vm->ending, ENDING_HOST_FAILURE, "KVM_RUN: %s", strerror(number));
}
