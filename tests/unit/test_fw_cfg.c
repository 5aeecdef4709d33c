/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg: what each key says, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>

#include <cmocka.h>

#include "vmm/fw_cfg.h"

#define RAM_LEN UINT64_C(0x123456000)

struct fixture {
	struct port_bus bus;
	struct fw_cfg config;
};

static void setup(struct fixture *fixture)
{
	*fixture = (struct fixture){ .bus = { .nr_devices = 0 } };
	assert_int_equal(fw_cfg_attach(&fixture->config, &fixture->bus, RAM_LEN), 0);
}

static uint64_t read_key(struct fixture *fixture, uint16_t key, unsigned len)
{
	struct ending ending = { .kind = ENDING_NONE };
	uint64_t value = 0;

	assert_int_equal(bus_write(&fixture->bus, FW_CFG_PORT_SELECT, 2, key, &ending), 0);
	for (unsigned i = 0; i < len; i++) {
		uint32_t byte;

		assert_int_equal(bus_read(&fixture->bus, FW_CFG_PORT_DATA, 1, &byte), 0);
		assert_true(byte <= 0xff);
		value |= (uint64_t)byte << 8 * i;
	}
	return value;
}

static void test_keys_say_what_the_machine_is(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture);
	assert_int_equal(read_key(&fixture, 0, 4), 0x554d4551);
	assert_int_equal(read_key(&fixture, 1, 4), 1);
	assert_int_equal(read_key(&fixture, 3, 8), RAM_LEN);
	assert_int_equal(read_key(&fixture, 5, 2), 1);
	assert_int_equal(read_key(&fixture, 15, 2), 1);
}

static void test_unknown_keys_and_what_is_behind_the_end_read_as_zeros(void **state)
{
	struct fixture fixture;
	uint32_t byte;

	(void)state;
	setup(&fixture);
	assert_int_equal(read_key(&fixture, 0x11, 8), 0);
	read_key(&fixture, 3, 8);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(bus_read(&fixture.bus, FW_CFG_PORT_DATA, 1, &byte), 0);
		assert_int_equal(byte, 0);
	}
}

static void test_selecting_again_begins_again(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture);
	assert_int_equal(read_key(&fixture, 0, 2), 0x4551);
	assert_int_equal(read_key(&fixture, 0, 4), 0x554d4551);
}

static void test_other_widths_and_directions_find_nothing(void **state)
{
	struct ending ending = { .kind = ENDING_NONE };
	struct fixture fixture;
	uint32_t value;

	(void)state;
	setup(&fixture);
	assert_int_equal(bus_read(&fixture.bus, FW_CFG_PORT_SELECT, 2, &value), -ENODEV);
	assert_int_equal(bus_write(&fixture.bus, FW_CFG_PORT_SELECT, 1, 3, &ending), -ENODEV);
	assert_int_equal(bus_write(&fixture.bus, FW_CFG_PORT_DATA, 1, 3, &ending), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_say_what_the_machine_is),
		cmocka_unit_test(test_unknown_keys_and_what_is_behind_the_end_read_as_zeros),
		cmocka_unit_test(test_selecting_again_begins_again),
		cmocka_unit_test(test_other_widths_and_directions_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
