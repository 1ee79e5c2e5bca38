# shellcheck shell=bash
# raised_revision CURRENT: a revision that no client of the cluster can have seen. What the datastore holds tells how far the
# cluster came after the backup, unless it is another history: then the time does, at more writes a second than SQL takes.
raised_revision() {
  local highest=$1 elapsed
  if ((highest < expected_revision)); then
    elapsed=$(($(date +%s) - $(date --date="$expected_at" +%s)))
    highest=$((expected_revision + (elapsed > 0 ? elapsed : 0) * 1000))
  fi
  printf '%s' "$((highest + 1000))"
}
