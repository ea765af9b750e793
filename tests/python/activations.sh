#!/bin/bash
# SPDX-License-Identifier: MIT
# activations.sh <source> <folder> <atlas program>
# Runs the snippet of docs/guide/activations.md that writes activations from transformers, on the
# embedded Llama and fewer passages, and compares what the program measures of them with what it
# measures of the model itself.
set -euo pipefail
source=$1 folder=$2 program=$3
python=$(PATH=/usr/bin:$PATH type -P python3)
"$python" -c "import torch" 2>/dev/null || {
  echo "This test needs torch, Debian's python3-torch: $python has none." >&2
  exit 1
}
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
"$python" -m venv --system-site-packages venv
# The last versions that take the torch of Debian 12.
if ! venv/bin/pip install --disable-pip-version-check "transformers==4.46.*" safetensors >pip.log 2>&1; then
  tail -n 20 pip.log
  echo "This test needs transformers from a package index: pip could not install it." >&2
  exit 1
fi

ln -s "$source/examples/data/tiny-llama" FOLDER
head -c 200000 "$source/examples/data/moby-dick.txt" >book.txt
bash "$source/tests/docs/commands_of.sh" . "$source/docs/guide/activations.md" >/dev/null
sed 's/length, passages, layers = "FOLDER", 256, 100, \[4, 5\]/length, passages, layers = "FOLDER", 128, 40, [4, 5]/' \
  activations_1.py >fewer.py
! cmp -s activations_1.py fewer.py || { echo "activations.md: its passages are not where they were" >&2; exit 1; }
HF_HUB_OFFLINE=1 venv/bin/python fewer.py

options=(--layers 4,5 --min-context 16 --points 400 --surrogates 10 --quiet)
"$program" measure --clouds activations.safetensors "${options[@]}" --json theirs.json
"$program" measure --model FOLDER --text book.txt --blocks 40 --block-size 128 --bos none "${options[@]}" \
  --json ours.json
"$python" - <<'END'
import json
import sys

numbers, faults = 0, []


def compare(ours, theirs, place):
    """Numbers are equal to 1e-4 of themselves, statistics of tests and their p to 1e-3."""
    global numbers
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if ours.keys() != theirs.keys():
            faults.append(f"{place}: only one has {sorted(ours.keys() ^ theirs.keys())}")
        for key in ours.keys() & theirs.keys():
            compare(ours[key], theirs[key], place + "." + key)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, pair in enumerate(zip(ours, theirs)):
            compare(*pair, f"{place}[{i}]")
    elif isinstance(ours, float) and isinstance(theirs, float):
        numbers += 1
        tolerance = 1e-3 if place.endswith((".p", ".statistic")) else 1e-4
        if abs(ours - theirs) > tolerance * abs(ours) + 1e-9:
            faults.append(f"{place}: {ours} of the model, {theirs} of transformers' activations")
    elif ours != theirs:
        faults.append(f"{place}: {ours} of the model, {theirs} of transformers' activations")


ours, theirs = (json.load(open(name)) for name in ("ours.json", "theirs.json"))
compare(ours["layers"], theirs["layers"], "layers")
print(f"{numbers} numbers, {len(faults)} faults", *faults[:20], sep="\n")
sys.exit(numbers < 200 or bool(faults))
END
