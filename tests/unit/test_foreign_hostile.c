/* SPDX-License-Identifier: MIT */
/*
 * Walks of random memory keep their promises: the bounded form of `make fuzz-walk`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/foreign_model.h"
#include "tests/unit/image_builder.h"
#include "tests/unit/walk_promises.h"

#define WORDS 200

/* Words that lead somewhere more often than not, of as many different ones as chance has it. */
static size_t make_input(uint8_t *bytes, uint64_t *random)
{
	struct model_machine machine = { .maxphyaddr = 52 };
	size_t nr = 1 + xorshift(random) % WORDS;

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)xorshift(random);
	if (xorshift(random) % 4)
		bytes[4] = 0; /* roots are at the begin of a page */
	machine.mode = bytes[0] % FOREIGN_MODES;
	for (size_t i = 1; i <= nr; i++) {
		uint64_t word = model_word(&machine, random);

		memcpy(bytes + 8 * i, &word, sizeof(word));
	}
	return 8 * (nr + 1);
}

static void test_walks_of_anything_keep_their_promises(void **state)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	uint8_t bytes[8 * (WORDS + 1)];

	(void)state;
	for (unsigned round = 0; round < 80; round++) {
		size_t len = make_input(bytes, &random);

		assert_null(walk_broken_promise(bytes, len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_of_anything_keep_their_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
