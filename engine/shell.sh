#!/usr/bin/env bash
# The user's shell with .clawfleet/env in it; `make shell` has sourced it already. Without a terminal: the commands on stdin.
set -euo pipefail
. "$(dirname "$0")/lib/common.sh"

shell=${SHELL:-/bin/bash}
if [ ! -t 0 ]; then exec bash -s; fi
say "In this shell pulumi, clawfleet and docker work by hand: pulumi preview, pulumi up, clawfleet status. 'exit' leaves it."
case ${shell##*/} in
  bash)
    # After the user's own start-up file, which may set PATH anew.
    # shellcheck disable=SC2016 # for the file, not for now
    printf '%s\n' 'if [ -r ~/.bashrc ]; then . ~/.bashrc; fi' ". '${CLAWFLEET_STATE//\'/\'\\\'\'}/env'" 'PS1="(clawfleet) $PS1"' >"$CLAWFLEET_STATE/bashrc"
    exec "$shell" --rcfile "$CLAWFLEET_STATE/bashrc" -i
    ;;
  *) exec "$shell" -i ;;
esac
