/* SPDX-License-Identifier: MIT */
#include "tests/model/rules.h"

const struct rule_info rule_table[RULES] = {
#define RULE(name, id, text) { id, text },
#define AXIOM(name, id, text) { id, text },
#include "tests/model/rules.def"
#undef RULE
#undef AXIOM
};
