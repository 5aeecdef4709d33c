/* SPDX-License-Identifier: MIT */
/*
 * Port writes that need no answer: KVM keeps them in a ring beside struct kvm_run and lets the
 * guest go on, instead of an exit for each byte that a guest prints. They are carried out, in
 * order, at the next exit, before it, or at the next tick.
 */
#ifndef VMM_COALESCED_H
#define VMM_COALESCED_H

#include "vmm/vm.h"

/*
 * Has writes to this port collected, where KVM can do that. Not for a device whose interrupt
 * answers the write: its guest may be waiting for it in HLT. 0, or what the kernel says.
 */
int coalesced_add(struct vm *vm, uint16_t port);

/* Carries out what has been collected, unless one of the writes ends the run. */
void coalesced_drain(struct vm *vm);

#endif
