#!/usr/bin/env bash
# The rootless Docker daemon that Clawfleet starts where no daemon is to be had.
#
#   engine/daemon.sh start    starts it when it does not answer; prints its address (a DOCKER_HOST value)
#   engine/daemon.sh stop     stops it; images, volumes and containers stay
#   engine/daemon.sh address  prints its address, running or not
#   engine/daemon.sh files    prints how many open files a container of the running daemon may have
#
# Root gets a daemon of a dedicated, unprivileged system user `clawfleet` (home /var/lib/clawfleet, socket /run/clawfleet/docker.sock);
# anybody else gets one of their own. No systemd is needed. The daemon outlives this script, and is shared by all checkouts.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"

OWNER=clawfleet
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Private addresses seldom used elsewhere, in subnets of 30 addresses: 2,048 networks, where Docker's own pools end at 31.
POOL=10.213.0.0/16
POOL_PREFIX=27
OPEN_FILES=1048576

if [ "$(id -u)" -eq 0 ]; then
  home=/var/lib/$OWNER run=/run/$OWNER
else
  OWNER=$(id -un)
  home=$HOME
  run=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
  if [ ! -w "$run" ]; then run=$HOME/.local/share/clawfleet/run; fi
fi
data=$home/.local/share/clawfleet
address=unix://$run/docker.sock
log=$data/dockerd.log

answers() { DOCKER_HOST=$address timeout 5 docker version >/dev/null 2>&1; }

# The first id after all ranges in /etc/subuid and /etc/subgid.
free_range() {
  cat /etc/subuid /etc/subgid 2>/dev/null | awk -F: '{ end = $2 + $3; if (end > max) max = end } END { print (max > 100000 ? max : 100000) }'
}

make_owner() {
  if ! getent passwd "$OWNER" >/dev/null; then
    say "  adding the unprivileged system user $OWNER, who will run Docker ..."
    as_root useradd --system --user-group --create-home --home-dir "$home" --shell /usr/sbin/nologin "$OWNER"
  fi
  if ! grep -qs "^$OWNER:" /etc/subuid || ! grep -qs "^$OWNER:" /etc/subgid; then
    local first
    first=$(free_range)
    say "  giving $OWNER the subordinate user ids $first-$((first + 65535)) ..."
    as_root usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$OWNER"
  fi
}

# Debian's udev makes both devices usable by everybody; without udev they belong to root alone.
open_devices() {
  local device
  for device in /dev/fuse /dev/net/tun; do
    if [ ! -c "$device" ]; then continue; fi
    if [ "$(stat -c %a "$device")" != 666 ]; then as_root chmod 666 "$device"; fi
  done
}

# Containers cannot have more open files than their daemon, and a claw may have 65,536.
raise_limits() {
  if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt "$OPEN_FILES" ] && can_be_root; then
    as_root prlimit "--pid=$$" "--nofile=$OPEN_FILES:$OPEN_FILES" 2>/dev/null ||
      say "  note: this machine allows no more than $(ulimit -Hn) open files in one container"
  fi
  ulimit -n "$(ulimit -Hn)"
}

write_settings() {
  local files=64000
  if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt "$files" ]; then files=$(ulimit -n); fi
  cat >"$1" <<JSON
{
  "data-root": "$data/docker",
  "exec-root": "$run/docker",
  "pidfile": "$run/docker.pid",
  "default-address-pools": [{ "base": "$POOL", "size": $POOL_PREFIX }],
  "default-ulimits": {
    "nofile": { "Name": "nofile", "Soft": $files, "Hard": $files },
    "nproc": { "Name": "nproc", "Soft": 2048, "Hard": 2048 }
  },
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" },
  "features": { "buildkit": true }
}
JSON
}

# The running daemon's process, if any. The number alone may be another's by now.
daemon_pid() {
  local pid
  pid=$(cat "$run/docker.pid" 2>/dev/null || true)
  if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null || true)" = dockerd ]; then echo "$pid"; fi
}

# All descendants of the processes given.
descendants() {
  ps -eo pid=,ppid= | awk -v roots="$*" '
    { children[$2] = children[$2] " " $1 }
    END { n = split(roots, queue, " "); for (i = 1; i <= n; i++) { m = split(children[queue[i]], found, " "); for (j = 1; j <= m; j++) { queue[++n] = found[j]; print found[j] } } }'
}

# A killed daemon leaves its containers running, in a user namespace where its successor can end none of them and starts each one
# a second time: two writers on one volume. So they are ended first, in order where they heed it; the new daemon starts them again.
clear_leftovers() {
  local shims pids i
  mapfile -t shims < <(pgrep -f "^[^ ]*containerd-shim[^ ]* .*-address $run/docker/")
  if [ ${#shims[@]} -gt 0 ]; then
    say "  ending what a killed daemon has left running ..."
    mapfile -t pids < <(descendants "${shims[@]}")
    if [ ${#pids[@]} -gt 0 ]; then kill "${pids[@]}" 2>/dev/null || true; fi
    for ((i = 0; i < 100; i++)); do
      mapfile -t pids < <(descendants "${shims[@]}")
      if [ ${#pids[@]} -eq 0 ]; then break; fi
      sleep 0.1
    done
    kill -KILL "${pids[@]}" "${shims[@]}" 2>/dev/null || true
  fi
  rm -rf "$run/docker.pid" "$run/docker/containerd" "$run/docker/runtime-runc"
}

# Prints the script that starts dockerd in RootlessKit: Debian's package and Docker's own put it in different places.
starter() {
  local file
  for file in "$(PATH=$PATH:$SYSTEM_PATH command -v dockerd-rootless.sh || true)" /usr/share/docker.io/contrib/dockerd-rootless.sh; do
    if [ -n "$file" ] && [ -x "$file" ]; then
      echo "$file"
      return
    fi
  done
  fail "no rootless Docker on this machine (dockerd-rootless.sh not found). Install it: apt-get install docker.io rootlesskit slirp4netns uidmap"
}

launch() {
  local script settings i
  script=$(starter)
  make_owner
  open_devices
  if [ "$(id -u)" -eq 0 ]; then
    install -d -o "$OWNER" -g "$OWNER" -m 0711 "$home"
    install -d -o "$OWNER" -g "$OWNER" -m 0700 "$run" "$home/.local" "$home/.local/share" "$data"
  else
    mkdir -p "$run" "$data"
    chmod 700 "$run"
  fi
  raise_limits
  settings=$data/daemon.json
  write_settings "$settings.new"
  mv "$settings.new" "$settings"
  if [ -n "$(daemon_pid)" ]; then
    for ((i = 0; i < 300; i++)); do
      if answers; then return; fi
      sleep 0.1
    done
    fail "the daemon of user $OWNER (process $(daemon_pid)) runs and does not answer. End it: engine/daemon.sh stop. Its log: $log"
  fi
  clear_leftovers
  local as=()
  if [ "$(id -u)" -eq 0 ]; then as=(setpriv "--reuid=$OWNER" "--regid=$OWNER" --init-groups); fi
  (
    cd /
    # The daemon lives on: it must not hold anybody's lock.
    for file in "/proc/$BASHPID/fd"/*; do
      if [ "${file##*/}" -gt 2 ]; then eval "exec ${file##*/}>&-"; fi
    done
    # TMPDIR: RootlessKit's sockets must not be where old files are swept away.
    exec setsid "${as[@]}" env -i HOME="$home" USER="$OWNER" PATH="$(dirname "$script"):$SYSTEM_PATH" XDG_RUNTIME_DIR="$run" TMPDIR="$run" \
      ${HTTP_PROXY+HTTP_PROXY="$HTTP_PROXY"} ${HTTPS_PROXY+HTTPS_PROXY="$HTTPS_PROXY"} ${NO_PROXY+NO_PROXY="$NO_PROXY"} \
      ${SSL_CERT_FILE+SSL_CERT_FILE="$SSL_CERT_FILE"} ${SSL_CERT_DIR+SSL_CERT_DIR="$SSL_CERT_DIR"} \
      DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns DOCKERD_ROOTLESS_ROOTLESSKIT_MTU=65520 DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=builtin \
      "$script" --config-file "$settings" --host "$address"
  ) >>"$log" 2>&1 </dev/null &
  for ((i = 0; i < 300; i++)); do
    if answers; then return; fi
    if ((i > 20)) && ! kill -0 $! 2>/dev/null; then break; fi
    sleep 0.1
  done
  say "$(tail -n 15 "$log" | sed 's/^/    | /')"
  fail "the rootless Docker daemon of user $OWNER does not answer. The whole log: $log"
}

start() {
  if answers; then return; fi
  say "  starting the rootless Docker daemon of user $OWNER ..."
  # The daemon must not inherit the lock.
  locked "${TMPDIR:-/tmp}/clawfleet-daemon-$(id -u).lock" start_locked
}
start_locked() { if ! answers; then launch; fi; }

# RootlessKit ends with the daemon, its only child.
stop() {
  local pid i
  pid=$(daemon_pid)
  if [ -z "$pid" ]; then
    say "the daemon of user $OWNER is not running"
    return
  fi
  kill "$pid"
  for ((i = 0; i < 300; i++)); do
    if ! kill -0 "$pid" 2>/dev/null; then return; fi
    sleep 0.1
  done
  fail "the daemon of user $OWNER (process $pid) does not end; see $log"
}

case ${1:-} in
  start)
    start
    echo "$address"
    ;;
  stop) stop ;;
  address) echo "$address" ;;
  files) awk '/^Max open files/ { print $5 }' "/proc/$(cat "$run/docker.pid")/limits" ;;
  *) sed -n '2,10p' "$0" >&2; exit 2 ;;
esac
