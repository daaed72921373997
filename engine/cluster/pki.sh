# shellcheck shell=bash
# The cluster's own certificate authority and what it signs. All parts know each other by certificates, so that the node has a
# node's rights only, as in any cluster. Keys stay in the state folder, which only its owner can enter.

DAYS=3650

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# certificate FILE SUBJECT USAGE [NAMES]: what is there stays.
certificate() {
  local file=$PKI/$1 subject=$2 usage=$3 names=${4:-}
  if [ -s "$file.crt" ]; then return; fi
  new_key "$file.key"
  openssl req -new -key "$file.key" -subj "$subject" |
    openssl x509 -req -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -days "$DAYS" -out "$file.crt.new" -extfile <(
      echo "basicConstraints=critical,CA:FALSE"
      echo "keyUsage=critical,digitalSignature"
      echo "extendedKeyUsage=$usage"
      if [ -n "$names" ]; then echo "subjectAltName=$names"; fi
    ) 2>/dev/null
  mv "$file.crt.new" "$file.crt"
}

# kubeconfig FILE CERTIFICATE
kubeconfig() {
  cat >"$1.new" <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: clawfleet
    cluster:
      server: $API
      certificate-authority-data: $(base64 -w 0 "$PKI/ca.crt")
users:
  - name: clawfleet
    user:
      client-certificate-data: $(base64 -w 0 "$PKI/$2.crt")
      client-key-data: $(base64 -w 0 "$PKI/$2.key")
contexts:
  - name: clawfleet
    context: { cluster: clawfleet, user: clawfleet }
current-context: clawfleet
YAML
  mv "$1.new" "$1"
}

make_pki() {
  local client
  mkdir -p "$PKI"
  if [ ! -s "$PKI/ca.crt" ]; then
    new_key "$PKI/ca.key"
    openssl req -x509 -new -key "$PKI/ca.key" -days "$DAYS" -subj "/CN=Clawfleet cluster $CLUSTER" -out "$PKI/ca.crt.new" \
      -addext keyUsage=critical,keyCertSign,cRLSign
    mv "$PKI/ca.crt.new" "$PKI/ca.crt"
  fi
  if [ ! -s "$PKI/tokens.pub" ]; then
    new_key "$PKI/tokens.key"
    openssl pkey -in "$PKI/tokens.key" -pubout -out "$PKI/tokens.pub.new"
    mv "$PKI/tokens.pub.new" "$PKI/tokens.pub"
  fi
  certificate apiserver /CN=kube-apiserver serverAuth \
    "IP:$NODE_IP,IP:$SERVICE_API,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate apiserver-client /CN=kube-apiserver-kubelet-client clientAuth
  certificate kubelet "/CN=$CLUSTER" serverAuth "IP:$NODE_IP,DNS:$CLUSTER"
  certificate registry /CN=registry serverAuth "IP:$HOST_IP"
  certificate admin /O=system:masters/CN=clawfleet-admin clientAuth
  certificate controllers /CN=system:kube-controller-manager clientAuth
  certificate scheduler /CN=system:kube-scheduler clientAuth
  certificate proxy /CN=system:kube-proxy clientAuth
  certificate provisioner /CN=clawfleet:provisioner clientAuth
  certificate policies /CN=clawfleet:policies clientAuth
  certificate node "/O=system:nodes/CN=system:node:$CLUSTER" clientAuth
  kubeconfig "$KUBECONFIG_FILE" admin
  for client in controllers scheduler proxy provisioner policies node; do kubeconfig "$CONF/$client.kubeconfig" "$client"; done
}
