#!/usr/bin/env bash
# `make doctor`: what is on this machine, by the command line where it can run, else what keeps it from running.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$(dirname "$0")/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$(dirname "$0")/lib/toolchains.sh"
# shellcheck source=lib/local.sh
. "$(dirname "$0")/lib/local.sh"

if [ ! -e "$CLAWFLEET_STATE/env" ]; then fail "nothing is set up yet: run 'make up' (or 'make setup', which starts no claw)"; fi
node_command >/dev/null || fail "no Node >= 24 any more: run 'make setup'"
packages_current || fail "the npm packages are missing or out of date: run 'make setup'"
printf '%-15s%s\n' 'Open files' "${CLAWFLEET_MAX_OPEN_FILES:-as many as the daemon gives} in one container" 'Set-up logs' "$CLAWFLEET_LOGS"
exec "$CLAWFLEET_ROOT/cli/clawfleet" doctor "$@"
