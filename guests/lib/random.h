/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed on the command line repeats. */
#ifndef GUESTS_LIB_RANDOM_H
#define GUESTS_LIB_RANDOM_H

#include <stdint.h>

/* Begins the sequence of this decimal number; "" is 0. */
void random_seed(const char *digits);

uint64_t random_next(void);

/* 0 to end - 1. */
uint64_t random_below(uint64_t end);

#endif
