#!/usr/bin/env bash
# The floor: the same cluster from the same hosts by a bare shell script, with no Pulumi, no preview, no checks, no
# second run. What `make up` takes longer than this is what the product costs.
# Usage: floor.sh SSH_DIRECTORY MIRROR VERSION ADDRESS_PREFIX
set -euo pipefail
ssh_directory=$1 mirror=$2 version=$3 prefix=$4
db=$prefix.20 lb=$prefix.30 servers=("$prefix.11" "$prefix.12") agent=$prefix.41
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
token=$(openssl rand -hex 24)
password=$(openssl rand -hex 16)

on() {
  ssh -i "$ssh_directory/id_ed25519" -o "UserKnownHostsFile=$ssh_directory/known_hosts" -o StrictHostKeyChecking=yes \
    -o BatchMode=yes -o LogLevel=ERROR "root@$1" "bash -euo pipefail -s"
}

install_k3s() {
  on "$1" <<END
mkdir -p /etc/rancher/k3s
curl -fsS -o /tmp/k3s "$mirror/${version/+/%2B}/k3s"
curl -fsS "$mirror/${version/+/%2B}/sha256sum-amd64.txt" | awk '\$2 == "k3s" { print \$1 "  /tmp/k3s" }' | sha256sum --check --quiet
install -m 0755 /tmp/k3s /usr/local/bin/k3s
END
}

unit() {
  printf '%s\n' "[Unit]" "After=network-online.target" "[Service]" "Type=$2" "ExecStart=/usr/local/bin/k3s $1" "KillMode=process" \
    "Delegate=yes" "LimitNOFILE=1048576" "TasksMax=infinity" "TimeoutStartSec=0" "Restart=always" "RestartSec=1s" "[Install]" "WantedBy=multi-user.target"
}

datastore() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=ca -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=db -keyout "$work/db.key" -out "$work/db.csr" 2>/dev/null
  openssl x509 -req -in "$work/db.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -days 3650 -extfile <(echo "subjectAltName=IP:$db") -out "$work/db.crt" 2>/dev/null
  on "$db" <<END
mkdir -p /etc/mysql/floor
cat >/etc/mysql/floor/ca.crt <<'PEM'
$(<"$work/ca.crt")
PEM
cat >/etc/mysql/floor/db.crt <<'PEM'
$(<"$work/db.crt")
PEM
(umask 077; cat >/etc/mysql/floor/db.key <<'PEM'
$(<"$work/db.key")
PEM
)
chown -R mysql: /etc/mysql/floor
cat >/etc/mysql/mariadb.conf.d/90-floor.cnf <<'CNF'
[mariadbd]
bind-address = $db
ssl_ca = /etc/mysql/floor/ca.crt
ssl_cert = /etc/mysql/floor/db.crt
ssl_key = /etc/mysql/floor/db.key
require_secure_transport = ON
skip-name-resolve
max_connections = 200
log_bin = mysql-bin
binlog_format = ROW
sync_binlog = 1
loose_innodb_snapshot_isolation = OFF
CNF
systemctl restart mariadb
mariadb -e "CREATE DATABASE k3s CHARACTER SET utf8mb4; CREATE USER k3s@'$prefix.%' IDENTIFIED BY '$password' REQUIRE SSL; GRANT ALL ON k3s.* TO k3s@'$prefix.%'"
END
}

server() {
  on "$1" <<END
cat >/etc/rancher/k3s/datastore-ca.crt <<'PEM'
$(<"$work/ca.crt")
PEM
(umask 077; cat >/etc/rancher/k3s/config.yaml <<'YAML'
token: $token
datastore-endpoint: mysql://k3s:$password@tcp($db:3306)/k3s
datastore-cafile: /etc/rancher/k3s/datastore-ca.crt
secrets-encryption: true
node-name: $2
node-ip: $1
tls-san: [$lb]
YAML
)
cat >/etc/systemd/system/k3s.service <<'UNIT'
$(unit server notify)
UNIT
systemctl daemon-reload
systemctl enable --quiet --now k3s
until k3s kubectl get node $2 2>/dev/null | grep -qw Ready; do sleep 0.3; done
END
}

balancer() {
  on "$lb" <<END
cat >/etc/haproxy/haproxy.cfg <<'CFG'
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
frontend api
  bind :6443
  default_backend servers
backend servers
  option tcp-check
  server server-1 ${servers[0]}:6443 check
  server server-2 ${servers[1]}:6443 check
CFG
systemctl restart haproxy
END
}

agent() {
  on "$agent" <<END
(umask 077; printf 'server: https://$lb:6443\ntoken: $token\nnode-name: agent-1\nnode-ip: $agent\n' >/etc/rancher/k3s/config.yaml)
cat >/etc/systemd/system/k3s-agent.service <<'UNIT'
$(unit agent exec)
UNIT
systemctl daemon-reload
systemctl enable --quiet --now k3s-agent
END
}

for host in "${servers[@]}" "$agent"; do install_k3s "$host" & done
datastore
balancer
wait
server "${servers[0]}" server-1
server "${servers[1]}" server-2
agent
on "${servers[0]}" <<<"until (( \$(k3s kubectl get nodes --no-headers 2>/dev/null | grep -cw Ready) == 3 )); do sleep 0.3; done"
