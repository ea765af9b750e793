#!/bin/bash
# SPDX-License-Identifier: MIT
# fetch.sh FOLDER: unpacks the headers of Eigen 5 and xtensor 0.27 from Debian's unstable
# distribution into FOLDER/usr, beside what is installed. Ends with 77 where they cannot be had.
set -euo pipefail
packages=(libeigen3-dev=5.0 libxtensor-dev=0.27 xtl-dev=0.8)
[ -e "$1/done" ] && exit 0
unavailable() { echo "not available here: $1"; exit 77; }
command -v apt-get >/dev/null || unavailable apt-get
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m 1 'debian$') ||
  unavailable "a Debian archive"
mkdir -p "$1/lists/partial" "$1/cache/archives/partial" && cd "$1"
echo "deb $site sid main" >sources.list
own=(-o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root
  -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null)
apt-get "${own[@]}" -qq update 2>/dev/null || unavailable "the unstable distribution"
for package in "${packages[@]}"; do
  version=$(apt-cache "${own[@]}" show "${package%=*}" 2>/dev/null |
    sed -n 's/^Version: //p' | grep -m 1 "^${package#*=}\.") || unavailable "$package"
  apt-get "${own[@]}" -qq download "${package%=*}=$version" >/dev/null 2>&1 || unavailable "$package"
done
for file in *.deb; do dpkg -x "$file" .; done
touch done
