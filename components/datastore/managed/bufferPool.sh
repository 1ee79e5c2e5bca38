# shellcheck shell=bash
# How much memory MariaDB caches its tables in, decided by the host's memory.

# host_mebibytes: the memory that this host has, or that it may use.
host_mebibytes() {
  local mebibytes limit=max
  mebibytes=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
  # A container's own limit; the root of a whole machine's control groups has none.
  if [[ -r /sys/fs/cgroup/memory.max ]]; then limit=$(</sys/fs/cgroup/memory.max); fi
  if [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1048576 < mebibytes)); then mebibytes=$((limit / 1048576)); fi
  printf '%s' "$mebibytes"
}

# size_buffer_pool: half of what the system, connections and the verification of a backup leave (512 MiB are theirs), in
# steps of InnoDB's own. Less than 128 MiB is less than MariaDB's default, and more than 8 GiB is more than a cluster's table.
# A configured size that the host cannot hold would have the kernel end MariaDB some day.
size_buffer_pool() {
  local host most
  host=$(host_mebibytes)
  buffer_pool=""
  if [[ -n $buffer_pool_mebibytes ]]; then
    most=$((host * 3 / 4))
    ((buffer_pool_mebibytes <= most)) ||
      die "$host_name: k3s-ha:datastore.managed.bufferPoolMebibytes is $buffer_pool_mebibytes, but this host has $host MiB of memory. Set it to at most $most, or remove it; nothing was changed."
    buffer_pool=$buffer_pool_mebibytes
    return
  fi
  # The other users of an adopted MariaDB have sized it.
  [[ $adopt != true ]] || return 0
  buffer_pool=$(((host - 512) / 2 / 128 * 128))
  buffer_pool=$((buffer_pool < 128 ? 128 : buffer_pool > 8192 ? 8192 : buffer_pool))
}

put_buffer_pool() {
  put_file "$memory_path" 0644 root:root <<<"# Written by k3s-ha; changes made here are overwritten.
[mariadbd]${buffer_pool:+
innodb_buffer_pool_size = ${buffer_pool}M}"
}
