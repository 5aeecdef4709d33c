/* SPDX-License-Identifier: MIT */
/*
 * Rows of named columns for programs, as tsv or as JSON: what commands print that have no runs.
 */
#ifndef VMM_PT_ROWS_H
#define VMM_PT_ROWS_H

#include "vmm/command_pt.h"

struct pt_rows {
	struct pt_out *out;
	const char *columns; /* names with tabs between them */
	bool json;
	uint64_t nr; /* rows so far */
};

/* Does this call want rows? Text, and pictures, are the command's own. */
bool pt_rows_wanted(const struct pt_call *call);

/*
 * 0 if the call wants text or rows; else -EINVAL with a sentence that says what `command` prints.
 */
int pt_rows_check(struct pt_call *call, const char *command);

/* Begins to print rows with these columns, which live as long. Nothing where none are wanted. */
void pt_rows_begin(struct pt_rows *rows, struct pt_call *call, const char *columns);

/*
 * Prints a row: its fields with tabs between them, as many as there are columns. In JSON a field of
 * digits is a number, "-" is null, and all else a string.
 */
__attribute__((format(printf, 2, 3))) void pt_rows_put(struct pt_rows *rows, const char *format,
						       ...);

void pt_rows_end(struct pt_rows *rows);

#endif
