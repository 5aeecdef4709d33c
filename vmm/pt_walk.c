/* SPDX-License-Identifier: MIT */
/*
 * vmm pt walk: one translation, level by level, and what the host makes of each of its pages.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "vmm/command_pt.h"
#include "vmm/refuse.h"

static const char *const kind_names[] = {
	[FOREIGN_ABSENT] = "absent",
	[FOREIGN_NODE] = "table",
	[FOREIGN_LEAF] = "leaf",
	[FOREIGN_RESERVED] = "reserved",
};

static char *rights_text(uint32_t rights, char text[PT_RIGHTS_LEN + 1])
{
	*pt_put_rights(text, rights) = '\0';
	return text;
}

/* The names of what is set in an entry, beside rights. */
static void print_bits(struct pt_out *out, const struct foreign_paging *paging,
		       const struct foreign_step *step)
{
	prop_t prop = foreign_prop(paging, step->level, step->raw);

	pt_out_print(out, "%s%s%s %s", step->raw & paging->accessed ? " accessed" : "",
		     step->raw & paging->dirty && step->kind == FOREIGN_LEAF ? " dirty" : "",
		     step->raw & paging->global && step->kind == FOREIGN_LEAF ? " global" : "",
		     pt_cache_name(prop));
}

/* The host table's own entries on the way to a GPA: of a VM that runs. */
static void print_host_steps(struct pt_out *out, const struct foreign_path *path)
{
	char rights[PT_RIGHTS_LEN + 1];

	for (unsigned i = 0; i < path->nr_steps; i++) {
		const struct foreign_step *step = &path->steps[i];

		rights_text(step->rights, rights)[PT_RIGHTS_LEN - 1] = '\0';
		pt_out_print(out,
			     "        host: level %u [%3u] entry 0x%012" PRIx64 " = 0x%016" PRIx64
			     "  %s\n",
			     step->level, step->index, step->entry, step->raw, rights);
	}
}

/* What the host does with the page that an entry is in, or that is the end; nothing if unknown. */
static void print_host(struct pt_call *call, uint64_t gpa, bool steps)
{
	char rights[PT_RIGHTS_LEN + 1];
	struct pt_host_walk host;

	if (pt_source_host_walk(&call->sources[0], gpa, &host))
		return;
	if (steps)
		print_host_steps(&call->out, &host.path);
	if (!host.mapped) {
		pt_out_print(&call->out, "        host: not mapped\n");
		return;
	}
	rights_text(host.rights, rights)[PT_RIGHTS_LEN - 1] = '\0'; /* it knows no users */
	pt_out_print(&call->out, "        host: level %u %s frame 0x%" PRIx64, host.level, rights,
		     host.frame);
	if (host.has_slot)
		pt_out_print(&call->out, ", %s, references: %u", host.kind, host.references);
	pt_out_print(&call->out, "\n");
}

static void print_step(struct pt_call *call, const struct foreign_path *path, unsigned index)
{
	const struct foreign_paging *paging = &call->views[0].paging;
	const struct foreign_step *step = &path->steps[index];
	bool last = index + 1 == path->nr_steps;
	char rights[PT_RIGHTS_LEN + 1];

	pt_out_print(&call->out, "  level %u [%3u] entry 0x%012" PRIx64, step->level, step->index,
		     step->entry);
	if (last && path->end == FOREIGN_OUTSIDE) {
		pt_out_print(&call->out, "  no memory there\n");
		return;
	}
	pt_out_print(&call->out, " = 0x%0*" PRIx64 "  %s", 2 * paging->entry_len, step->raw,
		     kind_names[step->kind]);
	if (step->kind == FOREIGN_NODE || step->kind == FOREIGN_LEAF) {
		pt_out_print(&call->out, "%s %s", step->kind == FOREIGN_LEAF ? " " : "",
			     rights_text(step->rights, rights));
		print_bits(&call->out, paging, step);
	}
	if (step->lost)
		pt_out_print(&call->out, "  takes away %s", rights_text(step->lost, rights));
	pt_out_print(&call->out, "\n");
	print_host(call, step->entry, false);
}

static void print_end(struct pt_call *call, const struct foreign_path *path)
{
	const struct foreign_paging *paging = &call->views[0].paging;
	unsigned level = path->nr_steps ? path->steps[path->nr_steps - 1].level : 0;
	char rights[PT_RIGHTS_LEN + 1];
	char size[24];

	switch (path->end) {
	case FOREIGN_MAPPED:
		pt_out_print(&call->out, "  = GPA 0x%" PRIx64, path->address);
		if (path->level) {
			*pt_put_size(size, UINT64_C(1) << paging->level[path->level].shift) = '\0';
			pt_out_print(&call->out, "  %s, in a leaf of %s\n",
				     rights_text(path->rights, rights), size);
		} else {
			pt_out_print(&call->out, ": paging is off\n");
		}
		print_host(call, path->address, true);
		break;
	case FOREIGN_NOT_PRESENT:
		pt_out_print(&call->out, "  = not mapped: the entry of level %u is not present\n",
			     level);
		break;
	case FOREIGN_MALFORMED:
		pt_out_print(&call->out, "  = reserved bits are set in the entry of level %u\n",
			     level);
		break;
	case FOREIGN_OUTSIDE:
		pt_out_print(&call->out, "  = no memory where the entry of level %u should be\n",
			     level);
		break;
	case FOREIGN_NOT_CANONICAL:
	case FOREIGN_REPEATED:
		pt_out_print(&call->out, "  = not an address that is translated\n");
		break;
	}
}

static void walk_text(struct pt_call *call, uint64_t address, const struct foreign_path *path)
{
	char symbol[256];

	pt_call_describe(call, 0);
	*pt_put_symbol(symbol, &call->symbols, address, 1) = '\0';
	pt_out_print(&call->out, "0x%016" PRIx64 "%s%s\n", address, symbol[0] ? " " : "", symbol);
	for (unsigned i = 0; i < path->nr_steps; i++)
		print_step(call, path, i);
	print_end(call, path);
}

static void walk_tsv(struct pt_call *call, const struct foreign_path *path)
{
	char rights[PT_RIGHTS_LEN + 1], lost[PT_RIGHTS_LEN + 1];

	pt_call_describe(call, 0);
	pt_out_print(&call->out, "level\tindex\tentry\traw\tkind\trights\tlost\n");
	for (unsigned i = 0; i < path->nr_steps; i++)
		pt_out_print(&call->out, "%u\t%u\t0x%" PRIx64 "\t0x%" PRIx64 "\t%s\t%s\t%s\n",
			     path->steps[i].level, path->steps[i].index, path->steps[i].entry,
			     path->steps[i].raw, kind_names[path->steps[i].kind],
			     rights_text(path->steps[i].rights, rights),
			     rights_text(path->steps[i].lost, lost));
}

static json_t *hexadecimal(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

/* What the host does with a GPA; NULL if this source does not know. */
static json_t *host_json(struct pt_call *call, uint64_t gpa)
{
	char rights[PT_RIGHTS_LEN + 1];
	struct pt_host_walk host;
	json_t *json;

	if (pt_source_host_walk(&call->sources[0], gpa, &host))
		return NULL;
	if (!host.mapped)
		return json_pack("{s:b}", "mapped", 0);
	json = json_pack("{s:b, s:i, s:s, s:o}", "mapped", 1, "level", (int)host.level, "rights",
			 rights_text(host.rights, rights), "frame", hexadecimal(host.frame));
	if (host.has_slot) {
		json_object_set_new(json, "kind", json_string(host.kind));
		json_object_set_new(json, "references", json_integer(host.references));
	}
	return json;
}

static json_t *step_json(struct pt_call *call, const struct foreign_step *step)
{
	char rights[PT_RIGHTS_LEN + 1], lost[PT_RIGHTS_LEN + 1];

	return json_pack("{s:i, s:i, s:o, s:o, s:s, s:s, s:s, s:o*}", "level", (int)step->level,
			 "index", (int)step->index, "entry", hexadecimal(step->entry), "raw",
			 hexadecimal(step->raw), "kind", kind_names[step->kind], "rights",
			 rights_text(step->rights, rights), "lost", rights_text(step->lost, lost),
			 "host", host_json(call, step->entry));
}

static json_t *walk_to_json(struct pt_call *call, uint64_t address, const struct foreign_path *path)
{
	const struct pt_view *view = &call->views[0];
	json_t *steps = json_array();
	char rights[PT_RIGHTS_LEN + 1];
	json_t *walk;

	for (unsigned i = 0; i < path->nr_steps; i++)
		json_array_append_new(steps, step_json(call, &path->steps[i]));
	walk = json_pack("{s:s*, s:o, s:s, s:o, s:b, s:s, s:o}", "source", view->source->name,
			 "cr3", hexadecimal(view->paging.root), "paging", view->paging.name,
			 "address", hexadecimal(address), "mapped", path->end == FOREIGN_MAPPED,
			 "end", foreign_end_text(path->end), "steps", steps);
	if (view->has_vcpu)
		json_object_set_new(walk, "vcpu", json_integer((json_int_t)view->vcpu));
	if (path->end == FOREIGN_MAPPED) {
		json_object_set_new(walk, "gpa", hexadecimal(path->address));
		json_object_set_new(walk, "rights", json_string(rights_text(path->rights, rights)));
		json_object_set_new(walk, "host", host_json(call, path->address));
	}
	return walk;
}

static int write_json(const char *bytes, size_t len, void *context)
{
	struct pt_out *out = context;

	while (len > 0) {
		size_t part = len < PT_OUT_LINE ? len : PT_OUT_LINE;

		pt_out_end(out, pt_put(pt_out_begin(out), bytes, part));
		bytes += part;
		len -= part;
	}
	return 0;
}

int pt_command_walk(struct pt_call *call)
{
	const struct pt_view *view = &call->views[0];
	struct foreign_path path;
	uint64_t address;
	int result = pt_call_address(call, call->words[0], &address);

	if (result)
		return result;
	foreign_translate(&view->paging, &view->memory, address, &path);
	if (call->options.style == &pt_style_tsv) {
		walk_tsv(call, &path);
	} else if (call->options.style == &pt_style_json) {
		json_t *walk = walk_to_json(call, address, &path);

		result = walk ? json_dump_callback(walk, write_json, &call->out, JSON_INDENT(1)) :
				-1;
		json_decref(walk);
		if (result)
			return refuse(&call->error, -ENOMEM, "no memory");
		pt_out_print(&call->out, "\n");
	} else {
		walk_text(call, address, &path);
	}
	return path.end == FOREIGN_MAPPED ? 0 : PT_FOUND;
}
