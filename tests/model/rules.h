/* SPDX-License-Identifier: MIT */
/*
 * The rules that the model checks: one row of rules.def each, which is also what the documents show
 * (`trace --rules`).
 */
#ifndef TESTS_MODEL_RULES_H
#define TESTS_MODEL_RULES_H

enum rule {
#define RULE(name, id, text) RULE_##name,
#define AXIOM(name, id, text) name,
#include "tests/model/rules.def"
#undef RULE
#undef AXIOM
	RULES
};

struct rule_info {
	const char *id;
	const char *text;
};

extern const struct rule_info rule_table[RULES];

#endif
