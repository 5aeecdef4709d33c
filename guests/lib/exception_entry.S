/* SPDX-License-Identifier: MIT */
/*
 * Entries of the 32 exceptions, and the probes' accesses (exception.c, exception.h).
 */
#define STUB_LEN 16
#define NR_EXCEPTIONS 32
/* The CPU pushes an error code for 8, 10 to 14, 17, 21, 29, 30. SDM 3 6.15, APM 2 8.2 */
#define HAS_ERROR_CODE 0x60227d00

	.text
	.globl	exception_stubs
	.balign	STUB_LEN
exception_stubs:
	.set	vector, 0
	.rept	NR_EXCEPTIONS
	.balign	STUB_LEN
	.if	!((HAS_ERROR_CODE >> vector) & 1)
	push	$0
	.endif
	push	$vector
	jmp	exception_common
	.set	vector, vector + 1
	.endr

/* The layout from RSP on is struct exception_frame. The CPU has aligned the stack. */
exception_common:
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	mov	%rsp, %rdi
	call	exception_handle
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%r8
	pop	%r9
	pop	%r10
	pop	%r11
	add	$16, %rsp /* vector and error code */
	iretq

/*
 * When one of these faults, RSP points to the return address: exception.c recovers by returning
 * from it in its stead.
 */
	.globl	probe_access_read, probe_access_write, probe_access_execute
probe_access_read:
	movzbl	(%rdi), %eax
	ret
probe_access_write:
	movb	%sil, (%rdi)
	ret
probe_access_execute:
	jmp	*%rdi

	.section .note.GNU-stack, "", @progbits
