# shellcheck shell=bash
# ---- reading a restored snapshot of K3s's own etcd, to see that it works ----

# The distribution's etcd is older than K3s's, and starts no member on its data. Its tool restores them: what that wrote, once it was
# written again without what had been deleted, is read as a file. Of this etcd the manifest has every revision of every key as a row, and
# etcd's own.
verify() {
  local data=$work/server/data/member/snap/db answer own all namespaces
  restore_copy
  attend defragment >/dev/null || die "the restored copy cannot be read: $(complaint)"
  answer=$(etcdutl snapshot status "$data" --write-out json 2>"$work/complaints") || die "the restored copy cannot be read: $(complaint)"
  rows=$(json_number totalKey <<<"$answer") revision=$(json_number revision <<<"$answer")
  ((rows >= rows_before)) || die "the restored copy has $rows rows, but the etcd had $rows_before keys before the snapshot"
  own=$(matches "/bootstrap/$token_fingerprint" <"$data") all=$(matches '/bootstrap/[0-9a-f]{12}' <"$data")
  namespaces=$(matches '/registry/namespaces/[a-z0-9-]+' <"$data")
  # A key, the numbers of its revisions, and its value: a salt and what the token opens.
  LC_ALL=C grep --text --only-matching --perl-regexp "(?s)/bootstrap/$token_fingerprint.{1,60}?\\K[0-9a-f]{16}:[A-Za-z0-9+/]{100,}={0,2}" "$data" | tail -n 1 >"$work/bootstrap" ||
    die "the restored copy has the name of the cluster's keys, but not the keys"
  rm -rf "$work/server"
  judge_copy "$own" "$all" "$namespaces"
}

defragment() { as_verifier etcdutl defrag --data-dir data; }

# json_number NAME
json_number() { sed -nE "s/.*\"$1\":([0-9]+).*/\\1/p"; }

# matches PATTERN: how often it is in the file on standard input.
matches() { { LC_ALL=C grep --text --only-matching --extended-regexp "$1" || test $? = 1; } | wc -l; }
