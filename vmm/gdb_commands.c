/* SPDX-License-Identifier: MIT */
/*
 * The packets of one letter. Each makes gdb->reply, but for those that let the guest run: their
 * reply comes when it stops. An empty reply says that a packet is not known.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "vmm/gdb_private.h"

static void reply_result(struct gdb *gdb, int result)
{
	if (result)
		gdb_reply_format(&gdb->reply, "E%02x", (unsigned)-result & 0xff);
	else
		gdb_reply_text(&gdb->reply, "OK");
}

static bool is_thread(uint64_t number)
{
	return number <= 1; /* 0: any */
}

static void registers_read(struct gdb *gdb)
{
	uint8_t bytes[GDB_REGISTER_LEN_MAX];
	struct gdb_cpu cpu;
	int result = gdb_cpu_get(gdb->vm->vcpu_fd, &cpu);

	if (result) {
		reply_result(gdb, result);
		return;
	}
	for (unsigned i = 0; i < GDB_REGISTERS; i++) {
		gdb_register_read(&cpu, i, bytes);
		gdb_reply_hex(&gdb->reply, bytes, gdb_register_len(i));
	}
}

static int register_take(struct gdb_cpu *cpu, unsigned number, const char **at)
{
	uint8_t bytes[GDB_REGISTER_LEN_MAX];

	if (!gdb_take_bytes(at, bytes, gdb_register_len(number)))
		return -EINVAL;
	return gdb_register_write(cpu, number, bytes);
}

static int registers_write(struct gdb *gdb, const char *at)
{
	struct gdb_cpu before, after;
	int result = gdb_cpu_get(gdb->vm->vcpu_fd, &before);

	after = before;
	for (unsigned i = 0; i < GDB_REGISTERS && !result; i++)
		result = register_take(&after, i, &at);
	return result ? result : gdb_cpu_set(gdb->vm->vcpu_fd, &before, &after);
}

static void register_read(struct gdb *gdb, const char *at)
{
	uint8_t bytes[GDB_REGISTER_LEN_MAX];
	struct gdb_cpu cpu;
	uint64_t number;
	int result = -EINVAL;

	if (gdb_take_number(&at, &number) && !*at && number < GDB_REGISTERS)
		result = gdb_cpu_get(gdb->vm->vcpu_fd, &cpu);
	if (result) {
		reply_result(gdb, result);
		return;
	}
	gdb_register_read(&cpu, (unsigned)number, bytes);
	gdb_reply_hex(&gdb->reply, bytes, gdb_register_len((unsigned)number));
}

static int register_write(struct gdb *gdb, const char *at)
{
	struct gdb_cpu before, after;
	uint64_t number;
	int result;

	if (!gdb_take_number(&at, &number) || !gdb_take_text(&at, "=") || number >= GDB_REGISTERS)
		return -EINVAL;
	result = gdb_cpu_get(gdb->vm->vcpu_fd, &before);
	after = before;
	if (!result)
		result = register_take(&after, (unsigned)number, &at);
	return result ? result : gdb_cpu_set(gdb->vm->vcpu_fd, &before, &after);
}

/* "ADDRESS,LENGTH" */
static bool take_range(const char **at, uint64_t *address, uint64_t *len)
{
	return gdb_take_number(at, address) && gdb_take_text(at, ",") && gdb_take_number(at, len);
}

static void memory_read(struct gdb *gdb, const char *at, bool binary)
{
	uint8_t bytes[GDB_DATA_MAX / 2];
	uint64_t address, len;
	int result = -EINVAL;

	if (take_range(&at, &address, &len) && !*at && len <= sizeof(bytes))
		result = gdb_memory_read(gdb, address, bytes, len);
	if (result) {
		reply_result(gdb, result);
	} else if (binary) {
		gdb_reply_text(&gdb->reply, "b");
		gdb_reply_binary(&gdb->reply, bytes, len);
	} else {
		gdb_reply_hex(&gdb->reply, bytes, len);
	}
}

static int memory_write(struct gdb *gdb, const char *at)
{
	uint8_t bytes[GDB_DATA_MAX / 2];
	uint64_t address, len;

	if (!take_range(&at, &address, &len) || !gdb_take_text(&at, ":") || len > sizeof(bytes) ||
	    !gdb_take_bytes(&at, bytes, len) || *at)
		return -EINVAL;
	return gdb_memory_write(gdb, address, bytes, len);
}

/* What follows the ':' are bytes, which may be 0. */
static int memory_write_binary(struct gdb *gdb, const char *at)
{
	const char *end = gdb->reader.data + gdb->reader.len;
	uint64_t address, len;

	if (!take_range(&at, &address, &len) || !gdb_take_text(&at, ":") ||
	    (uint64_t)(end - at) != len)
		return -EINVAL;
	return gdb_memory_write(gdb, address, at, len);
}

/* "KIND,ADDRESS,LENGTH"; conditions that may follow are gdb's to evaluate. */
static void breakpoint(struct gdb *gdb, const char *at, bool insert)
{
	uint64_t kind, address, len;
	int result;

	if (!gdb_take_number(&at, &kind) || !gdb_take_text(&at, ",") ||
	    !take_range(&at, &address, &len)) {
		reply_result(gdb, -EINVAL);
		return;
	}
	if (kind > GDB_WATCH_ACCESS)
		return;
	result = insert ? gdb_break_insert(gdb, (enum gdb_break_kind)kind, address, len) :
			  gdb_break_remove(gdb, (enum gdb_break_kind)kind, address, len);
	/* Not known: gdb then says that there is no such breakpoint, or does it by itself. */
	if (result != -EOPNOTSUPP)
		reply_result(gdb, result);
}

/* Where to go on, if gdb says so. */
static int address_set(struct gdb *gdb, const char *at)
{
	struct gdb_cpu before, after;
	uint64_t address;
	int result;

	if (!*at)
		return 0;
	if (!gdb_take_number(&at, &address) || *at)
		return -EINVAL;
	result = gdb_cpu_get(gdb->vm->vcpu_fd, &before);
	after = before;
	after.registers.general.rip = address;
	return result ? result : gdb_cpu_set(gdb->vm->vcpu_fd, &before, &after);
}

/* false: it runs, and the reply comes when it stops. */
static bool resume(struct gdb *gdb, const char *at, bool step)
{
	int result = address_set(gdb, at);

	if (!result)
		result = gdb_resume(gdb, step);
	if (!result)
		return false;
	reply_result(gdb, result);
	return true;
}

/* "SIGNAL[;ADDRESS]": a guest knows no signals. */
static bool resume_signal(struct gdb *gdb, const char *at, bool step)
{
	uint64_t signal;

	gdb_take_number(&at, &signal);
	gdb_take_text(&at, ";");
	return resume(gdb, at, step);
}

static void thread_select(struct gdb *gdb, const char *at)
{
	uint64_t number;
	const char *id = *at ? at + 1 : at; /* behind the letter of what it is for */

	if (gdb_take_text(&id, "-1") || (gdb_take_number(&id, &number) && is_thread(number)))
		reply_result(gdb, 0);
	else
		reply_result(gdb, -EINVAL);
}

static void thread_alive(struct gdb *gdb, const char *at)
{
	uint64_t number;

	reply_result(gdb, gdb_take_number(&at, &number) && is_thread(number) ? 0 : -EINVAL);
}

/* As if SIGKILL had come, but with everything that a run does at its end. */
static void kill_guest(struct gdb *gdb)
{
	struct ending *ending = &gdb->vm->ending;

	if (ending->kind == ENDING_NONE) {
		ending->code = SIGKILL;
		ending_set(ending, ENDING_SIGNAL, "SIGKILL, by gdb");
	}
	gdb_detach(gdb);
}

/* false: there is no reply, or not yet. */
static bool packet(struct gdb *gdb, const char *data)
{
	const char *rest = data + 1;

	switch (data[0]) {
	case '?':
		gdb_reply_text(&gdb->reply, gdb->stop);
		break;
	case 'g':
		registers_read(gdb);
		break;
	case 'G':
		reply_result(gdb, registers_write(gdb, rest));
		break;
	case 'p':
		register_read(gdb, rest);
		break;
	case 'P':
		reply_result(gdb, register_write(gdb, rest));
		break;
	case 'm':
	case 'x':
		memory_read(gdb, rest, data[0] == 'x');
		break;
	case 'M':
		reply_result(gdb, memory_write(gdb, rest));
		break;
	case 'X':
		reply_result(gdb, memory_write_binary(gdb, rest));
		break;
	case 'Z':
	case 'z':
		breakpoint(gdb, rest, data[0] == 'Z');
		break;
	case 'c':
	case 's':
		return resume(gdb, rest, data[0] == 's');
	case 'C':
	case 'S':
		return resume_signal(gdb, rest, data[0] == 'S');
	case 'H':
		thread_select(gdb, rest);
		break;
	case 'T':
		thread_alive(gdb, rest);
		break;
	case 'D':
		gdb_detach(gdb);
		reply_result(gdb, 0);
		break;
	case 'k':
		kill_guest(gdb);
		return false;
	case 'v':
		if (!strncmp(data, "vKill", 5)) {
			kill_guest(gdb);
			reply_result(gdb, 0);
			break;
		}
		if (!strncmp(data, "vCont;", 6))
			return !strchr("cCsS", data[6]) || !data[6] ||
			       resume(gdb, "", data[6] == 's' || data[6] == 'S');
		gdb_query(gdb, data);
		break;
	default:
		gdb_query(gdb, data);
	}
	return true;
}

void gdb_packet(struct gdb *gdb)
{
	gdb->reply.len = 0;
	gdb->reply.full = false;
	if (packet(gdb, gdb->reader.data))
		gdb_send(gdb);
}
