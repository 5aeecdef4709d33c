/* SPDX-License-Identifier: MIT */
/*
 * Saying why something was not done.
 */
#ifndef VMM_REFUSE_H
#define VMM_REFUSE_H

#include "vmm/image.h"

/*
 * Writes a printf-style sentence without full stop, cut to fit, and returns `result`, so that a
 * check ends in `return refuse(...)`.
 */
__attribute__((format(printf, 3, 4))) int refuse(struct image_error *error, int result,
						 const char *format, ...);

#endif
