/* SPDX-License-Identifier: MIT */
/*
 * Entry of the long-mode guests. RDI is the boot information, RSP the top of the stack (aligned to
 * 16 bytes, as a call needs it), everything else zero.
 */
	.section .text.start, "ax"
	.globl	_start
_start:
	call	guest_start /* does not return */
	ud2

	.section .note.GNU-stack, "", @progbits
