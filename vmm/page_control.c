/* SPDX-License-Identifier: MIT */
/*
 * The page-control device (guest_abi.h): a guest has its own table, or the host table below its
 * RAM, changed.
 *
 * A request is copied once and checked here, field by field; ranges are checked by the space that
 * they are of. A change of the host table is refused with -EBUSY if it touches
 *   - the request's own page: the answer must have somewhere to go;
 *   - the stretch of the tables that the VMM built: the engine itself reads and writes there, and
 *     the guest's CPU would find no table to walk.
 * A request that is not 64 bytes of readable and writable RAM has nowhere to put an answer: that is
 * an access by the device where the guest may not have one made, and it ends the run as a memory
 * violation.
 */
#include <errno.h>
#include <string.h>

#include "vmm/devices.h"
#include "vmm/guest_abi.h"
#include "vmm/vm.h"

#define PORTS 4 /* of one 4-byte access */

#define RIGHTS_ASKABLE (ABI_RIGHT_READ | ABI_RIGHT_WRITE | ABI_RIGHT_EXECUTE | ABI_RIGHT_USER)
#define LEVEL_MAX 3

static const struct {
	uint32_t abi;
	uint32_t prop;
} rights_table[] = {
	{ ABI_RIGHT_READ, PROP_READ },	       { ABI_RIGHT_WRITE, PROP_WRITE },
	{ ABI_RIGHT_EXECUTE, PROP_EXECUTE },   { ABI_RIGHT_USER, PROP_USER },
	{ ABI_RIGHT_ACCESSED, PROP_ACCESSED }, { ABI_RIGHT_DIRTY, PROP_DIRTY },
};

#define NR_RIGHTS (sizeof(rights_table) / sizeof(rights_table[0]))

static uint32_t rights_to_prop(uint32_t rights)
{
	uint32_t prop = 0;

	for (unsigned i = 0; i < NR_RIGHTS; i++)
		if (rights & rights_table[i].abi)
			prop |= rights_table[i].prop;
	return prop;
}

static uint32_t rights_from_prop(prop_t prop)
{
	uint32_t rights = 0;

	for (unsigned i = 0; i < NR_RIGHTS; i++)
		if (prop.bits & rights_table[i].prop)
			rights |= rights_table[i].abi;
	return rights;
}

/* What depends on no other field but the operation. The host table knows neither user nor level. */
static int request_check(const struct abi_page_request *request)
{
	bool host = request->table == ABI_TABLE_HOST;
	uint32_t rights = host ? RIGHTS_ASKABLE & ~ABI_RIGHT_USER : RIGHTS_ASKABLE;
	uint32_t level = host ? 0 : LEVEL_MAX;

	if (request->table != ABI_TABLE_GUEST && !host)
		return -EINVAL;
	switch (request->operation) {
	case ABI_PAGE_MAP:
		if (request->level > level)
			return -EINVAL;
		/* fall through */
	case ABI_PAGE_PROTECT:
		if (!(request->rights & ABI_RIGHT_READ) || request->rights & ~rights)
			return -EINVAL;
		return 0;
	case ABI_PAGE_UNMAP:
	case ABI_PAGE_QUERY:
		return 0;
	default:
		return -EINVAL;
	}
}

/* Each space refuses addresses, targets and lengths that it cannot have. */
static int guest_change(struct guest_space *tables, struct abi_page_request *request)
{
	gva_t gva = GVA(request->address);
	uint32_t rights = rights_to_prop(request->rights);

	switch (request->operation) {
	case ABI_PAGE_MAP:
		return guest_space_map(tables, gva, GPA(request->target), request->len,
				       request->level, rights);
	case ABI_PAGE_UNMAP:
		return guest_space_unmap(tables, gva, request->len, &request->count);
	default:
		return guest_space_protect(tables, gva, request->len, rights, &request->count);
	}
}

static int host_change(struct gpa_space *memory, struct abi_page_request *request)
{
	gpa_t gpa = GPA(request->address);
	uint32_t rights = rights_to_prop(request->rights);

	switch (request->operation) {
	case ABI_PAGE_MAP:
		return gpa_space_map(memory, gpa, request->len, rights);
	case ABI_PAGE_UNMAP:
		return gpa_space_unmap(memory, gpa, request->len, &request->count);
	default:
		return gpa_space_protect(memory, gpa, request->len, rights, &request->count);
	}
}

/* Do two ranges share a byte? Either may wrap: its space will refuse it. */
static bool ranges_touch(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b ? b - a < a_len : a - b < b_len;
}

static bool host_change_is_safe(const struct vm *vm, const struct abi_page_request *request,
				gpa_t at)
{
	uint64_t start = request->address;
	uint64_t len = request->len;

	if (ranges_touch(start, len, align_down(at.value, PAGE_SIZE), PAGE_SIZE))
		return false;
	return !vm->has_tables ||
	       !ranges_touch(start, len, vm->tables.tables.value, vm->tables.tables_len);
}

static int query(struct vm *vm, struct abi_page_request *request)
{
	bool guest = request->table == ABI_TABLE_GUEST;
	struct pt_mapping leaf;
	int error = guest ? guest_space_query(&vm->tables, GVA(request->address), &leaf) :
			    gpa_space_query(&vm->memory, GPA(request->address), &leaf);

	if (error)
		return error;
	if (!leaf.present)
		return -ENOENT;
	request->target = guest ? leaf.paddr.value :
				  0; /* where host memory is, is no guest's business */
	request->len = leaf.len;
	request->level = leaf.level;
	request->rights = rights_from_prop(leaf.prop);
	return 0;
}

/* The request's result; its answers are filled in. */
static int request_carry_out(struct vm *vm, struct abi_page_request *request, gpa_t at)
{
	int error = request_check(request);

	if (error)
		return error;
	if (request->table == ABI_TABLE_GUEST && !vm->has_tables)
		return -EOPNOTSUPP;
	if (request->operation == ABI_PAGE_QUERY)
		return query(vm, request);
	request->count = 0;
	if (request->table == ABI_TABLE_GUEST)
		return guest_change(&vm->tables, request);
	return host_change_is_safe(vm, request, at) ? host_change(&vm->memory, request) : -EBUSY;
}

/* The tables' stretch is the VMM's alone: no answer goes there either. */
static bool request_is_writable(struct vm *vm, gpa_t at)
{
	const uint64_t len = sizeof(struct abi_page_request);

	return is_aligned(at.value, len) &&
	       gpa_space_pointer(&vm->memory, at, len, PROP_READ | PROP_WRITE) &&
	       !(vm->has_tables && guest_space_owns(&vm->tables, at, len));
}

static void request_violation(struct ending *ending, gpa_t at)
{
	ending_set(ending, ENDING_MEMORY_VIOLATION,
		   "a page-control request must be 64 bytes of "
		   "RAM, aligned to 64, that are read and written");
	ending->gpa = at;
	ending->access = PROP_WRITE;
	ending->len = sizeof(struct abi_page_request);
}

static int page_control_write(void *context, uint16_t port, unsigned size, uint32_t value,
			      struct ending *ending)
{
	struct abi_page_request request;
	struct vm *vm = context;
	gpa_t at = GPA(value);

	if (port != ABI_PORT_PAGE_CONTROL || size != sizeof(value))
		return -ENODEV;
	if (!request_is_writable(vm, at) ||
	    gpa_space_read(&vm->memory, at, &request, sizeof(request))) {
		request_violation(ending, at);
		return 0;
	}
	request.result = request_carry_out(vm, &request, at);
	if (gpa_space_write(&vm->memory, at, &request, sizeof(request)))
		request_violation(ending, at);
	if (vm->has_tables && vm->tables.flush_error)
		ending_set(ending, ENDING_HOST_FAILURE,
			   "KVM keeps old translations of the guest's table: %s",
			   strerror(-vm->tables.flush_error));
	return 0;
}

int page_control_attach(struct vm *vm)
{
	const struct port_device device = {
		.name = "page control",
		.first = ABI_PORT_PAGE_CONTROL,
		.count = PORTS,
		.write = page_control_write,
		.context = vm,
	};

	return bus_add(&vm->bus, &device);
}
