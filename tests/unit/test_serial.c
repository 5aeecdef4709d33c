/* SPDX-License-Identifier: MIT */
/*
 * The 16550, register by register, through the bus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/serial.h"

#define BASE 0x3f8
#define DATA 0
#define INTERRUPT_ENABLE 1
#define INTERRUPT_IDENTITY 2
#define FIFO_CONTROL 2
#define LINE_CONTROL 3
#define MODEM_CONTROL 4
#define LINE_STATUS 5
#define MODEM_STATUS 6
#define SCRATCH 7

#define DLAB 0x80
#define LOOPBACK 0x10
#define OUT2 0x08
#define EMPTY 0x60 /* line status of an idle transmitter */
#define READY 0x01
#define OVERRUN 0x02

struct line {
	struct port_bus bus;
	struct serial serial;
	struct output output;
	struct ending ending;
	int out[2]; /* what the guest transmits can be read at out[0] */
	int in[2];  /* what is written to in[1] comes to the guest */
	bool irq;
	unsigned irq_changes;
};

static void irq_set(void *context, bool level)
{
	struct line *line = context;

	line->irq = level;
	line->irq_changes++;
}

static int setup(void **state)
{
	struct line *line = calloc(1, sizeof(*line));

	if (!line || pipe(line->out) || pipe(line->in))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	output_init(&line->output, line->out[1], NULL);
	serial_init(&line->serial, &line->output, line->in[0], irq_set, line);
	*state = line;
	return serial_attach(&line->serial, &line->bus, BASE);
}

static int teardown(void **state)
{
	struct line *line = *state;

	for (unsigned i = 0; i < 2; i++) {
		close(line->out[i]);
		close(line->in[i]);
	}
	free(line);
	return 0;
}

static uint8_t get(struct line *line, uint16_t number)
{
	uint32_t value;

	assert_int_equal(bus_read(&line->bus, BASE + number, 1, &value), 0);
	return (uint8_t)value;
}

static void set(struct line *line, uint16_t number, uint8_t value)
{
	assert_int_equal(bus_write(&line->bus, BASE + number, 1, value, &line->ending), 0);
}

static void type(struct line *line, const char *text)
{
	assert_int_equal(write(line->in[1], text, strlen(text)), (int)strlen(text));
}

static void test_transmitted_bytes_come_out(void **state)
{
	struct line *line = *state;
	char text[4] = "";

	for (const char *at = "ok\n"; *at; at++) {
		assert_int_equal(get(line, LINE_STATUS), EMPTY);
		set(line, DATA, (uint8_t)*at);
	}
	assert_int_equal(read(line->out[0], text, sizeof(text)), 3);
	assert_string_equal(text, "ok\n");
	assert_int_equal(line->ending.kind, ENDING_NONE);
}

static void test_prompt_comes_out_when_input_is_waited_for(void **state)
{
	struct line *line = *state;
	char text[4] = "";

	set(line, DATA, '>');
	get(line, LINE_STATUS);
	assert_int_equal(line->output.used, 1);
	get(line, LINE_STATUS);
	assert_int_equal(line->output.used, 0);
	assert_int_equal(read(line->out[0], text, sizeof(text)), 1);
}

static void test_received_bytes_come_one_by_one_in_order(void **state)
{
	struct line *line = *state;

	assert_int_equal(get(line, LINE_STATUS), EMPTY);
	type(line, "xyz");
	for (const char *at = "xyz"; *at; at++) {
		assert_int_equal(get(line, LINE_STATUS), EMPTY | READY);
		assert_int_equal(get(line, LINE_STATUS), EMPTY | READY);
		assert_int_equal(get(line, DATA), *at);
	}
	assert_int_equal(get(line, LINE_STATUS), EMPTY);
}

static void test_data_can_be_read_without_a_look_at_the_status(void **state)
{
	struct line *line = *state;

	type(line, "ab");
	assert_int_equal(get(line, DATA), 'a');
	assert_int_equal(get(line, DATA), 'b');
}

static void test_end_of_input_leaves_no_data(void **state)
{
	struct line *line = *state;

	type(line, "e");
	close(line->in[1]);
	assert_int_equal(get(line, LINE_STATUS), EMPTY | READY);
	assert_int_equal(get(line, DATA), 'e');
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(line, LINE_STATUS), EMPTY);
	assert_int_equal(line->serial.input_fd, -1);
}

static void test_output_that_fails_is_a_host_failure(void **state)
{
	struct line *line = *state;

	close(line->out[0]);
	set(line, DATA, '\n');
	assert_int_equal(line->ending.kind, ENDING_HOST_FAILURE);
	assert_non_null(strstr(line->ending.detail, strerror(EPIPE)));
}

static void test_divisor_latch_hides_data_and_interrupt_enable(void **state)
{
	struct line *line = *state;

	set(line, INTERRUPT_ENABLE, 0x05);
	set(line, LINE_CONTROL, DLAB | 0x03);
	set(line, DATA, 0x0c);
	set(line, INTERRUPT_ENABLE, 0x01);
	assert_int_equal(get(line, DATA), 0x0c);
	assert_int_equal(get(line, INTERRUPT_ENABLE), 0x01);
	assert_int_equal(line->output.used, 0);
	set(line, LINE_CONTROL, 0x03);
	assert_int_equal(get(line, LINE_CONTROL), 0x03);
	assert_int_equal(get(line, INTERRUPT_ENABLE), 0x05);
}

static void test_registers_keep_the_bits_that_they_have(void **state)
{
	struct line *line = *state;

	for (unsigned value = 0; value < 256; value += 5) {
		set(line, SCRATCH, (uint8_t)value);
		set(line, INTERRUPT_ENABLE, (uint8_t)value);
		set(line, MODEM_CONTROL, (uint8_t)value);
		assert_int_equal(get(line, SCRATCH), value);
		assert_int_equal(get(line, INTERRUPT_ENABLE), value & 0x0f);
		assert_int_equal(get(line, MODEM_CONTROL), value & 0x1f);
	}
}

static void test_status_registers_cannot_be_written(void **state)
{
	struct line *line = *state;

	set(line, LINE_STATUS, 0xff);
	set(line, MODEM_STATUS, 0xff);
	assert_int_equal(get(line, LINE_STATUS), EMPTY);
	assert_int_equal(get(line, MODEM_STATUS), 0xb0);
}

static void test_fifo_shows_in_the_interrupt_identity(void **state)
{
	struct line *line = *state;

	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x01);
	set(line, FIFO_CONTROL, 0x07);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0xc1);
	set(line, FIFO_CONTROL, 0);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x01);
}

static void test_clearing_the_receive_fifo_drops_the_byte_that_waits(void **state)
{
	struct line *line = *state;

	set(line, FIFO_CONTROL, 0x01);
	type(line, "ab");
	assert_int_equal(get(line, LINE_STATUS), EMPTY | READY);
	set(line, FIFO_CONTROL, 0x03);
	assert_int_equal(get(line, DATA), 'b');
}

static void test_loopback_receives_what_is_transmitted(void **state)
{
	struct line *line = *state;

	type(line, "i");
	set(line, MODEM_CONTROL, LOOPBACK);
	assert_int_equal(get(line, LINE_STATUS), EMPTY);
	set(line, DATA, 0xae);
	assert_int_equal(get(line, LINE_STATUS), EMPTY | READY);
	assert_int_equal(get(line, DATA), 0xae);
	assert_int_equal(line->output.used, 0);
	set(line, MODEM_CONTROL, 0);
	assert_int_equal(get(line, DATA), 'i');
}

static void test_overrun_is_told_once_and_keeps_the_newer_byte(void **state)
{
	struct line *line = *state;

	set(line, MODEM_CONTROL, LOOPBACK);
	set(line, DATA, 1);
	set(line, DATA, 2);
	assert_int_equal(get(line, LINE_STATUS), EMPTY | READY | OVERRUN);
	assert_int_equal(get(line, LINE_STATUS), EMPTY | READY);
	assert_int_equal(get(line, DATA), 2);
}

/* Outputs DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD. */
static void test_loopback_connects_the_modem_lines(void **state)
{
	static const struct {
		uint8_t control;
		uint8_t status;
	} rows[] = { { 0x00, 0x00 }, { 0x01, 0x20 }, { 0x02, 0x10 },
		     { 0x04, 0x40 }, { 0x08, 0x80 }, { 0x0a, 0x90 } };
	struct line *line = *state;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set(line, MODEM_CONTROL, LOOPBACK | rows[i].control);
		assert_int_equal(get(line, MODEM_STATUS) & 0xf0, rows[i].status);
	}
}

static void test_modem_deltas_tell_of_each_change_once(void **state)
{
	struct line *line = *state;

	set(line, MODEM_CONTROL, LOOPBACK);
	assert_int_equal(get(line, MODEM_STATUS), 0x0b); /* CTS, DSR, DCD went */
	set(line, MODEM_CONTROL, LOOPBACK | 0x04);
	assert_int_equal(get(line, MODEM_STATUS), 0x40); /* RI came: no edge of its */
	set(line, MODEM_CONTROL, LOOPBACK);
	assert_int_equal(get(line, MODEM_STATUS), 0x04); /* RI went */
	assert_int_equal(get(line, MODEM_STATUS), 0x00);
}

static void test_interrupts_are_identified_by_priority(void **state)
{
	struct line *line = *state;

	set(line, MODEM_CONTROL, LOOPBACK);
	set(line, INTERRUPT_ENABLE, 0x0f);
	set(line, DATA, 1);
	set(line, DATA, 2);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x06);
	get(line, LINE_STATUS);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x04);
	get(line, DATA);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x02);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x00);
	get(line, MODEM_STATUS);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x01);
}

static void test_enabled_transmit_interrupt_asks_at_once_and_after_each_byte(void **state)
{
	struct line *line = *state;

	set(line, MODEM_CONTROL, OUT2);
	set(line, INTERRUPT_ENABLE, 0x02);
	assert_true(line->irq);
	assert_int_equal(get(line, INTERRUPT_IDENTITY), 0x02);
	assert_false(line->irq);
	set(line, DATA, 'a');
	assert_true(line->irq);
	set(line, INTERRUPT_ENABLE, 0);
	assert_false(line->irq);
	assert_int_equal(line->irq_changes, 4);
}

static void test_interrupt_line_needs_out2_and_no_loopback(void **state)
{
	struct line *line = *state;

	set(line, INTERRUPT_ENABLE, 0x02);
	assert_false(line->irq);
	set(line, MODEM_CONTROL, OUT2);
	assert_true(line->irq);
	set(line, MODEM_CONTROL, OUT2 | LOOPBACK);
	assert_false(line->irq);
}

static void test_receive_interrupt_follows_the_data(void **state)
{
	struct line *line = *state;

	set(line, MODEM_CONTROL, OUT2);
	set(line, INTERRUPT_ENABLE, 0x01);
	type(line, "r");
	get(line, LINE_STATUS);
	assert_true(line->irq);
	get(line, DATA);
	assert_false(line->irq);
}

static void test_only_bytes_can_be_accessed(void **state)
{
	struct line *line = *state;
	uint32_t value;

	assert_int_equal(bus_read(&line->bus, BASE, 2, &value), -ENODEV);
	assert_int_equal(bus_write(&line->bus, BASE + 4, 4, 0, &line->ending), -ENODEV);
	assert_int_equal(line->output.used, 0);
}

#define LINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINE_TEST(test_transmitted_bytes_come_out),
		LINE_TEST(test_prompt_comes_out_when_input_is_waited_for),
		LINE_TEST(test_received_bytes_come_one_by_one_in_order),
		LINE_TEST(test_data_can_be_read_without_a_look_at_the_status),
		LINE_TEST(test_end_of_input_leaves_no_data),
		LINE_TEST(test_output_that_fails_is_a_host_failure),
		LINE_TEST(test_divisor_latch_hides_data_and_interrupt_enable),
		LINE_TEST(test_registers_keep_the_bits_that_they_have),
		LINE_TEST(test_status_registers_cannot_be_written),
		LINE_TEST(test_fifo_shows_in_the_interrupt_identity),
		LINE_TEST(test_clearing_the_receive_fifo_drops_the_byte_that_waits),
		LINE_TEST(test_loopback_receives_what_is_transmitted),
		LINE_TEST(test_overrun_is_told_once_and_keeps_the_newer_byte),
		LINE_TEST(test_loopback_connects_the_modem_lines),
		LINE_TEST(test_modem_deltas_tell_of_each_change_once),
		LINE_TEST(test_interrupts_are_identified_by_priority),
		LINE_TEST(test_enabled_transmit_interrupt_asks_at_once_and_after_each_byte),
		LINE_TEST(test_interrupt_line_needs_out2_and_no_loopback),
		LINE_TEST(test_receive_interrupt_follows_the_data),
		LINE_TEST(test_only_bytes_can_be_accessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
