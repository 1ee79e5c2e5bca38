# shellcheck shell=bash
# What stood on the host where this program's own files go: kept before it is replaced, and put back by the removal.
originals_directory=$state_directory/adopted

# is_ours PATH: whether this program wrote it. An interface may be named above the line that says so.
is_ours() {
  if [[ -L $1 ]]; then
    [[ $(readlink "$1") == /usr/local/lib/k3s-ha/* ]]
  else
    [[ -f $1 && $(head -n 3 "$1" | tr -d '\0') =~ (^|$'\n')[#-]+" Written by k3s-ha" ]]
  fi
}

# is_as_packaged PATH: whether it is exactly what its Debian package installed.
is_as_packaged() {
  local package sum
  [[ -f $1 && ! -L $1 ]] && package=$(dpkg-query --search "$1" 2>/dev/null) || return 1
  sum=$(dpkg-query --show --showformat='${Conffiles}\n' "${package%%:*}" | awk -v path="$1" '$1 == path { print $2 }')
  [[ -n $sum && $(md5sum <"$1") == "$sum "* ]]
}

is_there() { [[ -e $1 || -L $1 ]]; }

# is_foreign PATH: whether it is there, and neither this program's nor as a package left it.
is_foreign() { is_there "$1" && ! is_ours "$1" && ! is_as_packaged "$1"; }

# is_other_node PATH: whether a drop-in of K3s's settings, which is not this program's, says of which cluster the host is a node,
# or as what. Other settings are the host's own, and stay.
is_other_node() {
  is_foreign "$1" && grep -qE '^(datastore-[a-z]+|token(-file)?|agent-token(-file)?|server|cluster-(init|reset)|node-(name|ip)|data-dir|tls-san|with-node-id)\+?:' "$1"
}

# remove_ours PATH: removes what this program wrote, and nothing else.
remove_ours() { if is_ours "$1"; then rm -f "$1"; fi; }

# set_aside UNIT PATH...: keeps copies of what this program did not write, and how UNIT, which reads them, was run. What
# is foreign was refused by the check of the host, unless it is to be adopted.
set_aside() {
  local unit=$1 path copy
  shift
  for path in "$@"; do
    if ! is_there "$path" || is_ours "$path"; then continue; fi
    (umask 077 && mkdir -p "$originals_directory${path%/*}")
    if [[ -n $unit && ! -e $originals_directory/$unit.service ]] && ! is_as_packaged "$path"; then record_service "$unit"; fi
    copy=$originals_directory$path
    # A file that takes the place of this program's later on does not hide the first.
    if is_there "$copy"; then
      if [[ -f $copy && -f $path ]] && cmp -s "$copy" "$path"; then continue; fi
      copy=$copy.$(date --utc +%Y%m%dT%H%M%SZ)
    fi
    rm -f "$copy.k3s-ha-new"
    cp --archive --no-target-directory "$path" "$copy.k3s-ha-new"
    put_in_place "$copy.k3s-ha-new" "$copy"
  done
}

record_service() {
  local enabled=no active=no
  if systemctl is-enabled --quiet "$1" 2>/dev/null; then enabled=yes; fi
  if systemctl is-active --quiet "$1"; then active=yes; fi
  (umask 077 && mkdir -p "$originals_directory" && printf '%s %s\n' "$enabled" "$active" >"$originals_directory/$1.service")
}

# give_back UNIT PATH...: puts back what was set aside at PATH or below it, and runs UNIT as it was run.
give_back() {
  local unit=$1 path copy copies
  shift
  for path in "$@"; do
    is_there "$originals_directory$path" || continue
    mapfile -t copies < <(find "$originals_directory$path" ! -type d ! -regex '.*\.[0-9]+T[0-9]+Z\|.*\.k3s-ha-new')
    for copy in "${copies[@]}"; do
      path=${copy#"$originals_directory"}
      mkdir -p "${path%/*}"
      rm -f "$path.k3s-ha-new"
      cp --archive --no-target-directory "$copy" "$path.k3s-ha-new"
      put_in_place "$path.k3s-ha-new" "$path"
      rm -f "$copy"
    done
  done
  if [[ -n $unit && -f $originals_directory/$unit.service ]]; then run_as_before "$unit"; fi
  if [[ -d $originals_directory ]]; then find "$originals_directory" -depth -type d -empty -delete; fi
}

run_as_before() {
  local enabled active
  read -r enabled active <"$originals_directory/$1.service"
  systemctl daemon-reload
  if [[ $enabled == yes ]]; then systemctl enable --quiet "$1"; else systemctl disable --quiet "$1"; fi
  if [[ $active == no ]]; then
    systemctl stop "$1"
  elif ! systemctl restart "$1"; then
    printf '%s: %s does not start with its earlier files; see: journalctl --unit %s\n' "$host_name" "$1" "$1" >&2
  fi
  rm -f "$originals_directory/$1.service"
}
