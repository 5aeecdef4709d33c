/* SPDX-License-Identifier: MIT */
/*
 * What the engine's operations cost, each beside its limit loop in the same run, for bench/mm.
 *
 *   mm [ROW...]          a table for people mm --json [ROW...]   one JSON object a line mm --once
 *   [ROW...]   each row once, for callgrind: a line "NAME ORDER WHAT PAGES TARGET" for each
 *                        call of bench_measured(), in the order of the calls
 *
 * ROW is NAME or NAME/ORDER, or threads, scale or memory; everything if there is none.
 */
#include <stdio.h>
#include <string.h>

#include "bench/mm_bench.h"

#define REPETITIONS 15

enum form { FORM_TEXT, FORM_JSON, FORM_ONCE };

struct result {
	double ns;
	double limit_ns; /* 0: no limit */
};

static const char *const order_names[] = { "seq", "dperm", "sparse" };

/* The only way into what is measured: callgrind counts in here and nowhere else. */
int bench_measured(bench_run_t run, struct bench *bench);

__attribute__((noinline)) int bench_measured(bench_run_t run, struct bench *bench)
{
	return run(bench);
}

/* Runs it from the state that the row begins with. *ns is for one page. */
static int measure(struct bench *bench, const struct row *row, bench_run_t run, double *ns)
{
	int error = bench_prepare(bench, row);
	double start = bench_cpu_time();

	if (error == 0)
		error = bench_measured(run, bench);
	*ns = (bench_cpu_time() - start) / BENCH_PAGES;
	if (run == row->limit)
		bench_recount(bench);
	return error;
}

/* Work and limit in alternation, so that a slow moment of the machine hits both. */
static int run_timed(struct bench *bench, const struct row *row, struct result *result)
{
	double times[REPETITIONS], limits[REPETITIONS];
	double ignored;
	int error = measure(bench, row, row->run, &ignored);

	for (unsigned i = 0; i < REPETITIONS && error == 0; i++) {
		error = measure(bench, row, row->run, &times[i]);
		if (error == 0 && row->limit)
			error = measure(bench, row, row->limit, &limits[i]);
	}
	if (error)
		return error;
	result->ns = bench_median(times, REPETITIONS);
	result->limit_ns = row->limit ? bench_median(limits, REPETITIONS) : 0;
	return 0;
}

static int run_once(struct bench *bench, const struct row *row)
{
	const char *order = order_names[bench->order];
	double ignored;
	int error = measure(bench, row, row->run, &ignored);

	printf("%s %s work %u %g\n", row->name, order, BENCH_PAGES,
	       bench->order == ORDER_SEQ ? row->target.instructions : 0);
	if (error || !row->limit)
		return error;
	printf("%s %s limit %u 0\n", row->name, order, BENCH_PAGES);
	return measure(bench, row, row->limit, &ignored);
}

static void print_json(const struct row *row, enum order order, const struct result *result)
{
	printf("{\"name\": \"%s\", \"order\": \"%s\", \"ns\": %.2f", row->name, order_names[order],
	       result->ns);
	if (row->limit)
		printf(", \"limit_ns\": %.2f, \"ratio\": %.2f", result->limit_ns,
		       result->ns / result->limit_ns);
	puts("}");
}

/* The targets are for ascending order. */
static void print_target(const struct target *target, const struct result *result)
{
	double limit = target->ratio > 0 ? target->ratio * result->limit_ns : target->ns;

	if (target->ratio > 0)
		printf("  <= %.1f x", target->ratio);
	else
		printf("  <= %2.0f ns", target->ns);
	printf("  %s", result->ns <= limit ? "reached" : "missed");
}

static void print_text(const struct row *row, enum order order, const struct result *result)
{
	const char *limit_name = row->limit ? row->limit_name : "-";

	printf("%-15s %-7s %7.2f", row->name, order_names[order], result->ns);
	if (row->limit)
		printf(" %7.2f %6.2f", result->limit_ns, result->ns / result->limit_ns);
	else
		printf(" %7s %6s", "-", "-");
	printf("  %-*s", order == ORDER_SEQ ? 32 : 0, limit_name);
	if (order == ORDER_SEQ)
		print_target(&row->target, result);
	putchar('\n');
}

static int run_row(struct bench *bench, const struct row *row, enum order order, enum form form)
{
	struct result result;
	int error = bench_begin(bench, order, row->walker);
	int audit;

	if (error)
		return error;
	error = form == FORM_ONCE ? run_once(bench, row) : run_timed(bench, row, &result);
	audit = bench_end(bench);
	if (error == 0)
		error = audit;
	if (error)
		fprintf(stderr, "mm: %s, %s: %s\n", row->name, order_names[order],
			strerror(-error));
	else if (form == FORM_JSON)
		print_json(row, order, &result);
	else if (form == FORM_TEXT)
		print_text(row, order, &result);
	return error;
}

/* Is it among the words, or are there none? */
static bool is_asked_for(char **words, const char *name, const char *order)
{
	size_t len = strlen(name);

	if (!*words)
		return true;
	for (; *words; words++)
		if (strncmp(*words, name, len) == 0 &&
		    (!(*words)[len] ||
		     ((*words)[len] == '/' && strcmp(*words + len + 1, order) == 0)))
			return true;
	return false;
}

static void print_header(void)
{
	printf("%-15s %-7s %7s %7s %6s  %-32s  %s\n", "operation", "order", "ns/page", "limit",
	       "ratio", "what the limit does", "to reach");
}

static int run_rows(struct bench *bench, enum form form, char **words)
{
	bool header = form == FORM_TEXT;
	int error = 0;

	for (const struct row *row = bench_rows; row < bench_rows + bench_nr_rows; row++)
		for (enum order order = 0; order < ORDERS && error == 0; order++) {
			if (!(row->orders >> order & 1) ||
			    !is_asked_for(words, row->name, order_names[order]))
				continue;
			if (header)
				print_header();
			header = false;
			error = run_row(bench, row, order, form);
		}
	return error;
}

static int run_rest(struct bench *bench, enum form form, char **words)
{
	static const struct {
		const char *name;
		int (*run)(struct bench *bench, bool json);
	} parts[] = {
		{ "threads", bench_threads },
		{ "scale", bench_scale },
		{ "memory", bench_memory },
	};
	int error = 0;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts) && error == 0; i++) {
		if (form == FORM_ONCE || !is_asked_for(words, parts[i].name, ""))
			continue;
		error = parts[i].run(bench, form == FORM_JSON);
		if (error)
			fprintf(stderr, "mm: %s: %s\n", parts[i].name, strerror(-error));
	}
	return error;
}

static enum form parse_form(char ***words)
{
	static const char *const options[] = { [FORM_JSON] = "--json", [FORM_ONCE] = "--once" };

	for (enum form form = FORM_JSON; form <= FORM_ONCE; form++) {
		if (**words && strcmp(**words, options[form]) == 0) {
			(*words)++;
			return form;
		}
	}
	return FORM_TEXT;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	char **words = argv + (argc > 0);
	enum form form = parse_form(&words);
	int error = bench_open(&bench);

	if (error)
		fprintf(stderr, "mm: %s\n", strerror(-error));
	else
		error = run_rows(&bench, form, words);
	if (error == 0)
		error = run_rest(&bench, form, words);
	bench_close(&bench);
	return error ? 1 : 0;
}
