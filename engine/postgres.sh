#!/usr/bin/env bash
# Installs PostgreSQL's programs where they are missing, for IronClaw's tests with a database; makes no cluster and starts none.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$(dirname "$0")/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$(dirname "$0")/lib/toolchains.sh"
# shellcheck source=lib/packages.sh
. "$(dirname "$0")/lib/packages.sh"

there() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
install_missing() {
  if there; then return; fi
  # Else Debian's package makes a cluster and starts it, now and at every boot.
  if can_be_root && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  install_packages "IronClaw's tests" postgresql
}
if ! there; then locked "$CLAWFLEET_CACHE/postgres.lock" install_missing; fi
