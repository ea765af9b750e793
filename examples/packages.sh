# SPDX-License-Identifier: MIT
# Sourced by the scripts: installs from Debian what is missing of what they need. Works as root or
# through sudo and asks nothing.
packages=(g++ cmake ninja-build catch2 libeigen3-dev libboost-dev nlohmann-json3-dev libicu-dev
  libcli11-dev libfmt-dev libkainjow-mustache-dev libzip-dev libjs-vega libblas-dev liblapack-dev)

install_missing() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${missing[@]}" >/dev/null
}
