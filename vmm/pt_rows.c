/* SPDX-License-Identifier: MIT */
/*
 * Rows of named columns: see pt_rows.h.
 */
#include "vmm/pt_rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/refuse.h"

#define ROW_MAX 512

bool pt_rows_wanted(const struct pt_call *call)
{
	return call->options.style == &pt_style_tsv || call->options.style == &pt_style_json;
}

int pt_rows_check(struct pt_call *call, const char *command)
{
	if (pt_rows_wanted(call) || call->options.style == &pt_style_text)
		return 0;
	return refuse(&call->error, -EINVAL, "%s prints text, tsv or json", command);
}

void pt_rows_begin(struct pt_rows *rows, struct pt_call *call, const char *columns)
{
	*rows = (struct pt_rows){ .out = &call->out, .columns = columns };
	rows->json = call->options.style == &pt_style_json;
	if (rows->json)
		pt_out_print(rows->out, "[");
	else if (pt_rows_wanted(call))
		pt_out_print(rows->out, "%s\n", columns);
}

static void put_field(struct pt_out *out, const char *field, int len)
{
	if (len == 1 && *field == '-')
		pt_out_print(out, "null");
	else if (len > 0 && (int)strspn(field, "0123456789") >= len)
		pt_out_print(out, "%.*s", len, field);
	else
		pt_out_string(out, field, (size_t)len);
}

static void put_object(struct pt_rows *rows, const char *row)
{
	const char *name = rows->columns;

	pt_out_print(rows->out, "%s\n {", rows->nr ? "," : "");
	for (const char *comma = "";; comma = ", ") {
		int name_len = (int)strcspn(name, "\t");
		int field_len = (int)strcspn(row, "\t");

		pt_out_print(rows->out, "%s\"%.*s\": ", comma, name_len, name);
		put_field(rows->out, row, field_len);
		if (!name[name_len])
			break;
		name += name_len + 1;
		row += field_len + (row[field_len] == '\t');
	}
	pt_out_print(rows->out, "}");
}

void pt_rows_put(struct pt_rows *rows, const char *format, ...)
{
	char row[ROW_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(row, sizeof(row), format, arguments);
	va_end(arguments);
	if (rows->json)
		put_object(rows, row);
	else
		pt_out_print(rows->out, "%s\n", row);
	rows->nr++;
}

void pt_rows_end(struct pt_rows *rows)
{
	if (rows->json)
		pt_out_print(rows->out, "%s]\n", rows->nr ? "\n" : "");
}
