/* SPDX-License-Identifier: MIT */
/*
 * Numbers and sizes as users write them.
 */
#ifndef VMM_NUMBER_H
#define VMM_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A number without sign or space, decimal or with 0x; *end is what follows it. */
bool number_read(const char *text, const char **end, uint64_t *value);

/* The same, and nothing follows it. */
bool number_read_whole(const char *text, uint64_t *value);

/* A number with an optional K, M, G or T behind it, and nothing else. */
bool size_read(const char *text, uint64_t *size);

#endif
