/* SPDX-License-Identifier: MIT */
/* A flat binary in long mode: looks for the boot information and uses the stack. */
#include "vmm/guest_abi.h"

	.section .text.start, "ax"
	.globl	_start
_start:
	cmpl	$ABI_BOOT_MAGIC, (%rdi)
	jne	failure
	push	%rdi
	pop	%rax
	cmp	%rdi, %rax
	jne	failure
	lea	hello(%rip), %rsi
	mov	$hello_end - hello, %ecx
	mov	$ABI_PORT_DEBUG_CONSOLE, %edx
	rep	outsb
	xor	%eax, %eax
	jmp	end
failure:
	mov	$1, %eax
end:
	mov	$ABI_PORT_EXIT, %edx
	out	%eax, %dx
1:	hlt
	jmp	1b

hello:	.ascii	"Hello from a flat binary in long mode.\nSUCCESS\n"
hello_end:

	.section .note.GNU-stack, "", @progbits
