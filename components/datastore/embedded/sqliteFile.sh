# shellcheck shell=bash
# Marks the host whose K3s keeps the cluster in an SQLite database. One that had it and has it no more lost its disk.

apply() {
  lock_host
  write_file "$mark" <<<"$host_name"
}

# K3s would make an empty cluster, and the agents that still run end every pod that it lacks.
reapply() {
  if [[ $starts_empty != true && ! -s $database_file && (! -e $mark || -e $state_directory/k3s.proved) ]]; then
    die "$host_name: the SQLite database $database_file that held this stack's cluster is gone, as after the loss of this host. K3s was not started: it would make an empty cluster, and the agents would end every pod of the old one. Restore the cluster from a backup: make restore FROM=copy IDENTITY=key.txt, as docs/restore.md describes. To start with an empty cluster instead, set k3s-ha:datastore.embedded.startsEmpty to true and run up again."
  fi
  apply
}

# The data stay.
remove() { :; }
