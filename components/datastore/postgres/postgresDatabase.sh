# shellcheck shell=bash
# Makes the database that K3s keeps the cluster in, once, before anybody may log in. One that was made and is gone was lost
# with its host or its disk.

apply() {
  lock_host
  find_cluster
  # Names are compared byte by byte, as K3s orders them; whatever the cluster's own encoding is.
  sql <<SQL
SELECT 'CREATE DATABASE "$database" TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C''' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$database') \gexec
SQL
}

# K3s servers that were let in would make an empty cluster, and the agents that still run end every pod that it lacks.
reapply() {
  local found
  find_cluster
  found=$(sql --command "SELECT count(*) FROM pg_database WHERE datname = '$database'")
  [[ $found == 1 || $starts_empty == true ]] ||
    die "$host_name: the database \"$database\" that held this stack's cluster is gone, as after the loss of this host. No server was let in: K3s would start an empty cluster there, and the agents would end every pod of the old one. Restore the cluster from a backup, as docs/restore.md describes. To start with an empty cluster instead, set k3s-ha:datastore.managed.startsEmpty to true and run up again."
  apply
}

# The data stay.
remove() { :; }
