#!/bin/bash
# SPDX-License-Identifier: MIT
# examples.sh <program> <example_files> <page>
# Runs every `$ atlas ...` of a page.
set -euo pipefail
program=$1 files=$2 page=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$files"
count=0
while IFS= read -r line; do
  eval "\"$program\" ${line#\$ atlas }" >out 2>err || {
    echo "$line"
    cat err
    exit 1
  }
  [ -s out ]
  count=$((count + 1))
done < <(sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$page" | grep '^\$ atlas ')
echo "$count examples"
[ $count -ge 15 ]
