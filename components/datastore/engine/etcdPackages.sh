# shellcheck shell=bash
# The distribution's etcd and its tools.

# Its own unit starts etcd alone, without TLS, as soon as it is installed. One of others that runs is refused by the check of the host.
mask_distribution() { [[ -L /etc/systemd/system/etcd.service ]] || systemctl mask --quiet --now etcd.service; }

install_etcd() {
  mask_distribution
  install_packages etcd-server etcd-client "$@"
}
