/* SPDX-License-Identifier: MIT */
/*
 * The exit code and the sentence of each ending.
 */
#include "vmm/ending.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "mm/format.h"

#define GUEST_CODE_MAX 119

struct ending_form {
	int exit_code;
	const char *title;
	bool wants_report;
};

/* The guest's own codes and signals have a code for each value: see ending_exit_code(). */
static const struct ending_form forms[] = {
	[ENDING_NONE] = { EXIT_HOST_FAILURE, "the guest is still running", false },
	[ENDING_TRIPLE_FAULT] = { 120, "triple fault", true },
	[ENDING_INTERNAL_ERROR] = { 121, "KVM cannot go on", true },
	[ENDING_MEMORY_VIOLATION] = { 122, "memory violation", true },
	[ENDING_UNHANDLED_EXIT] = { 123, "unhandled exit", true },
	[ENDING_TIMEOUT] = { 124, "timeout", false },
	[ENDING_HOST_FAILURE] = { EXIT_HOST_FAILURE, "host failure", false },
	[ENDING_HALTED] = { 126, "halted for ever", false },
	[ENDING_SIGNAL] = { 128, "ended by signal", false },
};

static int guest_exit_code(uint64_t code, bool qemu_exit)
{
	if (qemu_exit)
		return (int)((code << 1 | 1) & 0xff);
	return code <= GUEST_CODE_MAX ? (int)code : GUEST_CODE_MAX;
}

int ending_exit_code(const struct ending *ending, bool qemu_exit)
{
	switch (ending->kind) {
	case ENDING_GUEST_EXIT:
		return guest_exit_code(ending->code, qemu_exit);
	case ENDING_SIGNAL:
		return forms[ENDING_SIGNAL].exit_code + (int)(ending->code & 0x7f);
	default:
		return forms[ending->kind].exit_code;
	}
}

static const char *access_name(unsigned access)
{
	switch (access) {
	case PROP_READ:
		return "read";
	case PROP_WRITE:
		return "write";
	case PROP_EXECUTE:
		return "fetch";
	default:
		return "access";
	}
}

/* "write of 4 bytes at GPA 0x800000", as far as it is known. */
static void violation_text(const struct ending *ending, char *text, size_t len)
{
	char bytes[32] = "";
	char place[40] = "a GPA that the kernel does not tell";

	if (ending->len)
		snprintf(bytes, sizeof(bytes), " of %u byte%s", ending->len,
			 ending->len == 1 ? "" : "s");
	if (ending->gpa.value != ENDING_GPA_UNKNOWN.value)
		snprintf(place, sizeof(place), "GPA 0x%" PRIx64, ending->gpa.value);
	snprintf(text, len, "%s%s at %s", access_name(ending->access), bytes, place);
}

static void violation_sentence(const struct ending *ending, char *text, size_t len)
{
	char what[96];

	violation_text(ending, what, sizeof(what));
	snprintf(text, len, "%s: %s%s%s", forms[ENDING_MEMORY_VIOLATION].title, what,
		 ending->detail[0] ? ", " : "", ending->detail);
}

void ending_sentence(const struct ending *ending, char *text, size_t len)
{
	const char *title = forms[ending->kind].title;

	text[0] = '\0';
	switch (ending->kind) {
	case ENDING_GUEST_EXIT:
		if (ending->code)
			snprintf(text, len, "guest exited with code %" PRIu64, ending->code);
		break;
	case ENDING_MEMORY_VIOLATION:
		violation_sentence(ending, text, len);
		break;
	default:
		snprintf(text, len, "%s%s%s", title, ending->detail[0] ? ": " : "", ending->detail);
	}
}

bool ending_wants_report(const struct ending *ending)
{
	return forms[ending->kind].wants_report;
}

void ending_set(struct ending *ending, enum ending_kind kind, const char *format, ...)
{
	va_list arguments;

	ending->kind = kind;
	va_start(arguments, format);
	vsnprintf(ending->detail, sizeof(ending->detail), format, arguments);
	va_end(arguments);
}
