# shellcheck shell=bash
# The cluster's image registry: Debian's docker-registry on the host's end of the link, with TLS by the cluster's authority and a login.
# The node trusts the authority and has no login of its own: a pod that pulls from here names a secret that has.

REGISTRY_USER=clawfleet
REGISTRY_STATE=$STATE/registry
PASSWORD_FILE=$STATE/registry-password

registry_config() {
  cat <<YAML
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: $REGISTRY_STATE }
  delete: { enabled: true }
http:
  addr: $REGISTRY
  secret: $(random)
  tls: { certificate: $PKI/registry.crt, key: $PKI/registry.key, minimumtls: tls1.2 }
auth:
  htpasswd: { realm: "Clawfleet's cluster", path: $CONF/htpasswd }
YAML
}

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# bcrypt, the one sum that docker-registry takes, by the C library; the password stays off the command line.
write_htpasswd() {
  # shellcheck disable=SC2016 # Perl's variables
  salt=$(head -c 64 /dev/urandom | base64 -w 0 | tr -d '+/=' | head -c 22) user=$REGISTRY_USER \
    perl -e 'chomp($p = <STDIN>); $s = crypt($p, "\$2b\$10\$$ENV{salt}"); length($s) == 60 or die "no bcrypt in the C library\n"; print "$ENV{user}:$s\n"' \
    <"$PASSWORD_FILE" >"$CONF/htpasswd.new"
  mv "$CONF/htpasswd.new" "$CONF/htpasswd"
}

write_registry_config() {
  if [ ! -s "$PASSWORD_FILE" ]; then
    random >"$PASSWORD_FILE.new"
    mv "$PASSWORD_FILE.new" "$PASSWORD_FILE"
  fi
  write_htpasswd
  registry_config >"$CONF/registry.yml"
}

registry_answers() {
  [ "$(curl -s --noproxy '*' --max-time 5 -o /dev/null -w '%{http_code}' --cacert "$PKI/ca.crt" "https://$REGISTRY/v2/")" = 401 ]
}

# It listens on the network: it keeps root's name, for the state folder's sake, and none of root's powers.
start_registry() {
  if pid_of registry >/dev/null; then return; fi
  mkdir -p "$REGISTRY_STATE"
  outlive env -i PATH="$PATH" OTEL_TRACES_EXPORTER=none \
    setpriv --no-new-privs --inh-caps=-all --bounding-set=-all docker-registry serve "$CONF/registry.yml" >"$LOG/registry.log" 2>&1 </dev/null
  remember registry "$STARTED"
}

# Where Docker daemons on this machine look for authorities that they trust for this one registry; they look at each push anew.
# Prints the folders: of Clawfleet's own rootless daemon, and of the daemon that DOCKER_HOST or the client's context names.
trusting_folders() {
  local own address socket owner
  own=$("$CLAWFLEET_ROOT/engine/daemon.sh" address)
  for address in "$own" "${DOCKER_HOST:-}" "$(cat "$CLAWFLEET_STATE/docker" 2>/dev/null || true)" unix:///var/run/docker.sock; do
    socket=${address#unix://}
    if [ "$socket" = "$address" ] || [ ! -S "$socket" ]; then continue; fi
    owner=$(stat -c %U "$socket")
    if [ "$owner" = root ]; then
      echo /etc/docker/certs.d
    else
      echo "$(getent passwd "$owner" | cut -d : -f 6)/.config/docker/certs.d"
    fi
  done | sort -u
}

trust_registry() {
  local folder home owner
  while read -r folder; do
    if cmp -s "$PKI/ca.crt" "$folder/$REGISTRY/ca.crt"; then continue; fi
    home=${folder%/.config/docker/certs.d}
    if [ "$home" != "$folder" ]; then
      owner=$(stat -c %u:%g "$home")
      install -d -o "${owner%:*}" -g "${owner#*:}" "$home/.config" "$home/.config/docker" "$folder"
    fi
    install -d -m 0755 "$folder" "$folder/$REGISTRY"
    install -m 0644 "$PKI/ca.crt" "$folder/$REGISTRY/ca.crt"
    echo "$folder/$REGISTRY" >>"$STATE/trusted"
  done < <(trusting_folders)
}

distrust_registry() {
  local folder
  if [ ! -s "$STATE/trusted" ]; then return; fi
  while read -r folder; do
    if ! cmp -s "$PKI/ca.crt" "$folder/ca.crt"; then continue; fi
    rm -f "$folder/ca.crt"
    rmdir --ignore-fail-on-non-empty "$folder"
    rmdir --ignore-fail-on-non-empty "$(dirname "$folder")"
  done <"$STATE/trusted"
}
