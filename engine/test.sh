#!/usr/bin/env bash
# Runs the checks and tests, and ends with "N passed, N failed". The tests want the environment that `. .clawfleet/env` makes.
#
#   engine/test.sh             all
#   engine/test.sh --checks    the static checks only
#   engine/test.sh FILTER...   only the vitest files whose paths contain a FILTER
#
# Each static check counts as one. Exit code 1 when anything failed, could not run, or nothing ran.
set -uo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$CLAWFLEET_ROOT/engine/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$CLAWFLEET_ROOT/engine/lib/toolchains.sh"
cd "$CLAWFLEET_ROOT" || exit 1
PATH=$(dirname "$(node_command)"):$(dirname "$(go_command)"):$PATH
state_dirs

passed=0
failed=0
failures=()

# check NAME COMMAND...: one static check.
check() {
  local name=$1
  shift
  say "${BOLD}$name${PLAIN}"
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures+=("$name")
  fi
}

# A tool that is silent about what is wrong (gofmt -l) has to print nothing.
prints_nothing() {
  local out
  out=$("$@") || return 1
  if [ -n "$out" ]; then
    printf '%s\n' "$out" >&2
    return 1
  fi
}

# All *.sh, and what begins with a shell's name.
scripts() {
  { git ls-files --cached --others --exclude-standard '*.sh'
    git ls-files --cached --others --exclude-standard | grep -v '\.in$' | xargs -r -d '\n' awk 'FNR == 1 && /^#!.*[\/ ](ba)?sh$/ { print FILENAME } { nextfile }'
  } | sort -u | xargs -r -d '\n' shellcheck
}

# add NAME COUNTS: "passed failed" of one suite; anything else means that it did not run.
add() {
  local name=$1 p f
  if ! read -r p f <<<"$2" || [ -z "$f" ]; then
    failed=$((failed + 1))
    failures+=("$name: did not run")
    return
  fi
  passed=$((passed + p))
  failed=$((failed + f))
  if [ "$f" -ne 0 ]; then failures+=("$name: $f failed"); fi
}

static_checks() {
  check Biome npx --no-install biome check .
  check TypeScript npx --no-install tsc --noEmit
  check shellcheck scripts
  check gofmt prints_nothing gofmt -l runtimes/entrypoint engine test/engine/fixtures
  check "go vet" go -C runtimes/entrypoint vet ./...
  check "generated files" node runtimes/generate.ts --check
}

go_tests() {
  say "${BOLD}go test${PLAIN}"
  go -C runtimes/entrypoint test -json ./... >"$results/go.json"
  add "go test" "$(node engine/test-counts.ts go "$results/go.json")"
}

vitest() {
  say "${BOLD}vitest${PLAIN}"
  npx --no-install vitest run --reporter=default --reporter=json --outputFile.json="$results/vitest.json" "$@"
  add vitest "$(node engine/test-counts.ts vitest "$results/vitest.json")"
}

results=$CLAWFLEET_STATE/test
rm -rf "$results"
mkdir -p "$results"
case ${1:-} in
  '')
    static_checks
    go_tests
    vitest
    ;;
  --checks) static_checks ;;
  *) vitest "$@" ;;
esac

for failure in "${failures[@]}"; do say "${RED}failed:${PLAIN} $failure"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
