{
set -euo pipefail
revision_name=k3s-secrets
paths=(/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml)
# What every script on a host starts with. needrestart is not to restart services after packages were installed.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
export NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l
umask 022
state_directory=/var/lib/k3s-ha
changed_paths=()
put_paths=()

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# One script at a time on a host: one that outlived a killed run finishes before the next starts.
lock_host() {
  exec 9>/run/lock/k3s-ha.lock
  flock --timeout 300 9 || die "another run has been working on this host for 5 minutes; see: fuser -v /run/lock/k3s-ha.lock"
}

# put_file PATH MODE OWNER: makes PATH hold standard input, in one step, and only when it does not already.
put_file() {
  local path=$1 mode=$2 owner=$3 new
  put_paths+=("$path")
  mkdir -p "$(dirname "$path")"
  new=$(mktemp "$path.XXXXXX")
  chmod 0600 "$new"
  cat >"$new"
  chown "$owner" "$new"
  chmod "$mode" "$new"
  if [[ -f $path && ! -L $path ]] && cmp -s "$new" "$path" && [[ $(stat -c '%a %U:%G' "$new") == "$(stat -c '%a %U:%G' "$path")" ]]; then
    rm -f "$new"
  else
    # Never into a directory, or through a link to one, that stands in the file's place.
    mv -fT "$new" "$path"
    changed_paths+=("$path")
  fi
}

# print_revision NAME: the one line of standard output, a random word that changes when the content of the files put does.
# It goes by content, so that a run that was killed after putting a file does not hide the change from the next.
print_revision() {
  local record=$state_directory/$1.revision content
  mkdir -p "$state_directory"
  content=$(fingerprint "${put_paths[@]}")
  if [[ ! -s $record || $(sed -n 2p "$record") != "$content" ]]; then
    (umask 077 && printf '%s\n' "$(</proc/sys/kernel/random/uuid)" "$content" >"$record.new")
    mv -f "$record.new" "$record"
  fi
  head -n 1 "$record"
}

# install_packages NAME...: the distribution's packages, those that are missing. None is removed for them.
install_packages() {
  local missing=() name conflicts
  for name in "$@"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  local apt=(apt-get --quiet --quiet --option DPkg::Lock::Timeout=300)
  "${apt[@]}" update >&2 || die "apt-get update failed; check the package sources of this host, then run again"
  "${apt[@]}" install --yes --no-remove --no-install-recommends --option Dpkg::Options::=--force-confold "${missing[@]}" >&2 || {
    conflicts=$("${apt[@]}" --simulate install --no-install-recommends "${missing[@]}" 2>/dev/null | sed -n 's/^Remv \([^ ]*\).*/\1/p' | sort)
    [[ -z $conflicts ]] ||
      die "${host_name:-$(hostname)}: the packages ${missing[*]} cannot be installed without removing ${conflicts//$'\n'/, }, which this program did not install. Nothing was installed or removed. Use another host for this role; or, if these are no longer needed, remove them and run up again: apt-get remove ${conflicts//$'\n'/ }"
    die "could not install ${missing[*]}; check the package sources of this host, then run again"
  }
}

# fingerprint FILE...: one word for the content of all these files, absent ones included.
fingerprint() {
  local path
  for path in "$@"; do
    if [[ -e $path ]]; then sha256sum "$path"; else printf 'absent  %s\n' "$path"; fi
  done | sha256sum | cut -d ' ' -f 1
}

# runs_with UNIT FINGERPRINT: true when the unit runs and was last proved with just this fingerprint.
runs_with() {
  systemctl is-active --quiet "$1" && [[ -f $state_directory/$1.proved && $(<"$state_directory/$1.proved") == "$2" ]]
}

# proved UNIT FINGERPRINT: records what the unit was proved with.
proved() {
  mkdir -p "$state_directory"
  printf '%s\n' "$2" >"$state_directory/$1.proved"
}

# keep UNIT FILE...: copies of the files that the unit was proved with.
keep() {
  local copies=$state_directory/$1.kept
  shift
  mkdir -p "$state_directory"
  (umask 077 && tar --create --absolute-names --file "$copies.new" "$@")
  mv -f "$copies.new" "$copies"
}

# put_back UNIT: writes the kept files again; fails when there are none. A change that fails is not recorded by Pulumi, so
# a host that stayed with it would never hear that it was taken back.
put_back() {
  [[ -f $state_directory/$1.kept ]] || return 1
  tar --extract --absolute-names --file "$state_directory/$1.kept"
}

# journal_tail UNIT [FILE...]: the unit's last lines, with every value in the FILEs (lines "key: value") masked, and so
# is the token after a CA's hash and the password in an endpoint.
journal_tail() {
  local unit=$1 text value password word
  shift
  text=$(journalctl --unit "$unit" --no-pager --output cat --lines 120 2>&1) || text="(no journal: $text)"
  if (($#)); then
    while read -r value; do
      password=${value#*://*:}
      for word in "$value" "${value##*::*:}" "${password%@*}"; do
        ((${#word} < 8)) || text=${text//"$word"/[secret]}
      done
    done < <(cat "$@" 2>/dev/null | sed -nE 's/^[^:]+: *"?([^"]*)"?$/\1/p')
  fi
  printf -- '--- last lines of the journal of %s ---\n%s\n' "$unit" "$text" >&2
}

put_files() {
  put_file /etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml 0600 root:root <<'__END_OF_FILE__'
token: "…"
__END_OF_FILE__
  put_file /etc/mysql/k3s-ha/server.key 0600 mysql:mysql <<'__END_OF_FILE__'
…
__END_OF_FILE__
}

# Files that hold secrets. Whoever reads them restarts when the printed revision changes.

# Of the files that there may be, those that there is no content for any more go; one that somebody else wrote stays.
remove_optional() {
  local path
  for path in "${optional_paths[@]}"; do
    [[ " ${put_paths[*]} " != *" $path "* ]] || continue
    if [[ $(head -n 1 "$path" 2>/dev/null) == "# Written by k3s-ha"* ]]; then rm -f "$path"; fi
  done
}

apply() {
  lock_host
  put_files
  remove_optional
  print_revision "$revision_name"
}

remove() {
  lock_host
  if [[ -n ${claim:-} ]] && is_claimed_elsewhere; then return 0; fi
  put_paths=()
  remove_optional
  rm -f "${paths[@]}" "$state_directory/$revision_name.revision"
}

"$1" </dev/null
}
