{
set -euo pipefail
revision_name=k3s-secrets
paths=(/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml)
# What every script on a host starts with. needrestart is not to restart services after packages were installed.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
export NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l
umask 022
# A proxy, of the cluster's settings or of the host's environment, is for what is fetched from outside. A host's own services, and the
# cluster's, are never asked through it, whatever program asks.
proxy_path=/etc/k3s-ha/proxy.env
no_proxy_outside=${no_proxy:-${NO_PROXY:-}}
export no_proxy='*' NO_PROXY='*'
state_directory=/var/lib/k3s-ha
changed_paths=()
put_paths=()

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# outside COMMAND...: runs what fetches from outside, through the cluster's proxy or, without one, through the host's, if any.
outside() (
  export no_proxy=$no_proxy_outside NO_PROXY=$no_proxy_outside
  if [[ -f $proxy_path ]]; then
    unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY ftp_proxy FTP_PROXY all_proxy ALL_PROXY
    while IFS='=' read -r name value; do
      if [[ $name == *_proxy || $name == *_PROXY ]]; then export "$name=$value"; fi
    done <"$proxy_path"
  fi
  "$@"
)

# answer_of COMMAND...: what it answers or, when it fails, the last line of its complaint. What else it says beside its answer,
# as K3s's programs do with "debug: true", is no part of that.
answer_of() {
  local beside
  { beside=$("$@" 2>&1 >&3); } 3>&1 || {
    printf '%s' "${beside##*$'\n'}"
    return 1
  }
}

# Locks are where only root can open them: a process that can open a file can lock it.
runtime_directory=/run/k3s-ha
earlier_lock=/run/lock/k3s-ha.lock

make_runtime_directory() { install --directory --mode=0700 "$runtime_directory"; }

# One script at a time on a host: one that outlived a killed run finishes before the next starts.
lock_host() {
  make_runtime_directory
  exec 9>"$runtime_directory/host.lock"
  flock --timeout 300 9 || die "another run has been working on this host for 5 minutes; see: fuser -v $runtime_directory/host.lock"
  lock_as_before
}

# A script of an earlier release locks a file that every user can lock. One of root finishes first; a lock of another
# user, on which that script waits as well, delays no script here.
lock_as_before() {
  local deadline=$((SECONDS + 310))
  [[ -f $earlier_lock && ! -L $earlier_lock && -O $earlier_lock ]] || return 0
  exec 7<"$earlier_lock"
  until flock --nonblock 7; do
    [[ -n $(find /proc/[0-9]*/fd -maxdepth 1 -user "$EUID" -lname "$earlier_lock" ! -path "/proc/$$/*" -print -quit 2>/dev/null 7<&-) ]] || return 0
    ((SECONDS < deadline)) || die "another run has been working on this host for 5 minutes; see: fuser -v $earlier_lock"
    sleep 0.2
  done
}

# For a long wait in which nothing is changed; lock_host takes the lock again.
unlock_host() {
  flock --unlock 9
  [[ ! -e /proc/self/fd/7 ]] || flock --unlock 7
}

# put_in_place NEW PATH: after a power cut PATH is the old one or NEW, never an empty file, and NEW once this returned. NEW
# never is written into a directory, or through a link to one, in the file's place.
put_in_place() {
  [[ -L $1 ]] || sync "$1"
  mv -fT "$1" "$2"
  sync "$(dirname "$2")"
}

# stage_file PATH MODE OWNER: standard input in a file beside PATH, in the place of one that a killed run left.
stage_file() {
  mkdir -p "$(dirname "$1")"
  rm -f "$1.k3s-ha-new"
  (umask 077 && cat >"$1.k3s-ha-new")
  chown "$3" "$1.k3s-ha-new"
  chmod "$2" "$1.k3s-ha-new"
}

# write_file PATH [MODE]: makes PATH, which is root's, hold standard input.
write_file() {
  stage_file "$1" "${2:-0644}" "$EUID"
  put_in_place "$1.k3s-ha-new" "$1"
}

# put_file PATH MODE OWNER: makes PATH hold standard input, only when it does not already, and notes that.
put_file() {
  local path=$1 new=$1.k3s-ha-new
  put_paths+=("$path")
  stage_file "$@"
  if [[ -f $path && ! -L $path ]] && cmp -s "$new" "$path" && [[ $(stat -c '%a %U:%G' "$new") == "$(stat -c '%a %U:%G' "$path")" ]]; then
    rm -f "$new"
  else
    put_in_place "$new" "$path"
    changed_paths+=("$path")
  fi
}

# print_revision NAME: the one line of standard output, a random revision that changes with the content of the files put.
# It depends on the content, so that a run that was killed after putting a file does not hide the change from the next.
print_revision() {
  local record=$state_directory/$1.revision content
  content=$(fingerprint "${put_paths[@]}")
  if [[ ! -s $record || $(sed -n 2p "$record") != "$content" ]]; then
    printf '%s\n' "$(</proc/sys/kernel/random/uuid)" "$content" | write_file "$record" 0600
  fi
  head -n 1 "$record"
}

# What sets a host up at its first start holds apt's locks meanwhile. Whether it succeeded is its owner's concern.
wait_for_cloud_init() {
  local outcome=0
  command -v cloud-init >/dev/null || return 0
  timeout 300 cloud-init status --wait >/dev/null 2>&1 || outcome=$?
  ((outcome != 124)) || die "${host_name:-$(hostname)}: cloud-init has not finished setting up this host after 5 minutes. See: cloud-init status --long; when it has finished, run up again"
}

# run_apt ARGUMENT...: apt-get, once the locks are free. It waits for dpkg's by itself, and not for those of its lists and of its
# archives, which apt-daily holds after a start. Its output is sent to standard error, and stays in apt_answer.
run_apt() {
  local deadline=$((SECONDS + 300)) outcome
  while :; do
    outcome=0
    apt_answer=$(outside apt-get --quiet --quiet --option DPkg::Lock::Timeout=300 "$@" 2>&1) || outcome=$?
    if ((outcome == 0)) || [[ $apt_answer != *"Could not get lock"* ]]; then
      [[ -z $apt_answer ]] || printf '%s\n' "$apt_answer" >&2
      return "$outcome"
    fi
    ((SECONDS < deadline)) || die "${host_name:-$(hostname)}: another package manager has been working on this host for 5 minutes: $(grep -m 1 'Could not get lock' <<<"$apt_answer"). When it has finished, run up again"
    sleep 3
  done
}

# apt_errors ANSWER: what is wrong with package sources, on one line.
apt_errors() { sed -nE 's/\.?$//; s/^E: //p' <<<"$1" | paste -s -d '|' | sed 's/|/; /g'; }

# install_packages NAME...: the distribution's packages, those that are missing. None is removed for them.
install_packages() {
  local missing=() name conflicts apt_answer sources=""
  for name in "$@"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  wait_for_cloud_init
  # A broken source of another vendor does not prevent packages from the others.
  run_apt update || sources=" Its package lists could not be updated: $(apt_errors "$apt_answer")."
  run_apt install --yes --no-remove --no-install-recommends --option Dpkg::Options::=--force-confold "${missing[@]}" || {
    conflicts=$(apt-get --quiet --quiet --simulate install --no-install-recommends "${missing[@]}" 2>/dev/null | sed -n 's/^Remv \([^ ]*\).*/\1/p' | sort) || conflicts=""
    [[ -z $conflicts ]] ||
      die "${host_name:-$(hostname)}: the packages ${missing[*]} cannot be installed without removing ${conflicts//$'\n'/, }, which this program did not install. Nothing was installed or removed. Use another host for this role; or, if they are no longer needed, remove them and run up again: apt-get remove ${conflicts//$'\n'/ }"
    die "${host_name:-$(hostname)}: could not install ${missing[*]}: $(apt_errors "$apt_answer").$sources Check the package sources of this host, then run up again"
  }
}

# fingerprint FILE...: one word for the content of all these files, absent ones included.
fingerprint() {
  local path
  for path in "$@"; do
    if [[ -e $path ]]; then sha256sum "$path"; else printf 'absent  %s\n' "$path"; fi
  done | sha256sum | cut -d ' ' -f 1
}

# runs_with UNIT FINGERPRINT: true if the unit runs and was last verified with exactly this fingerprint.
runs_with() {
  systemctl is-active --quiet "$1" && [[ -f $state_directory/$1.proved && $(<"$state_directory/$1.proved") == "$2" ]]
}

# proved UNIT FINGERPRINT: records what the unit was verified with.
proved() { write_file "$state_directory/$1.proved" <<<"$2"; }

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

# Removes optional files that no longer have content; a file of others stays.
remove_optional() {
  local path
  for path in "${optional_paths[@]}"; do
    [[ " ${put_paths[*]} " != *" $path "* ]] || continue
    remove_ours "$path"
    give_back "" "$path"
  done
}

# Files with secrets. The service that reads them restarts when the printed revision changes.

apply() {
  lock_host
  set_aside "" "${replaced_paths[@]}"
  # What is put now counts, and not what a failed change of its reader left for the next attempt.
  rm -f "$state_directory/$reader.refused"
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
