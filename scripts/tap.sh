# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For the checks: start at the root of the repository, and print results as TAP.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

tap_number=0

tap_plan()
{
	echo "1..$1"
}

# One result: $1 what was tested, $2 the exit status that says how it went, $3 what there is to say.
tap_result()
{
	local verdict=ok

	[[ $2 == 0 ]] || verdict="not ok"
	echo "$verdict $((++tap_number)) - $1"
	[[ -z $3 ]] || echo "# ${3//$'\n'/$'\n# '}"
}

# One result, good if there is nothing to say: $1 what was tested, $2 what is wrong.
tap_silent()
{
	[[ -z $2 ]]
	tap_result "$1" $? "$2"
}
