/* SPDX-License-Identifier: MIT */
/* The GDT that exception.c loads; its first two are those that the guest starts with. */
#ifndef GUESTS_LIB_SELECTORS_H
#define GUESTS_LIB_SELECTORS_H

#include "vmm/guest_abi.h"

#define SELECTOR_CODE ABI_SELECTOR_CODE
#define SELECTOR_DATA ABI_SELECTOR_DATA
#define SELECTOR_TSS 0x18 /* of two entries */
#define SELECTOR_USER_DATA 0x2b
#define SELECTOR_USER_CODE 0x33
#define SELECTOR_CODE_32 0x38 /* ring 0 */
#define SELECTOR_RING 3	      /* mask of the ring */

#endif
