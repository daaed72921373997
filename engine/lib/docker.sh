# shellcheck shell=bash
# Which Docker daemon to use: the user's own one that works, else a rootless one of ours.

OWN_DAEMON=$("$CLAWFLEET_ROOT/engine/daemon.sh" address)

# daemon_facts ADDRESS: prints "rootless|rootful <cgroup driver>" of a daemon that answers; fails when none does.
daemon_facts() {
  local facts
  facts=$(DOCKER_HOST=$1 timeout 10 docker info --format '{{range .SecurityOptions}}{{.}} {{end}}|{{.CgroupDriver}}' 2>/dev/null) || return 1
  case $facts in
    '' | '|') return 1 ;;
    *name=rootless*) echo "rootless ${facts##*|}" ;;
    *) echo "rootful ${facts##*|}" ;;
  esac
}

# The address of the Docker client's current context, where it is one that DOCKER_HOST alone can stand for.
context_address() {
  local address
  address=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
  case $address in unix://* | ssh://*) echo "$address" ;; esac
}

# Debian packages that a rootless daemon of ours needs and this machine lacks.
docker_packages() {
  local package
  local -A program=([rootlesskit]=rootlesskit [slirp4netns]=slirp4netns [uidmap]=newuidmap [iptables]=iptables [fuse-overlayfs]=fuse-overlayfs)
  local PATH=$PATH:/usr/sbin:/sbin
  if ! have dockerd || ! have docker; then echo docker.io; fi
  # From Debian 13 on the client is a package of its own.
  if ! have docker && apt-cache show docker-cli >/dev/null 2>&1; then echo docker-cli; fi
  for package in "${!program[@]}"; do
    if ! have "${program[$package]}"; then echo "$package"; fi
  done
}

# find_docker: sets DOCKER_ADDRESS and DOCKER_FACTS to a daemon that answers; fails when there is none.
find_docker() {
  local candidate
  if ! have docker; then return 1; fi
  if [ -n "${DOCKER_HOST:-}" ] && [ "$DOCKER_HOST" != "$OWN_DAEMON" ]; then
    DOCKER_ADDRESS=$DOCKER_HOST
    DOCKER_FACTS=$(daemon_facts "$DOCKER_HOST") ||
      fail "DOCKER_HOST is set to $DOCKER_HOST, and no Docker daemon answers there. Start it, or unset DOCKER_HOST to get a rootless daemon."
    return
  fi
  for candidate in "$(cat "$CLAWFLEET_STATE/docker" 2>/dev/null || true)" "$(context_address)" "unix:///run/user/$(id -u)/docker.sock" "$OWN_DAEMON"; do
    if [ -n "$candidate" ] && DOCKER_FACTS=$(daemon_facts "$candidate"); then
      DOCKER_ADDRESS=$candidate
      return
    fi
  done
  DOCKER_ADDRESS=''
  return 1
}

start_docker() {
  DOCKER_ADDRESS=$("$CLAWFLEET_ROOT/engine/daemon.sh" start)
  DOCKER_FACTS=$(daemon_facts "$DOCKER_ADDRESS") || fail "the Docker daemon at $DOCKER_ADDRESS does not answer"
}

# Says what the chosen daemon means: a rootful one each time, the rest when the choice is new.
describe_docker() {
  case $DOCKER_FACTS in
    rootful*)
      warn "Docker at $DOCKER_ADDRESS runs as root. Whoever can reach its socket, each member of the docker group included, is root on this
  machine, and so is a claw that breaks out of its container. Rootless Docker confines both to an unprivileged user:
  'docker context use rootless', or point DOCKER_HOST at a rootless socket."
      ;;
  esac
  if [ "$(cat "$CLAWFLEET_STATE/docker" 2>/dev/null || true)" = "$DOCKER_ADDRESS" ]; then return; fi
  say "  using ${DOCKER_FACTS%% *} Docker at $DOCKER_ADDRESS"
  if [ "${DOCKER_FACTS#* }" = none ]; then
    say "  note: this daemon cannot enforce memory and CPU limits (that takes cgroup v2 and systemd); claws run without them"
  fi
  echo "$DOCKER_ADDRESS" >"$CLAWFLEET_STATE/docker"
}

# Base images that the runtimes named in a fleet file are built from (all runtimes without one).
wanted_bases() {
  local fleet=$1 file runtime
  for file in "$CLAWFLEET_ROOT"/runtimes/*/Dockerfile; do
    runtime=$(basename "$(dirname "$file")")
    if [ -z "$fleet" ] || grep -qE "^[[:space:]]*runtime[[:space:]]*=[[:space:]]*[\"']${runtime}[\"']" "$fleet"; then
      sed -nE 's/^ARG (DEBIAN|NODE|NODE_BUILD|GO|RUST|PYTHON)=.*/\1/p' "$file"
    fi
  done | sort -u
}

# runtimes_on BASE: names of the runtimes whose images are built with this base, for a sentence.
runtimes_on() {
  local file
  for file in "$CLAWFLEET_ROOT"/runtimes/*/Dockerfile; do
    if grep -q "^ARG $1=" "$file"; then basename "$(dirname "$file")"; fi
  done | paste -sd, | sed 's/,/, /g'
}

# choose_bases FLEET: writes "registry" or "local" to the state file `bases`; makes the local images that are missing.
choose_bases() {
  local fleet=$1 choice wanted
  case ${CLAWFLEET_BASES:-} in
    '') ;;
    *) return ;; # The user's own base images.
  esac
  choice=$(cat "$CLAWFLEET_STATE/bases" 2>/dev/null || true)
  if [ -z "$choice" ]; then
    if slow_probe; then choice=registry; else choice=local; fi
    if [ "$choice" = local ]; then say "  the Docker daemon reaches no Docker Hub: base images are made here from Debian, npm and the machine's toolchains"; fi
    echo "$choice" >"$CLAWFLEET_STATE/bases"
  fi
  if [ "$choice" = registry ]; then return; fi
  mapfile -t wanted < <(wanted_bases "$fleet")
  if [ ${#wanted[@]} -eq 0 ]; then return; fi
  if [[ " ${wanted[*]} " == *" RUST "* ]] && ! DOCKER_HOST=$DOCKER_ADDRESS "$CLAWFLEET_ROOT/engine/bases.sh" has RUST && ! rust_toolchain >/dev/null; then
    if [ -n "$fleet" ]; then
      fail "compiled by Rust >= 1.96, which this machine lacks: $(runtimes_on RUST). Install it (rustup toolchain install nightly), or run another fleet."
    fi
    warn "no Rust >= 1.96 on this machine: what needs the images of $(runtimes_on RUST) cannot run (rustup toolchain install nightly)"
    mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | grep -vx RUST)
  fi
  DOCKER_HOST=$DOCKER_ADDRESS "$CLAWFLEET_ROOT/engine/bases.sh" "${wanted[@]}"
}

# Whether the daemon can pull from Docker Hub. A daemon without a way out says so at once; one behind a silent firewall after 20 s.
slow_probe() {
  local image=hello-world
  DOCKER_HOST=$DOCKER_ADDRESS timeout 20 docker pull --quiet "$image" >"$CLAWFLEET_LOGS/registry.log" 2>&1 || return 1
  DOCKER_HOST=$DOCKER_ADDRESS docker image rm "$image" >>"$CLAWFLEET_LOGS/registry.log" 2>&1 || true
}
