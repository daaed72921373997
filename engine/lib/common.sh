# shellcheck shell=bash
# Shared by the scripts of engine/: messages, progress, locks, privileges. Source it; it runs nothing by itself.
#
# CLAWFLEET_STATE   where this checkout keeps its local state (default: <checkout>/.clawfleet)
# CLAWFLEET_CACHE   what all checkouts of a user share: Node, the Pulumi CLI (default: ${XDG_CACHE_HOME:-~/.cache}/clawfleet)

CLAWFLEET_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CLAWFLEET_STATE=${CLAWFLEET_STATE:-$CLAWFLEET_ROOT/.clawfleet}
CLAWFLEET_CACHE=${CLAWFLEET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clawfleet}
CLAWFLEET_LOGS=$CLAWFLEET_STATE/log
export CLAWFLEET_STATE CLAWFLEET_CACHE

if [ -t 2 ] && [ -z "${CI:-}" ]; then TTY=1; else TTY=; fi
if [ -n "$TTY" ] && [ -z "${NO_COLOR:-}" ]; then
  BOLD=$'\e[1m' RED=$'\e[31m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' YELLOW='' PLAIN=''
fi
if [ -n "$TTY" ]; then WIPE=$'\r\e[K'; else WIPE=''; fi

say() { printf '%s%s\n' "$WIPE" "$*" >&2; }
warn() { printf '%s%swarning:%s %s\n' "$WIPE" "$YELLOW" "$PLAIN" "$*" >&2; }
# fail MESSAGE: what went wrong and what to do about it, in one message; ends the script with FAIL_CODE (2 = wrong input; default 1).
fail() {
  printf '%s%serror:%s %s\n' "$WIPE" "$RED$BOLD" "$PLAIN" "$*" >&2
  exit "${FAIL_CODE:-1}"
}

state_dirs() {
  mkdir -p "$CLAWFLEET_STATE" "$CLAWFLEET_LOGS" "$CLAWFLEET_STATE/running"
  chmod 700 "$CLAWFLEET_STATE"
}

# slow LABEL NAME COMMAND...: runs COMMAND with its output in log/NAME.log; says LABEL before and the time after, and keeps a
# file in running/ meanwhile, from which the ticker of setup.sh shows what is going on. On failure: the log's end, its path, exit 1.
# To be called plainly, not as a condition.
slow() {
  local label=$1 name=$2 log start mark rc=0
  shift 2
  state_dirs
  log=$CLAWFLEET_LOGS/$name.log
  start=$SECONDS
  mark=$CLAWFLEET_STATE/running/$name
  printf '%s %s\n' "$(date +%s)" "$label" >"$mark"
  say "  $label ..."
  # Not "|| rc=$?": that would let a failing COMMAND that is a function of several steps run on.
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null
  rc=$?
  set -e
  rm -f "$mark"
  if [ "$rc" -ne 0 ]; then
    say "$(tail -n 15 "$log" | sed 's/^/    | /')"
    fail "$label: failed (exit code $rc). The whole log: $log"
  fi
  if [ $((SECONDS - start)) -ge 2 ]; then say "  $label: done ($((SECONDS - start)) s)"; fi
}

# locked FILE COMMAND...: runs COMMAND while holding FILE's lock (descriptor LOCK_FD), so that two set-ups never do the same thing
# at once. Not to be nested.
locked() {
  local file=$1
  shift
  mkdir -p "$(dirname "$file")"
  exec {LOCK_FD}>"$file"
  if ! flock -n "$LOCK_FD"; then
    say "  waiting for another set-up that is under way ..."
    flock "$LOCK_FD"
  fi
  "$@"
  exec {LOCK_FD}>&-
}

# as_root COMMAND...: runs COMMAND as root, through sudo where needed. Without a terminal sudo may not ask.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif [ -t 0 ] && [ -t 2 ]; then
    sudo -- "$@"
  else
    sudo -n -- "$@"
  fi
}

can_be_root() {
  [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

have() { command -v "$1" >/dev/null 2>&1; }
