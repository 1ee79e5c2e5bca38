{
set -euo pipefail
host_name=agent-1
node_name=agent-1
role=agent
claim=workers-agent-1
version=v1.35.0+k3s1
release_url=''
sha256=''
binary=''
image_sources=()
image_sums=()
images_directory=/var/lib/rancher/k3s/agent/images
releases_directory=/usr/local/lib/k3s-ha/k3s
packages=(ca-certificates conntrack curl iptables openssl procps)
unit=k3s-agent
unit_path=/etc/systemd/system/k3s-agent.service
config_path=/etc/rancher/k3s/config.yaml
balancer_state_socket=k3s-ha-balancer-state.socket
balancer_state_program=/usr/local/lib/k3s-ha/balancer-state
stop_program=/usr/local/lib/k3s-ha/k3s-stop
stop_drop_in=/etc/systemd/system/k3s.service.d/k3s-ha.conf
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

# answer_of COMMAND...: what it answers or, when it fails, the last line of its complaint. What else it says beside its answer,
# as K3s's programs do with "debug: true", is no part of that.
answer_of() {
  local beside
  { beside=$("$@" 2>&1 >&3); } 3>&1 || {
    printf '%s' "${beside##*$'\n'}"
    return 1
  }
}

# Locks lie where root alone can open them: whoever can open a file can hold a lock on it.
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

# A script of an earlier release locks a file that anybody can lock. One that is root's finishes first; a lock of somebody
# else, on which that script waits as well, holds nobody up here.
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
# never goes into a directory, or through a link to one, that stands in the file's place.
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

# print_revision NAME: the one line of standard output, a random word that changes when the content of the files put does.
# It goes by content, so that a run that was killed after putting a file does not hide the change from the next.
print_revision() {
  local record=$state_directory/$1.revision content
  content=$(fingerprint "${put_paths[@]}")
  if [[ ! -s $record || $(sed -n 2p "$record") != "$content" ]]; then
    printf '%s\n' "$(</proc/sys/kernel/random/uuid)" "$content" | write_file "$record" 0600
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

# is_as_packaged PATH: whether it is just what its Debian package installed.
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
    printf '%s: %s does not start with what it had before; see: journalctl --unit %s\n' "$host_name" "$1" "$1" >&2
  fi
  rm -f "$originals_directory/$1.service"
}

# Which resources of the stack keep K3s on this host: for a moment two, when an agent moves from one pool to another.
claims_directory=$state_directory/k3s.claims

claim_host() {
  write_file "$claims_directory/$claim" <<<"$role $node_name"
}

# Then the one that goes leaves everything to the other.
is_claimed_elsewhere() { [[ -d $claims_directory && -n $(find "$claims_directory" -type f ! -name "$claim" ! -name '*.k3s-ha-new') ]]; }

# Takes K3s off a host, however much of it is there, so that the host can join again.

stop_containers() {
  local pids deadline=$((SECONDS + 30))
  # The containers live on in the unit's cgroup when K3s stops; their shims are told by where they run from. Some end by
  # themselves in the meantime.
  while pids=$(pgrep --full '^/var/lib/rancher/k3s/data/[^/]+/bin/containerd-shim'); do
    ((SECONDS < deadline)) || die "$host_name: containers of K3s do not end, not even by SIGKILL: $(tr '\n' ' ' <<<"$pids")"
    # shellcheck disable=SC2046,SC2086
    kill -KILL $(shim_tree $pids) 2>/dev/null || sleep 0.2
  done
}

shim_tree() {
  local pid
  for pid in "$@"; do
    printf '%s ' "$pid"
    # shellcheck disable=SC2046
    shim_tree $(pgrep --parent "$pid")
  done
}

unmount_below() {
  local path
  while read -r path; do
    # A container that ended just now may have taken it along.
    umount --lazy "$path" 2>/dev/null || ! mountpoint --quiet "$path" || die "$host_name: $path could not be unmounted"
  done < <(awk -v below="$1" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort --reverse)
}

remove_network() {
  local link tool
  for link in cni0 flannel.1 flannel-v6.1 kube-ipvs0; do
    if ip link show "$link" >/dev/null 2>&1; then ip link delete "$link"; fi
  done
  for tool in iptables ip6tables; do
    command -v "$tool-save" >/dev/null || continue
    # sed and not grep: there may be no line left, or none at all.
    "$tool-save" | sed -E '/KUBE-|CNI-|flannel/d' | "$tool-restore"
  done
  # Other engines may keep networks there as well.
  rm -rf /var/lib/cni/networks/cbr0 /var/lib/cni/results/cbr0-* /var/lib/cni/flannel
  if [[ -d /var/lib/cni ]]; then find /var/lib/cni -depth -type d -empty -delete; fi
}

# Links that somebody else made, to other programs, stay.
remove_programs() {
  local name program=/usr/local/bin/k3s
  if is_there "$program" && ! is_ours "$program"; then return 0; fi
  rm -f "$program"
  for name in kubectl crictl ctr; do
    if [[ -L /usr/local/bin/$name && $(readlink "/usr/local/bin/$name") == k3s ]]; then rm -f "/usr/local/bin/$name"; fi
  done
}

uninstall_k3s() {
  local path
  if systemctl cat "$balancer_state_socket" >/dev/null 2>&1; then systemctl disable --quiet --now "$balancer_state_socket"; fi
  rm -f /etc/systemd/system/"$balancer_state_socket" /etc/systemd/system/"${balancer_state_socket%.socket}@.service" "$balancer_state_program"
  if systemctl cat "$unit" >/dev/null 2>&1; then systemctl disable --quiet --now "$unit"; fi
  rm -f "$stop_program" "$stop_drop_in"
  # Drop-ins of somebody else stay.
  if [[ -d ${stop_drop_in%/*} ]]; then rmdir --ignore-fail-on-non-empty "${stop_drop_in%/*}"; fi
  stop_containers
  for path in /run/k3s/ /var/lib/rancher/ /var/lib/kubelet/pods/ /var/lib/kubelet/plugins/ /run/netns/cni-; do unmount_below "$path"; done
  remove_network
  remove_ours "$config_path"
  rm -rf "$unit_path" /etc/rancher/node /run/k3s /run/flannel /var/lib/rancher/k3s/agent /var/lib/rancher/k3s/data /var/lib/rancher/k3s/server \
    "$state_directory/$unit.proved" "$state_directory/$unit.kept" "$state_directory/$unit.refused" "$state_directory/$unit.cordoned" "$state_directory/$unit.revision"
  if [[ -d /var/lib/kubelet ]]; then find /var/lib/kubelet -mindepth 1 -delete; fi
  remove_programs
  systemctl daemon-reload
}

# Puts the release's binary in a directory of its own. Nothing that runs is touched: the service switches to it.
release_directory=$releases_directory/$version

asset_name() {
  case $(uname -m) in
    x86_64) printf 'k3s' ;;
    aarch64) printf 'k3s-arm64' ;;
    *) die "$host_name: K3s is not released for $(uname -m) here" ;;
  esac
}

checksum_list() {
  case $(uname -m) in
    x86_64) printf 'sha256sum-amd64.txt' ;;
    aarch64) printf 'sha256sum-arm64.txt' ;;
  esac
}

# fetch_url URL FILE
fetch_url() {
  curl --fail --silent --show-error --location --retry 3 --retry-connrefused --connect-timeout 10 --output "$2" "$1" ||
    die "$host_name: cannot fetch $1. Check k3s-ha:k3s.images and k3s-ha:k3s.mirror, and that this host reaches it."
}

fetch() {
  curl --fail --silent --show-error --location --retry 3 --retry-connrefused --connect-timeout 10 --output "$2" "$release_url/$1" ||
    die "$host_name: cannot fetch $release_url/$1. Check k3s-ha:k3s.version and k3s-ha:k3s.mirror, and that this host reaches the mirror."
}

# published_checksum DIRECTORY: what the release's own list says.
published_checksum() {
  local list asset found
  list=$(checksum_list) asset=$(asset_name)
  fetch "$list" "$1/list"
  found=$(awk -v name="$asset" '$2 == name { print $1 }' "$1/list")
  [[ $found =~ ^[0-9a-f]{64}$ ]] || die "$host_name: $release_url/$list does not list $asset. Check k3s-ha:k3s.mirror."
  printf '%s' "$found"
}

download() {
  local work=$1 expected=$2 published actual
  published=$(published_checksum "$work")
  [[ -n $expected ]] || expected=$published
  [[ $expected == "$published" ]] ||
    die "$host_name: k3s-ha:k3s.sha256 is $expected, but the release $version lists $published. Correct the one that is wrong; nothing was installed."
  fetch "$(asset_name)" "$work/k3s"
  actual=$(sha256sum "$work/k3s" | cut -d ' ' -f 1)
  [[ $actual == "$expected" ]] ||
    die "$host_name: $release_url/$(asset_name) has the sha256 $actual, not $expected. The mirror is damaged or not to be trusted; nothing was installed."
  chmod 0755 "$work/k3s"
  printf '%s  k3s\n' "$actual" >"$work/sha256"
  rm -f "$work/list"
}

# take_binary DIRECTORY: the file that the host's owner has put there.
take_binary() {
  local work=$1 actual
  [[ -f $binary ]] || die "$host_name: there is no file $binary. Put the release $version there, or correct k3s-ha:k3s.binary; nothing was installed."
  cp "$binary" "$work/k3s"
  actual=$(sha256sum "$work/k3s" | cut -d ' ' -f 1)
  [[ $actual == "$sha256" ]] ||
    die "$host_name: $binary has the sha256 $actual, but k3s-ha:k3s.sha256 is $sha256. Correct the one that is wrong; nothing was installed."
  chmod 0755 "$work/k3s"
  printf '%s  k3s\n' "$actual" >"$work/sha256"
}

# place_image SOURCE SHA256: an archive in K3s's directory of images, whole or not at all.
place_image() {
  local source=$1 expected=$2 target actual
  target=$images_directory/$(basename "$source")
  if [[ -f $target && $(sha256sum "$target" | cut -d ' ' -f 1) == "$expected" ]]; then return 0; fi
  mkdir -p "$images_directory"
  # K3s takes no notice of a name that begins with a dot.
  image_file=$images_directory/.image
  # Of a run that was killed.
  rm -f "$image_file" "$image_file".??????
  trap 'rm -f "$image_file"' EXIT
  case $source in
    /*)
      [[ -f $source ]] || die "$host_name: there is no file $source. Put the images there, or correct k3s-ha:k3s.images."
      cp "$source" "$image_file"
      ;;
    http://* | https://*) fetch_url "$source" "$image_file" ;;
    *) fetch_url "$release_url/$source" "$image_file" ;;
  esac
  actual=$(sha256sum "$image_file" | cut -d ' ' -f 1)
  [[ $actual == "$expected" ]] ||
    die "$host_name: the images of $source have the sha256 $actual, but k3s-ha:k3s.images says $expected. Correct the one that is wrong; nothing was installed."
  chmod 0644 "$image_file"
  put_in_place "$image_file" "$target"
}

# place_images: those that are configured; one that was and no longer is goes.
place_images() {
  local index name record=$state_directory/k3s.images
  for index in "${!image_sources[@]}"; do place_image "${image_sources[index]}" "${image_sums[index]}"; done
  if [[ -f $record ]]; then
    while read -r name; do
      if ! is_configured_image "$name"; then rm -f "$images_directory/$name"; fi
    done <"$record"
  fi
  ((${#image_sources[@]})) || {
    rm -f "$record"
    return 0
  }
  for name in "${image_sources[@]}"; do basename "$name"; done | write_file "$record"
}

is_configured_image() {
  local source
  for source in "${image_sources[@]}"; do
    if [[ $(basename "$source") == "$1" ]]; then return 0; fi
  done
  return 1
}

# installed_checksum: the sha256 that the release here was verified with; fails when it is not there or not whole.
installed_checksum() {
  [[ -f $release_directory/sha256 ]] || return 1
  (cd "$release_directory" && sha256sum --check --status sha256) || return 1
  cut -d ' ' -f 1 "$release_directory/sha256"
}

# What others left here for K3s to read, or to be run as K3s, is kept, and out of the way before the first start.
set_k3s_aside() {
  local path
  [[ ! -e $state_directory/$unit.proved ]] || return 0
  if ! is_ours /usr/local/bin/k3s; then
    set_aside "" /usr/local/bin/k3s
    for path in /usr/local/bin/{kubectl,crictl,ctr}; do
      if [[ -L $path ]]; then set_aside "" "$path"; fi
    done
  fi
  set_aside "" "$config_path"
  for path in "$config_path".d/*.y*ml; do
    if is_other_node "$path"; then
      set_aside "" "$path"
      rm -f "$path"
    fi
  done
}

apply() {
  local installed
  lock_host
  claim_host
  set_k3s_aside
  install_packages "${packages[@]}"
  place_images
  if installed=$(installed_checksum); then
    [[ -n $sha256 && $sha256 != "$installed" ]] || return 0
  fi
  mkdir -p "$releases_directory"
  download_directory=$releases_directory/.download
  # Of a run that was killed.
  rm -rf "$download_directory" "$download_directory".??????
  mkdir --mode=0700 "$download_directory"
  trap 'rm -rf "$download_directory"' EXIT
  if [[ -n $binary ]]; then take_binary "$download_directory"; else download "$download_directory" "$sha256"; fi
  chmod 0755 "$download_directory"
  rm -rf "$release_directory"
  sync "$download_directory"/*
  put_in_place "$download_directory" "$release_directory"
}

# The last that goes of a node. A service that never came to be proved is known to nobody else, and goes here.
remove() {
  lock_host
  if is_claimed_elsewhere; then
    rm -f "$claims_directory/$claim"
    return 0
  fi
  uninstall_k3s
  rm -rf "$releases_directory" "$state_directory/k3s.images" "$claims_directory"
  give_back "" /usr/local/bin "$config_path" "$config_path.d"
}

"$1" </dev/null
}
