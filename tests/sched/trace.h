/* SPDX-License-Identifier: MIT */
/* What a run did, access by access, for people to read. */
#ifndef TESTS_SCHED_TRACE_H
#define TESTS_SCHED_TRACE_H

#include "tests/sched/run.h"

void trace_begin(void);

/* Only while sched.trace is set. */
void trace_add(const struct access *access);

#endif
