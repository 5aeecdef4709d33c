/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever a guest writes to the page-control port and wherever, the request is carried out
 *   only if all of it is RAM that is no table, the spaces are asked only for what the ABI has, and
 *   no change of the host table touches the request's page or the tables' stretch
 * Rules: BUG-2 BUG-3
 * Layer: input
 * Assumes: the spaces are as their headers say
 * Sources: ept/ram_layout.c
 * Geometry: any port, width and value, any request, any RAM, with tables anywhere in it or none
 * Unwind: 7
 * Covers: page_control_write request_is_writable request_carry_out request_check guest_change
 *   host_change ranges_touch host_change_is_safe query rights_to_prop rights_from_prop
 *   request_violation
 * Unreached: request_check }
 * Unreached: guest_change }
 * Unreached: host_change }
 * Limit: 120
 */
#include "tests/proof/proof.h"

#include "vmm/page_control.c"

typedef unsigned __int128 exact_t;

static struct vm vm;
static gpa_t request_at;
static struct abi_page_request asked;
static bool is_asked, is_answered;

/* Have two ranges of integers one in common? */
static bool meet(exact_t a, exact_t a_len, exact_t b, exact_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static int any_error(void)
{
	int error;

	assume(error <= 0 && error > -4096);
	return error;
}

/* What the headers say of the spaces; of what they are asked for, all is proved here. */

void *gpa_space_pointer(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights)
{
	prove(space == &vm.memory && rights == (PROP_READ | PROP_WRITE));
	return ram_layout_contains(&space->ram, gpa, len) && any_bool() ? &vm : NULL;
}

bool guest_space_owns(const struct guest_space *guest, gpa_t gpa, uint64_t len)
{
	prove(vm.has_tables && (exact_t)gpa.value + len <= UINT64_MAX);
	return meet(gpa.value, len, guest->tables.value, guest->tables_len);
}

static void request_lies_well(const struct gpa_space *space, gpa_t gpa, uint64_t len)
{
	prove(space == &vm.memory && gpa.value == request_at.value && len == 64);
	prove(is_aligned(gpa.value, 64) && ram_layout_contains(&space->ram, gpa, len));
	prove(implies(vm.has_tables,
		      !meet(gpa.value, len, vm.tables.tables.value, vm.tables.tables_len)));
}

int gpa_space_read(struct gpa_space *space, gpa_t gpa, void *to, uint64_t len)
{
	struct abi_page_request request;

	request_lies_well(space, gpa, len);
	asked = request;
	*(struct abi_page_request *)to = request;
	return any_error();
}

int gpa_space_write(struct gpa_space *space, gpa_t gpa, const void *from, uint64_t len)
{
	const struct abi_page_request *answer = from;

	request_lies_well(space, gpa, len);
	is_answered = true;
	prove(answer->result <= 0);
	prove(answer->operation == asked.operation && answer->address == asked.address);
	return any_error();
}

/* Each change is the one that was asked for, and with rights that the ABI has. */
static int change(uint32_t table, uint32_t operation, uint64_t address, uint64_t len)
{
	prove(!is_asked && asked.table == table && asked.operation == operation);
	prove(asked.address == address && asked.len == len);
	is_asked = true;
	return any_error();
}

static int change_host(uint32_t operation, gpa_t gpa, uint64_t len)
{
	uint64_t page = align_down(request_at.value, PAGE_SIZE);

	prove(implies(len > 0, !meet(gpa.value, len, page, PAGE_SIZE)));
	prove(implies(vm.has_tables && len > 0,
		      !meet(gpa.value, len, vm.tables.tables.value, vm.tables.tables_len)));
	return change(ABI_TABLE_HOST, operation, gpa.value, len);
}

static void rights_hold(uint32_t rights, uint32_t all)
{
	prove((rights & ~all) == 0 && (rights & PROP_READ));
	prove(!(rights & PROP_WRITE) == !(asked.rights & ABI_RIGHT_WRITE));
	prove(!(rights & PROP_EXECUTE) == !(asked.rights & ABI_RIGHT_EXECUTE));
	prove(!(rights & PROP_USER) == !(asked.rights & ABI_RIGHT_USER));
}

int gpa_space_map(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights)
{
	prove(space == &vm.memory && asked.level == 0);
	rights_hold(rights, PROP_RIGHTS);
	return change_host(ABI_PAGE_MAP, gpa, len);
}

int gpa_space_unmap(struct gpa_space *space, gpa_t gpa, uint64_t len, uint64_t *pages)
{
	prove(space == &vm.memory && *pages == 0);
	return change_host(ABI_PAGE_UNMAP, gpa, len);
}

int gpa_space_protect(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights,
		      uint64_t *pages)
{
	prove(space == &vm.memory && *pages == 0);
	rights_hold(rights, PROP_RIGHTS);
	return change_host(ABI_PAGE_PROTECT, gpa, len);
}

int gpa_space_query(struct gpa_space *space, gpa_t gpa, struct pt_mapping *mapping)
{
	struct pt_mapping any;

	prove(space == &vm.memory && asked.table == ABI_TABLE_HOST && gpa.value == asked.address);
	any.present = any_bool();
	*mapping = any;
	return any_error();
}

int guest_space_map(struct guest_space *guest, gva_t gva, gpa_t gpa, uint64_t len,
		    unsigned max_level, uint32_t rights)
{
	prove(guest == &vm.tables && vm.has_tables && max_level <= 3 && max_level == asked.level);
	prove(gpa.value == asked.target);
	rights_hold(rights, PROP_RIGHTS | PROP_USER);
	return change(ABI_TABLE_GUEST, ABI_PAGE_MAP, gva.value, len);
}

int guest_space_unmap(struct guest_space *guest, gva_t gva, uint64_t len, uint64_t *pages)
{
	prove(guest == &vm.tables && vm.has_tables && *pages == 0);
	return change(ABI_TABLE_GUEST, ABI_PAGE_UNMAP, gva.value, len);
}

int guest_space_protect(struct guest_space *guest, gva_t gva, uint64_t len, uint32_t rights,
			uint64_t *pages)
{
	prove(guest == &vm.tables && vm.has_tables && *pages == 0);
	rights_hold(rights, PROP_RIGHTS | PROP_USER);
	return change(ABI_TABLE_GUEST, ABI_PAGE_PROTECT, gva.value, len);
}

int guest_space_query(struct guest_space *guest, gva_t gva, struct pt_mapping *mapping)
{
	struct pt_mapping any;

	prove(guest == &vm.tables && vm.has_tables && gva.value == asked.address);
	any.present = any_bool();
	*mapping = any;
	return any_error();
}

void ending_set(struct ending *ending, enum ending_kind kind, const char *format, ...)
{
	prove(format != NULL);
	ending->kind = kind;
}

int main(void)
{
	struct ending ending = { .kind = ENDING_NONE };
	uint64_t ram;
	uint32_t value;
	uint16_t port;
	unsigned size;

	assume(ram_layout_init(&vm.memory.ram, ram) == 0);
	vm.has_tables = any_bool();
	vm.tables.tables = GPA(nondet_u64());
	vm.tables.tables_len = nondet_u64();
	vm.tables.flush_error = any_error();
	assume(vm.tables.tables_len > 0 &&
	       ram_layout_contains(&vm.memory.ram, vm.tables.tables, vm.tables.tables_len));
	assume(size == 1 || size == 2 || size == 4);
	request_at = GPA(value);
	int err = page_control_write(&vm, port, size, value, &ending);

	prove((err == 0) == (port == ABI_PORT_PAGE_CONTROL && size == 4));
	prove(err == 0 || err == -ENODEV);
	prove(implies(err, ending.kind == ENDING_NONE && !is_answered));
	prove(implies(is_asked, is_answered));
	prove(implies(err == 0 && !is_answered, ending.kind != ENDING_NONE));
	return 0;
}
