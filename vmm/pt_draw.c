/* SPDX-License-Identifier: MIT */
/*
 * vmm pt --format html and svg: from a call to a picture.
 */
#include <errno.h>
#include <string.h>

#include "vmm/command_pt.h"
#include "vmm/pt_picture.h"
#include "vmm/refuse.h"

const struct pt_style pt_style_html = { .name = "html", .draw = pt_picture_html };
const struct pt_style pt_style_svg = { .name = "svg", .draw = pt_picture_svg };

static int fill(struct pt_picture *picture, struct pt_view *view,
		const struct pt_picture_change *changes, size_t nr_changes)
{
	int result = pt_picture_open(picture, view);

	picture->is_diff = changes != NULL;
	for (size_t i = 0; i < nr_changes && !result; i++)
		result = pt_picture_change(picture, &changes[i]);
	return result;
}

int pt_call_draw(struct pt_call *call, unsigned view, const struct pt_picture_change *changes,
		 size_t nr_changes)
{
	struct pt_picture picture;
	int result = fill(&picture, &call->views[view], changes, nr_changes);

	if (result)
		refuse(&call->error, result, "the picture: %s", strerror(-result));
	else
		call->options.style->draw(&picture, call->views[view].source->name, &call->out);
	pt_picture_close(&picture);
	return result;
}
