/* SPDX-License-Identifier: MIT */
/*
 * The runtime of the long-mode test guests: one vCPU, ring 0, interrupts off.
 *
 * start.S calls guest_start(), which sets up the console and the exceptions, calls the guest's own
 * guest_main(), and ends the run with what that returns. Be brief: each byte that is printed leaves
 * the guest once, and ring 0 may be run by an instruction emulator.
 */
#ifndef GUESTS_LIB_GUEST_H
#define GUESTS_LIB_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/types.h" /* PAGE_SIZE */
#include "vmm/guest_abi.h"

#define PAGE_SIZE_2M UINT64_C(0x200000)
#define PAGE_SIZE_1G UINT64_C(0x40000000)

/* Codes that end a guest, beside its own. */
#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1	   /* a check failed */
#define EXIT_EXCEPTION 100 /* an exception that nobody expected; it has been printed */
#define EXIT_PANIC 101	   /* the guest cannot go on; it has said why */

/* What each guest defines; the value ends the run. */
int guest_main(void);

/* The boot information, valid from guest_main() on. */
extern const struct abi_boot *guest_boot;

/* Ends the run. */
_Noreturn void guest_exit(uint32_t code);

/* The whole command line; the second word and what follows it, or "" if there is one word only. */
const char *guest_command_line(void);
const char *guest_arguments(void);

/*
 * The serial port, or the debug console where there is none, byte for byte: nothing is added, and
 * "\n" stays one byte. Reading is of the serial port only; it waits, without end if nothing comes.
 */
void console_setup(void);
void console_write(const char *bytes, unsigned len);
char console_read_byte(void);

/*
 * Formatted output: %s %c %d %u %x, with an l for 64 bits, with a width from 1 to 99, zeros before
 * it pad with zeros. %% is a percent sign; anything else is printed as it stands.
 */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

/* Prints why and ends the run with EXIT_PANIC. */
__attribute__((format(printf, 1, 2))) _Noreturn void panic(const char *format, ...);

/* Prints one line, "ok TEXT" or "FAIL TEXT", remembers a failure, and returns `condition`. */
bool check(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints SUCCESS or FAILURE, the guest's last line, and returns EXIT_SUCCESS or EXIT_FAILURE. */
int check_result(void);

/*
 * Takes `len` bytes of free RAM aligned to `alignment` (a power of two) and returns their GPA; 0 if
 * no run of free RAM above what was taken before is large enough. There is no way to give back.
 */
uint64_t memory_take(uint64_t len, uint64_t alignment);

/* Where RAM at `gpa` is in the direct map. */
static inline volatile uint8_t *memory_at(uint64_t gpa)
{
	return (volatile uint8_t *)(uintptr_t)(guest_boot->direct_map +
					       gpa); /* a GVA by contract */
}

#endif
