/* SPDX-License-Identifier: MIT */
/*
 * vmm pt dump.
 */
#include <errno.h>
#include <string.h>

#include "vmm/command_pt.h"
#include "vmm/refuse.h"

static int picture(struct pt_call *call)
{
	const struct pt_options *options = &call->options;

	if (call->nr_words || options->first > 0 || options->last < UINT64_MAX)
		return refuse(&call->error, -EINVAL,
			      "--format %s: a picture shows all there is, without filter and range",
			      options->style->name);
	return pt_call_draw(call, 0, NULL, 0);
}

int pt_command_dump(struct pt_call *call)
{
	const struct pt_options *options = &call->options;
	struct pt_report report = pt_call_report(call, 0);
	struct pt_filter filter = { .nr = 0 };
	const struct pt_dump dump = {
		.style = options->style,
		.filter = call->nr_words ? &filter : NULL,
		.first = options->first,
		.last = options->last,
		.holes = options->holes,
		.flat = options->flat,
	};
	int result = 0;

	for (int i = 0; i < call->nr_words && !result; i++)
		result = pt_filter_add(&filter, call->words[i], &call->error);
	if (!result && options->holes && call->nr_words)
		result = refuse(&call->error, -EINVAL, "--holes: a filter lets no hole pass");
	if (!result && options->style->draw)
		return picture(call);
	if (result)
		return result;
	if (options->style != &pt_style_text)
		pt_call_describe(call, 0);
	result = pt_dump(&report, &dump);
	if (result == -EOVERFLOW)
		return refuse(&call->error, result,
			      "the same tables are mapped again and again, and %s has no word for "
			      "that: --format text has",
			      options->style->name);
	return result ? refuse(&call->error, result, "standard output: %s", strerror(-result)) : 0;
}
