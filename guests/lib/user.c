/* SPDX-License-Identifier: MIT */
/* Stretches of user code, and how they end. */
#include "guests/lib/user.h"

#include "guests/lib/exception.h"
#include "guests/lib/guest.h"
#include "guests/lib/page.h"
#include "guests/lib/selectors.h"

extern const uint8_t user_code_read[], user_code_write[], user_code_execute[], user_code_end[];
extern const uint8_t user_leave[];
uint8_t user_enter(uint64_t rdi, uint64_t rsi, uint64_t rip);

uint64_t user_kernel_rsp; /* user_entry.S */

static uint64_t user_code_gva;
static struct user_end user_end;

void user_setup(uint64_t gva)
{
	uint64_t gpa = memory_take(PAGE_SIZE, PAGE_SIZE);

	for (const uint8_t *code = user_code_read; code < user_code_end; code++)
		memory_at(gpa)[code - user_code_read] = *code;
	if (!gpa || page_map(gva, gpa, PAGE_SIZE, PAGE_READ_EXECUTE | ABI_RIGHT_USER, 1))
		panic("no page for user code at %lx", gva);
	user_code_gva = gva;
}

void user_exception(struct exception_frame *frame, uint64_t address)
{
	user_end = (struct user_end){
		.vector = (unsigned)frame->vector,
		.error_code = frame->error_code,
		.address = address,
	};
	frame->rip = (uintptr_t)user_leave;
	frame->cs = SELECTOR_CODE;
	frame->rsp = user_kernel_rsp;
	frame->ss = SELECTOR_DATA;
}

static struct user_end user_run(const uint8_t *code, uint64_t rdi, uint64_t rsi)
{
	uint8_t al = user_enter(rdi, rsi, user_code_gva + (uint64_t)(code - user_code_read));

	user_end.value = al;
	return user_end;
}

struct user_end user_read(uint64_t address)
{
	return user_run(user_code_read, address, 0);
}

struct user_end user_write(uint64_t address, uint8_t value)
{
	return user_run(user_code_write, address, value);
}

struct user_end user_execute(uint64_t address)
{
	return user_run(user_code_execute, address, 0);
}

bool user_has_read(struct user_end end, uint8_t value)
{
	return end.vector == EXCEPTION_INVALID_OPCODE && end.value == value;
}

bool user_is_page_fault(struct user_end end, uint64_t address, uint64_t error_code)
{
	return end.vector == EXCEPTION_PAGE_FAULT && end.address == address &&
	       end.error_code == error_code;
}
