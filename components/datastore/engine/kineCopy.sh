# shellcheck shell=bash
# ---- what a copy of K3s's table has to hold, in any SQL engine ----

# kine_questions: the query whose answer, one line with tabs, judge_copy takes.
kine_questions() {
  cat <<SQL
SELECT COUNT(*), COALESCE(MAX(id), 0),
       COUNT(CASE WHEN name = '/bootstrap/$token_fingerprint' AND deleted = 0 AND LENGTH(value) > 0
                   AND id = (SELECT MAX(id) FROM kine WHERE name = '/bootstrap/$token_fingerprint') THEN 1 END),
       COUNT(CASE WHEN name = '/bootstrap/$token_fingerprint' THEN 1 END),
       COUNT(CASE WHEN name LIKE '/bootstrap/%' THEN 1 END),
       COUNT(CASE WHEN name = 'compact_rev_key' THEN 1 END),
       COALESCE(MAX(CASE WHEN name = 'compact_rev_key' THEN prev_revision END), 0),
       COUNT(CASE WHEN name LIKE '/registry/namespaces/%' AND deleted = 0 THEN 1 END)
FROM kine;
SQL
}

kine_bootstrap_question() { say "SELECT value FROM kine WHERE name = '/bootstrap/$token_fingerprint' ORDER BY id DESC LIMIT 1;"; }

# judge_copy ANSWER: sets rows and revision, or ends the run with what the copy lacks.
judge_copy() {
  local bootstrap own_rows bootstrap_rows compact_rows compacted namespaces least
  IFS=$'\t' read -r rows revision bootstrap own_rows bootstrap_rows compact_rows compacted namespaces <<<"$1"
  # K3s only ever adds rows, except when it compacts. Compacting steps over revisions, and each one it steps over
  # frees two rows at the most: the row that it replaced and, if it is a deletion, itself.
  least=$((rows_before - 2 * (compacted - compacted_before)))
  ((rows >= least)) || die "the restored copy has $rows rows, but the datastore had $rows_before before the dump"
  ((revision >= revision_before)) || die "the restored copy ends at revision $revision, but the datastore was at $revision_before before the dump"
  ((bootstrap == 1)) || die "$(explain_bootstrap "$own_rows" "$bootstrap_rows")"
  ((compact_rows == 1)) || die "the restored copy has $compact_rows rows compact_rev_key where K3s keeps 1; this is not a complete K3s datastore"
  ((namespaces >= 1)) || die "the restored copy holds no namespace; this is not a complete K3s datastore"
}

# explain_bootstrap OWN ALL: why the cluster's keys are not in the copy, from the rows for them under our token and under any.
explain_bootstrap() {
  if (($1 > 0 || $2 == 0)); then
    say "the datastore does not hold the cluster's keys (/bootstrap/) yet: K3s has not finished its first start on it"
  else
    say "the datastore holds no cluster keys under /bootstrap/$token_fingerprint: they belong to another server token, so this dump could not be restored with this cluster's"
  fi
}
