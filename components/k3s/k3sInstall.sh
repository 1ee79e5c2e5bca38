# shellcheck shell=bash
# Puts the release's binary in a directory of its own. Nothing that runs is touched: the service switches to it.

# architecture: this host's, as K3s's releases name it.
architecture() {
  case $(uname -m) in
    x86_64) printf amd64 ;;
    aarch64) printf arm64 ;;
    *) die "$host_name: K3s is not released for $(uname -m) here" ;;
  esac
}

asset_name() { if [[ $(architecture) == arm64 ]]; then printf k3s-arm64; else printf k3s; fi; }

checksum_list() { printf 'sha256sum-%s.txt' "$(architecture)"; }

# choose_architecture: of the sums and archives that are each for one architecture, those of this host's.
choose_architecture() {
  local own index sources=() sums=()
  own=$(architecture)
  if [[ -n $sha256_amd64$sha256_arm64 ]]; then
    if [[ $own == amd64 ]]; then sha256=$sha256_amd64; else sha256=$sha256_arm64; fi
    [[ -n $sha256 ]] || die "$host_name: this host's architecture is $own, which k3s-ha:k3s.sha256 has no sum for. Add it from sha256sum-$own.txt of the release; nothing was installed."
  fi
  for index in "${!image_sources[@]}"; do
    [[ -z ${image_architectures[index]} || ${image_architectures[index]} == "$own" ]] || continue
    sources+=("${image_sources[index]}")
    sums+=("${image_sums[index]}")
  done
  image_sources=(${sources[@]+"${sources[@]}"})
  image_sums=(${sums[@]+"${sums[@]}"})
}

# fetch_url URL FILE
fetch_url() {
  outside curl --fail --silent --show-error --location --retry 3 --retry-connrefused --connect-timeout 10 --output "$2" "$1" ||
    die "$host_name: cannot download $1. Check k3s-ha:k3s.images and k3s-ha:k3s.mirror, and that this host reaches it."
}

fetch() {
  outside curl --fail --silent --show-error --location --retry 3 --retry-connrefused --connect-timeout 10 --output "$2" "$release_url/$1" ||
    die "$host_name: cannot download $release_url/$1. Check k3s-ha:k3s.version and k3s-ha:k3s.mirror, and that this host reaches the mirror."
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
    die "$host_name: k3s-ha:k3s.sha256 is $expected, but the release $version lists $published. Correct the wrong one; nothing was installed."
  fetch "$(asset_name)" "$work/k3s"
  actual=$(sha256sum "$work/k3s" | cut -d ' ' -f 1)
  [[ $actual == "$expected" ]] ||
    die "$host_name: $release_url/$(asset_name) has the sha256 $actual, not $expected. The mirror is damaged or cannot be trusted; nothing was installed."
  chmod 0755 "$work/k3s"
  printf '%s  k3s\n' "$actual" >"$work/sha256"
  rm -f "$work/list"
}

# take_binary DIRECTORY: the file that the host's owner has put there.
take_binary() {
  local work=$1 actual
  [[ -f $binary ]] || die "$host_name: the file $binary does not exist. Put the release $version there, or correct k3s-ha:k3s.binary; nothing was installed."
  cp "$binary" "$work/k3s"
  actual=$(sha256sum "$work/k3s" | cut -d ' ' -f 1)
  [[ $actual == "$sha256" ]] ||
    die "$host_name: $binary has the sha256 $actual, but k3s-ha:k3s.sha256 is $sha256. Correct the wrong one; nothing was installed."
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
      [[ -f $source ]] || die "$host_name: the file $source does not exist. Put the images there, or correct k3s-ha:k3s.images."
      cp "$source" "$image_file"
      ;;
    http://* | https://*) fetch_url "$source" "$image_file" ;;
    *) fetch_url "$release_url/$source" "$image_file" ;;
  esac
  actual=$(sha256sum "$image_file" | cut -d ' ' -f 1)
  [[ $actual == "$expected" ]] ||
    die "$host_name: the images of $source have the sha256 $actual, but k3s-ha:k3s.images has $expected. Correct the wrong one; nothing was installed."
  chmod 0644 "$image_file"
  put_in_place "$image_file" "$target"
}

# place_images: those that are configured; removes one that no longer is.
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

install_release() {
  local installed
  choose_architecture
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
