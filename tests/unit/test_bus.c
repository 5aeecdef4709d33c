/* SPDX-License-Identifier: MIT */
/*
 * The port bus, and the two devices that are no more than a port: exit and debug console.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/bus.h"
#include "vmm/devices.h"
#include "vmm/guest_abi.h"

/* A device that remembers the last access. */
struct probe {
	uint16_t port;
	unsigned size;
	uint32_t value;
};

static int probe_read(void *context, uint16_t port, unsigned size, uint32_t *value)
{
	struct probe *probe = context;

	probe->port = port;
	probe->size = size;
	*value = 0x12345678;
	return 0;
}

static int probe_write(void *context, uint16_t port, unsigned size, uint32_t value,
		       struct ending *ending)
{
	struct probe *probe = context;

	(void)ending;
	*probe = (struct probe){ port, size, value };
	return 0;
}

static struct port_device device(struct probe *probe, uint16_t first, uint16_t count)
{
	return (struct port_device){ "probe", first, count, probe_read, probe_write, probe };
}

static void bus_expect(struct port_bus *bus, struct probe *probe, uint16_t first, uint16_t count,
		       int result)
{
	struct port_device added = device(probe, first, count);
	unsigned before = bus->nr_devices;

	assert_int_equal(bus_add(bus, &added), result);
	assert_int_equal(bus->nr_devices, before + (result == 0));
}

static void test_access_reaches_the_device_of_its_port(void **state)
{
	struct port_bus bus = { 0 };
	struct ending ending = { 0 };
	struct probe a = { 0 };
	struct probe b = { 0 };
	uint32_t value;

	(void)state;
	bus_expect(&bus, &a, 0x10, 4, 0);
	bus_expect(&bus, &b, 0x14, 4, 0);
	assert_int_equal(bus_write(&bus, 0x14, 4, 0xcafe, &ending), 0);
	assert_int_equal(b.port, 0x14);
	assert_int_equal(b.value, 0xcafe);
	assert_int_equal(a.size, 0);
	assert_int_equal(bus_read(&bus, 0x13, 1, &value), 0);
	assert_int_equal(a.port, 0x13);
	assert_int_equal(ending.kind, ENDING_NONE);
}

static void test_values_are_cut_to_the_size_of_the_access(void **state)
{
	static const struct {
		unsigned size;
		uint32_t read;
		uint32_t written;
	} rows[] = {
		{ 1, 0x78, 0xdd },
		{ 2, 0x5678, 0xccdd },
		{ 4, 0x12345678, 0xaabbccdd },
	};
	struct port_bus bus = { 0 };
	struct ending ending = { 0 };
	struct probe probe = { 0 };
	uint32_t value;

	(void)state;
	bus_expect(&bus, &probe, 0, 4, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(bus_read(&bus, 0, rows[i].size, &value), 0);
		assert_int_equal(value, rows[i].read);
		assert_int_equal(bus_write(&bus, 0, rows[i].size, 0xaabbccdd, &ending), 0);
		assert_int_equal(probe.value, rows[i].written);
		assert_int_equal(probe.size, rows[i].size);
	}
}

static void test_access_that_is_not_wholly_within_a_device_finds_nothing(void **state)
{
	struct port_bus bus = { 0 };
	struct ending ending = { 0 };
	struct probe probe = { 0 };
	uint32_t value = 99;

	(void)state;
	bus_expect(&bus, &probe, 0x10, 4, 0);
	assert_int_equal(bus_read(&bus, 0xf, 1, &value), -ENODEV);
	assert_int_equal(bus_read(&bus, 0xf, 2, &value), -ENODEV);
	assert_int_equal(bus_read(&bus, 0x12, 4, &value), -ENODEV);
	assert_int_equal(bus_write(&bus, 0x13, 2, 1, &ending), -ENODEV);
	assert_int_equal(bus_write(&bus, 0x14, 1, 1, &ending), -ENODEV);
	assert_int_equal(bus_write(&bus, 0xffff, 4, 1, &ending), -ENODEV);
	assert_int_equal(value, 99);
	assert_int_equal(probe.size, 0);
}

static void test_device_that_only_reads_or_writes_is_half_there(void **state)
{
	struct port_device mute = { "mute", 1, 1, NULL, NULL, NULL };
	struct port_bus bus = { 0 };
	struct ending ending = { 0 };
	uint32_t value;

	(void)state;
	assert_int_equal(bus_add(&bus, &mute), 0);
	assert_int_equal(bus_read(&bus, 1, 1, &value), -ENODEV);
	assert_int_equal(bus_write(&bus, 1, 1, 0, &ending), -ENODEV);
	assert_true(bus_has(&bus, 1));
	assert_false(bus_has(&bus, 2));
}

static void test_port_that_is_taken_is_refused(void **state)
{
	struct port_bus bus = { 0 };
	struct probe probe;

	(void)state;
	bus_expect(&bus, &probe, 0x10, 4, 0);
	bus_expect(&bus, &probe, 0x10, 4, -EEXIST);
	bus_expect(&bus, &probe, 0xd, 4, -EEXIST);
	bus_expect(&bus, &probe, 0x13, 1, -EEXIST);
	bus_expect(&bus, &probe, 0, 0x100, -EEXIST);
	bus_expect(&bus, &probe, 0xf, 1, 0);
	bus_expect(&bus, &probe, 0x14, 1, 0);
}

static void test_range_beyond_the_last_port_is_refused(void **state)
{
	struct port_bus bus = { 0 };
	struct probe probe;

	(void)state;
	bus_expect(&bus, &probe, 0xffff, 2, -EINVAL);
	bus_expect(&bus, &probe, 0x10, 0, -EINVAL);
	bus_expect(&bus, &probe, 0xffff, 1, 0);
	assert_true(bus_has(&bus, 0xffff));
}

static void test_bus_that_is_full_is_refused(void **state)
{
	struct port_bus bus = { 0 };
	struct probe probe;

	(void)state;
	for (uint16_t i = 0; i < BUS_DEVICES_MAX; i++)
		bus_expect(&bus, &probe, i, 1, 0);
	bus_expect(&bus, &probe, BUS_DEVICES_MAX, 1, -ENOSPC);
}

static void test_exit_device_ends_the_run_with_the_code_of_any_width(void **state)
{
	static const struct {
		unsigned size;
		uint64_t code;
	} rows[] = { { 1, 0x78 }, { 2, 0x5678 }, { 4, 0x12345678 } };
	struct port_bus bus = { 0 };

	(void)state;
	assert_int_equal(exit_device_attach(&bus), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct ending ending = { 0 };

		assert_int_equal(bus_write(&bus, ABI_PORT_EXIT, rows[i].size, 0x12345678, &ending),
				 0);
		assert_int_equal(ending.kind, ENDING_GUEST_EXIT);
		assert_int_equal(ending.code, rows[i].code);
	}
}

static void test_exit_device_has_nothing_but_its_port(void **state)
{
	struct port_bus bus = { 0 };
	struct ending ending = { 0 };
	uint32_t value;

	(void)state;
	assert_int_equal(exit_device_attach(&bus), 0);
	assert_int_equal(bus_write(&bus, ABI_PORT_EXIT + 1, 1, 1, &ending), -ENODEV);
	assert_int_equal(bus_read(&bus, ABI_PORT_EXIT, 1, &value), -ENODEV);
	assert_int_equal(ending.kind, ENDING_NONE);
}

static void test_debug_console_outputs_bytes_and_reads_its_number(void **state)
{
	struct port_bus bus = { 0 };
	struct ending ending = { 0 };
	struct output output;
	char text[4] = "";
	uint32_t value;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	output_init(&output, fds[1], NULL);
	assert_int_equal(debug_console_attach(&bus, &output), 0);
	assert_int_equal(bus_read(&bus, ABI_PORT_DEBUG_CONSOLE, 1, &value), 0);
	assert_int_equal(value, 0xe9);
	for (const char *at = "hi\n"; *at; at++)
		assert_int_equal(bus_write(&bus, ABI_PORT_DEBUG_CONSOLE, 1, (uint8_t)*at, &ending),
				 0);
	assert_int_equal(read(fds[0], text, sizeof(text)), 3);
	assert_string_equal(text, "hi\n");
	assert_int_equal(bus_write(&bus, ABI_PORT_DEBUG_CONSOLE, 2, 0, &ending), -ENODEV);
	assert_int_equal(ending.kind, ENDING_NONE);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_access_reaches_the_device_of_its_port),
		cmocka_unit_test(test_values_are_cut_to_the_size_of_the_access),
		cmocka_unit_test(test_access_that_is_not_wholly_within_a_device_finds_nothing),
		cmocka_unit_test(test_device_that_only_reads_or_writes_is_half_there),
		cmocka_unit_test(test_port_that_is_taken_is_refused),
		cmocka_unit_test(test_range_beyond_the_last_port_is_refused),
		cmocka_unit_test(test_bus_that_is_full_is_refused),
		cmocka_unit_test(test_exit_device_ends_the_run_with_the_code_of_any_width),
		cmocka_unit_test(test_exit_device_has_nothing_but_its_port),
		cmocka_unit_test(test_debug_console_outputs_bytes_and_reads_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
