# shellcheck shell=bash
# ---- copies, brought back ----

# copies: ids of this cluster's backups in the place that copies go to, the oldest first.
copies() {
  local label=copies
  lock
  begin_work
  list_copies
  own_copies
}

# fetch ID|latest [--unsigned]: brings a copy back to this host, checks it, and prints its id. One without a signature comes
# only when asked for, and is not restored before it is signed.
fetch() {
  local label=fetch id=${1:-latest} found longer
  lock
  begin_work
  list_copies
  found=$(own_copies)
  if [[ $id == latest ]]; then
    id=$(tail -n 1 <<<"$found")
    longer=$(longer_history <<<"$found")
    [[ -z $longer ]] || die "choose the copy by its id: $(explain_history "$id" "$longer" copy)"
  fi
  [[ -n $id && -e $work/copies/$id/manifest.json ]] ||
    die "there is no copy ${id:-of this cluster} in ${setting[copy_destination]}; there are: ${found//$'\n'/, }"
  if [[ ! -e $directory/$id/manifest.json ]]; then bring "$id" "${2:-}"; fi
  say "$id"
}

# bring ID [--unsigned]: nothing is fetched but what a manifest that is believed names.
bring() {
  local id=$1 target=$directory directory=$work/copies
  [[ $2 == --unsigned && $(signature_state "$id") == unsigned ]] || require_own "$id" "fetch $id --unsigned, then: k3s-ha-backup sign $id"
  attend remote copy --include "/$dump_name.zst*" --include /token.age "$(copy_of "$id")" "$work/copies/$id" ||
    die "the copy $id could not be fetched: $(copy_complaint)"
  is_whole "$id" || die "the copy $id in ${setting[copy_destination]} is damaged; fetch another one"
  printf '%s\n%s\n' "${setting[copy_destination]}" "$(utc "$(date +%s)" %FT%TZ)" >"$work/copies/$id/copied"
  sync "$work/copies/$id"/* "$work/copies/$id"
  mv --no-target-directory "$work/copies/$id" "$target/$id"
  sync "$target"
}
