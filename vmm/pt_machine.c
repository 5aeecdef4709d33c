/* SPDX-License-Identifier: MIT */
/*
 * Runs for programs: tab-separated lines, and JSON. The columns and keys are the same, and
 * documented in docs/inspection.md: what is here once stays.
 *
 * Written by hand, one piece after the other: a table may have millions of runs.
 */
#include "vmm/pt_report.h"

#define NAME_MAX_LEN 200

static const char *const end_names[] = {
	[FOREIGN_MAPPED] = "mapped",	    [FOREIGN_NOT_PRESENT] = "absent",
	[FOREIGN_MALFORMED] = "reserved",   [FOREIGN_OUTSIDE] = "outside",
	[FOREIGN_NOT_CANONICAL] = "absent", [FOREIGN_REPEATED] = "repeated",
};

/* Of a bit: all leaves have it, some, none. */
static const char *amount(const struct foreign_run *run, uint64_t bit)
{
	if (run->raw_all & bit)
		return "all";
	return run->raw_any & bit ? "some" : "none";
}

static char *put_symbol_name(char *to, const struct pt_report *report,
			     const struct foreign_run *run)
{
	if (!report->symbols || run->end != FOREIGN_MAPPED)
		return to;
	return pt_put_symbol(to, report->symbols, run->start, run->len);
}

static void tsv_begin(struct pt_report *report)
{
	pt_out_print(report->out, "start\tlast\tlength\tkind\tlevel\tleaves\trights\tleaf_rights\t"
				  "accessed\tdirty\tglobal\tcaching\taddress\tstep\tentry\traw\t"
				  "symbol\n");
}

static char *put_tab_hex(char *to, uint64_t value)
{
	*to++ = '\t';
	return pt_put_hex(to, value);
}

static char *put_tab_text(char *to, const char *text)
{
	*to++ = '\t';
	return pt_put_text(to, text);
}

static char *put_tab_number(char *to, uint64_t value)
{
	*to++ = '\t';
	return pt_put_number(to, value);
}

static void tsv_run(struct pt_report *report, const struct foreign_run *run)
{
	const struct foreign_paging *paging = &report->view->paging;
	bool mapped = run->end == FOREIGN_MAPPED;
	char *to = pt_put_hex(pt_out_begin(report->out), run->start);

	to = put_tab_hex(to, run->start + (run->len - 1));
	to = put_tab_number(to, run->len);
	to = put_tab_text(to, end_names[run->end]);
	to = put_tab_number(to, run->level);
	to = put_tab_number(to, run->nr);
	*to++ = '\t';
	to = pt_put_rights(to, run->rights);
	*to++ = '\t';
	to = pt_put_rights(to, run->leaf_rights);
	to = put_tab_text(to, mapped ? amount(run, paging->accessed) : "none");
	to = put_tab_text(to, mapped ? amount(run, paging->dirty) : "none");
	to = put_tab_text(to, mapped ? amount(run, paging->global) : "none");
	to = put_tab_text(to,
			  mapped ? pt_cache_name(foreign_prop(paging, run->level, run->raw)) : "-");
	to = put_tab_hex(to, run->address);
	to = put_tab_number(to, run->step);
	to = put_tab_hex(to, run->entry);
	to = put_tab_hex(to, run->raw);
	*to++ = '\t';
	to = put_symbol_name(to, report, run);
	*to++ = '\n';
	pt_out_end(report->out, to);
}

/* A string with what JSON does not allow in one, nor in UTF-8, replaced by '?'. */
static char *put_json_text(char *to, const char *text, size_t len)
{
	*to++ = '"';
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte == '"' || byte == '\\')
			*to++ = '\\';
		*to++ = byte < 0x20 || byte >= 0x7f ? '?' : (char)byte;
	}
	*to++ = '"';
	return to;
}

static char *put_json_hex(char *to, uint64_t value)
{
	*to++ = '"';
	to = pt_put_hex(to, value);
	*to++ = '"';
	return to;
}

static void json_begin(struct pt_report *report)
{
	const struct pt_view *view = report->view;
	char *to = PT_PUT(pt_out_begin(report->out), "{\"source\": ");

	to = put_json_text(to, view->source->name, strnlen(view->source->name, NAME_MAX_LEN));
	if (view->has_vcpu) {
		to = PT_PUT(to, ", \"vcpu\": ");
		to = pt_put_number(to, view->vcpu);
	}
	to = PT_PUT(to, ", \"cr3\": ");
	to = put_json_hex(to, view->paging.root);
	to = PT_PUT(to, ", \"paging\": ");
	to = put_json_text(to, view->paging.name, strlen(view->paging.name));
	to = PT_PUT(to, ", \"runs\": [");
	pt_out_end(report->out, to);
}

static char *put_json_rights(char *to, uint32_t rights)
{
	*to++ = '"';
	to = pt_put_rights(to, rights);
	*to++ = '"';
	return to;
}

static char *put_json_amount(char *to, const char *text)
{
	*to++ = '"';
	to = pt_put_text(to, text);
	*to++ = '"';
	return to;
}

/* The keys that only a mapping has. */
static char *put_json_mapped(char *to, const struct pt_report *report,
			     const struct foreign_run *run)
{
	const struct foreign_paging *paging = &report->view->paging;
	char symbol[512];
	size_t len = (size_t)(put_symbol_name(symbol, report, run) - symbol);

	to = PT_PUT(to, ", \"leaf_rights\": ");
	to = put_json_rights(to, run->leaf_rights);
	to = PT_PUT(to, ", \"accessed\": ");
	to = put_json_amount(to, amount(run, paging->accessed));
	to = PT_PUT(to, ", \"dirty\": ");
	to = put_json_amount(to, amount(run, paging->dirty));
	to = PT_PUT(to, ", \"global\": ");
	to = put_json_amount(to, amount(run, paging->global));
	to = PT_PUT(to, ", \"caching\": ");
	to = put_json_amount(to, pt_cache_name(foreign_prop(paging, run->level, run->raw)));
	to = PT_PUT(to, ", \"step\": ");
	to = pt_put_number(to, run->step);
	if (len) {
		to = PT_PUT(to, ", \"symbol\": ");
		to = put_json_text(to, symbol, len);
	}
	return to;
}

static void json_run(struct pt_report *report, const struct foreign_run *run)
{
	char *to = pt_out_begin(report->out);

	if (report->runs)
		*to++ = ',';
	to = PT_PUT(to, "\n{\"start\": ");
	to = put_json_hex(to, run->start);
	to = PT_PUT(to, ", \"last\": ");
	to = put_json_hex(to, run->start + (run->len - 1));
	to = PT_PUT(to, ", \"length\": ");
	to = pt_put_number(to, run->len);
	to = PT_PUT(to, ", \"kind\": ");
	to = put_json_amount(to, end_names[run->end]);
	to = PT_PUT(to, ", \"level\": ");
	to = pt_put_number(to, run->level);
	to = PT_PUT(to, ", \"leaves\": ");
	to = pt_put_number(to, run->nr);
	to = PT_PUT(to, ", \"rights\": ");
	to = put_json_rights(to, run->rights);
	if (run->end == FOREIGN_MAPPED)
		to = put_json_mapped(to, report, run);
	to = PT_PUT(to, ", \"address\": ");
	to = put_json_hex(to, run->address);
	to = PT_PUT(to, ", \"entry\": ");
	to = put_json_hex(to, run->entry);
	to = PT_PUT(to, ", \"raw\": ");
	to = put_json_hex(to, run->raw);
	*to++ = '}';
	pt_out_end(report->out, to);
}

static void json_end(struct pt_report *report)
{
	pt_out_print(report->out, "\n]}\n");
}

const struct pt_style pt_style_tsv = { .name = "tsv", .begin = tsv_begin, .run = tsv_run };
const struct pt_style pt_style_json = {
	.name = "json",
	.begin = json_begin,
	.run = json_run,
	.end = json_end,
};
