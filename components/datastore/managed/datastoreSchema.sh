# shellcheck shell=bash
# Makes the schema that K3s keeps the cluster in, once, before anybody may log in. One that was made and is gone was lost
# with its host or its disk.

apply() {
  lock_host
  mariadb --batch --execute "CREATE DATABASE IF NOT EXISTS \`$database\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
}

# K3s servers that were let in would make an empty cluster, and the agents that still run end every pod that it lacks.
reapply() {
  local found
  found=$(mariadb --batch --skip-column-names --execute "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '$database'")
  [[ $found == 1 || $starts_empty == true ]] ||
    die "$host_name: the schema \"$database\" that held this stack's cluster is gone, as after the loss of this host. No server was let in: K3s would start an empty cluster there, and the agents would end every pod of the old one. Restore the cluster from a backup: make restore FROM=copy IDENTITY=key.txt, as docs/restore.md describes. To start with an empty cluster instead, set k3s-ha:datastore.managed.startsEmpty to true and run up again."
  apply
}

# The data stay.
remove() { :; }
