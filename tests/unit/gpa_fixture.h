/* SPDX-License-Identifier: MIT */
/*
 * A pool and a GPA space on it, for tests. What goes wrong here fails the running test.
 */
#ifndef TESTS_GPA_FIXTURE_H
#define TESTS_GPA_FIXTURE_H

#include "ept/gpa_space.h"

#define KIB(n) (UINT64_C(n) << 10)
#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)

#define RX (PROP_READ | PROP_EXECUTE)
#define RW (PROP_READ | PROP_WRITE)
#define RWX PROP_RIGHTS

struct gpa_fixture {
	struct host_pool pool;
	struct gpa_space space;
	struct frame *held; /* by the test, in ascending order */
	uint64_t nr_held;
};

/* An empty space for `ram_len` bytes of RAM, on a pool of `pool_len` bytes (0: as it should be). */
void gpa_fixture_open(struct gpa_fixture *fixture, uint64_t ram_len, uint64_t pool_len);

/* The audit holds; after the space has gone every frame of the pool is free. */
void gpa_fixture_close(struct gpa_fixture *fixture);

/* For cmocka: *state is an empty space with 16 MiB of RAM. */
#define FIXTURE_RAM MIB(16)

int gpa_fixture_setup(void **state);
int gpa_fixture_teardown(void **state);

#define GPA_TEST(name) \
	cmocka_unit_test_setup_teardown(name, gpa_fixture_setup, gpa_fixture_teardown)

/* The engine's audit of the pool finds nothing, while the test holds no frame itself. */
void gpa_fixture_audit(const struct gpa_fixture *fixture);

uint64_t gpa_fixture_free(const struct gpa_fixture *fixture);

/* Leaves of the host table, by level. */
void assert_leaves(const struct gpa_fixture *fixture, uint64_t of_1g, uint64_t of_2m,
		   uint64_t of_4k);

/* Every page of RAM is as accessible in the window as the host table says, and the hole is not. */
void assert_window_follows_table(struct gpa_fixture *fixture);

/* The byte at gpa, by way of the window; it is asserted to be readable. */
uint8_t byte_at(struct gpa_fixture *fixture, uint64_t gpa);

/* Bytes that the pool's file takes up in the host's memory. */
uint64_t gpa_fixture_populated(const struct gpa_fixture *fixture);

/* Takes all free frames out of the pool, so that it has none. */
void gpa_fixture_drain(struct gpa_fixture *fixture);

/* Gives the pool `nr_frames` of them back, of which no two are neighbours. */
void gpa_fixture_give(struct gpa_fixture *fixture, uint64_t nr_frames);

/* Gives back what is left. */
void gpa_fixture_give_all(struct gpa_fixture *fixture);

#endif
