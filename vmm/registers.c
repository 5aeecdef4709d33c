/* SPDX-License-Identifier: MIT */
/*
 * Registers as a structure and as JSON: see registers.h.
 */
#include "vmm/registers.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSR_KERNEL_GS_BASE 0xc0000102 /* SDM 4, table 2-2 */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define WORD(name, member)                                    \
	{                                                     \
		name, offsetof(struct vcpu_registers, member) \
	}

/* Of 64 bits each. */
static const struct {
	const char *name;
	size_t offset;
} words[] = {
	WORD("rax", general.rax),
	WORD("rbx", general.rbx),
	WORD("rcx", general.rcx),
	WORD("rdx", general.rdx),
	WORD("rsi", general.rsi),
	WORD("rdi", general.rdi),
	WORD("rbp", general.rbp),
	WORD("rsp", general.rsp),
	WORD("r8", general.r8),
	WORD("r9", general.r9),
	WORD("r10", general.r10),
	WORD("r11", general.r11),
	WORD("r12", general.r12),
	WORD("r13", general.r13),
	WORD("r14", general.r14),
	WORD("r15", general.r15),
	WORD("rip", general.rip),
	WORD("rflags", general.rflags),
	WORD("cr0", special.cr0),
	WORD("cr2", special.cr2),
	WORD("cr3", special.cr3),
	WORD("cr4", special.cr4),
	WORD("cr8", special.cr8),
	WORD("efer", special.efer),
	WORD("kernel_gs_base", kernel_gs_base),
};

static const struct {
	const char *name;
	size_t offset;
} segments[] = {
	WORD("cs", special.cs), WORD("ss", special.ss),	  WORD("ds", special.ds),
	WORD("es", special.es), WORD("fs", special.fs),	  WORD("gs", special.gs),
	WORD("tr", special.tr), WORD("ldt", special.ldt),
};

static const struct {
	const char *name;
	size_t offset;
} tables[] = {
	WORD("gdt", special.gdt),
	WORD("idt", special.idt),
};

static uint64_t kernel_gs_base(int vcpu_fd)
{
	union {
		struct kvm_msrs list;
		char bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} request = { .list.nmsrs = 1 };

	request.list.entries[0].index = MSR_KERNEL_GS_BASE;
	return ioctl(vcpu_fd, KVM_GET_MSRS, &request) == 1 ? request.list.entries[0].data : 0;
}

int registers_get(int vcpu_fd, struct vcpu_registers *registers)
{
	if (ioctl(vcpu_fd, KVM_GET_REGS, &registers->general) ||
	    ioctl(vcpu_fd, KVM_GET_SREGS, &registers->special))
		return -errno;
	registers->kernel_gs_base = kernel_gs_base(vcpu_fd);
	return 0;
}

uint32_t registers_segment_flags(const struct kvm_segment *segment)
{
	return (uint32_t)(segment->type & 15) << 8 | (uint32_t)(segment->s & 1) << 12 |
	       (uint32_t)(segment->dpl & 3) << 13 | (uint32_t)(segment->present & 1) << 15 |
	       (uint32_t)(segment->avl & 1) << 20 | (uint32_t)(segment->l & 1) << 21 |
	       (uint32_t)(segment->db & 1) << 22 | (uint32_t)(segment->g & 1) << 23;
}

static void segment_flags_set(struct kvm_segment *segment, uint32_t flags)
{
	segment->type = flags >> 8 & 15;
	segment->s = flags >> 12 & 1;
	segment->dpl = flags >> 13 & 3;
	segment->present = flags >> 15 & 1;
	segment->avl = flags >> 20 & 1;
	segment->l = flags >> 21 & 1;
	segment->db = flags >> 22 & 1;
	segment->g = flags >> 23 & 1;
}

json_t *registers_number(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

bool registers_number_read(const json_t *json, uint64_t *value)
{
	const char *text = json_string_value(json);
	char *end;

	if (json_is_integer(json) && json_integer_value(json) >= 0) {
		*value = (uint64_t)json_integer_value(json);
		return true;
	}
	if (!text || text[0] != '0' || text[1] != 'x' || !isxdigit((unsigned char)text[2]))
		return false;
	errno = 0;
	*value = strtoull(text + 2, &end, 16);
	return *end == '\0' && errno == 0;
}

static json_t *segment_json(const struct kvm_segment *segment)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "selector", registers_number(segment->selector),
			 "base", registers_number(segment->base), "limit",
			 registers_number(segment->limit), "flags",
			 registers_number(registers_segment_flags(segment)));
}

static json_t *table_json(const struct kvm_dtable *table)
{
	return json_pack("{s:o, s:o}", "base", registers_number(table->base), "limit",
			 registers_number(table->limit));
}

json_t *registers_to_json(const struct vcpu_registers *registers)
{
	const char *base = (const char *)registers;
	json_t *object = json_object();
	int failed = 0;
	uint64_t value;

	for (size_t i = 0; i < COUNT(words); i++) {
		memcpy(&value, base + words[i].offset, sizeof(value));
		failed |= json_object_set_new(object, words[i].name, registers_number(value));
	}
	for (size_t i = 0; i < COUNT(segments); i++)
		failed |= json_object_set_new(
			object, segments[i].name,
			segment_json((const struct kvm_segment *)(base + segments[i].offset)));
	for (size_t i = 0; i < COUNT(tables); i++)
		failed |= json_object_set_new(
			object, tables[i].name,
			table_json((const struct kvm_dtable *)(base + tables[i].offset)));
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

static bool member_read(const json_t *object, const char *name, uint64_t max, uint64_t *value)
{
	return registers_number_read(json_object_get(object, name), value) && *value <= max;
}

static bool segment_read(const json_t *object, struct kvm_segment *segment)
{
	uint64_t selector, base, limit, flags;

	if (!member_read(object, "selector", UINT16_MAX, &selector) ||
	    !member_read(object, "base", UINT64_MAX, &base) ||
	    !member_read(object, "limit", UINT32_MAX, &limit) ||
	    !member_read(object, "flags", UINT32_MAX, &flags))
		return false;
	segment->selector = (uint16_t)selector;
	segment->base = base;
	segment->limit = (uint32_t)limit;
	segment_flags_set(segment, (uint32_t)flags);
	return true;
}

static bool table_read(const json_t *object, struct kvm_dtable *table)
{
	uint64_t base, limit;

	if (!member_read(object, "base", UINT64_MAX, &base) ||
	    !member_read(object, "limit", UINT16_MAX, &limit))
		return false;
	table->base = base;
	table->limit = (uint16_t)limit;
	return true;
}

int registers_from_json(const json_t *object, struct vcpu_registers *registers)
{
	char *base = (char *)registers;
	bool good = true;
	uint64_t value;

	*registers = (struct vcpu_registers){ .kernel_gs_base = 0 };
	for (size_t i = 0; i < COUNT(words) && good; i++) {
		good = member_read(object, words[i].name, UINT64_MAX, &value);
		if (good)
			memcpy(base + words[i].offset, &value, sizeof(value));
	}
	for (size_t i = 0; i < COUNT(segments) && good; i++)
		good = segment_read(json_object_get(object, segments[i].name),
				    (struct kvm_segment *)(base + segments[i].offset));
	for (size_t i = 0; i < COUNT(tables) && good; i++)
		good = table_read(json_object_get(object, tables[i].name),
				  (struct kvm_dtable *)(base + tables[i].offset));
	return good ? 0 : -EINVAL;
}
