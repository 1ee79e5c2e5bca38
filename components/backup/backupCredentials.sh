# shellcheck shell=bash
# What a backup needs that is secret. The server token stays on this host in a form that its recipients alone can read.

# escrow_token: encrypts again only when the token or the recipients changed, since the result is another every time.
escrow_token() {
  local recipient options=() of
  if ((${#recipients[@]} == 0)); then
    rm -f "$token_escrow" "$token_escrow.of"
    return
  fi
  of="$(sha256sum <<<"$token" | cut -d ' ' -f 1) ${recipients[*]}"
  if [[ ! -s $token_escrow || ! -f $token_escrow.of || $(<"$token_escrow.of") != "$of" ]]; then
    for recipient in "${recipients[@]}"; do options+=(--recipient "$recipient"); done
    rm -f "$token_escrow.new"
    (umask 077 && printf '%s' "$token" | age --encrypt "${options[@]}" --output "$token_escrow.new") ||
      die "$host_name: age refuses k3s-ha:backup.recipients; its reason is above"
    put_in_place "$token_escrow.new" "$token_escrow"
    write_file "$token_escrow.of" 0600 <<<"$of"
  fi
  put_paths+=("$token_escrow")
}

apply() {
  lock_host
  if ((${#recipients[@]})); then install_packages age; fi
  put_files
  rm -f "${absent[@]}"
  escrow_token
  print_revision "$revision_name"
}

remove() {
  lock_host
  remove_secrets
}
