#!/bin/bash
# SPDX-License-Identifier: MIT
# browser.sh <program> <large_result> <chromium> <light or dark>
# Draws reports in a browser: every figure has its marks, tables sort and filter, nothing is cut on
# paper, text has enough contrast, and the console has no errors.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1 large=$2 chromium=$3 scheme=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
options=(--headless --no-sandbox --disable-gpu --enable-logging=stderr --user-data-dir="$folder/user"
  --virtual-time-budget=60000 --window-size=390,800)
[ "$scheme" = light ] || options+=(--force-dark-mode --blink-settings=preferredColorScheme=0)

check() { # <report folder>
  sed "s#</body>#<script src=\"$here/browser_checks.js\"></script></body>#" "$1/report.html" >"$1/checked.html"
  "$chromium" "${options[@]}" --dump-dom "file://$1/checked.html" >"$1/dom" 2>"$1/log"
  if grep CONSOLE "$1/log"; then
    echo "the console has messages"
    exit 1
  fi
  grep -o 'checked [0-9]* figures: .*' "$1/dom"
  grep -q 'checked [0-9]* figures: all hold' "$1/dom"
}

few=(--blocks 12 --points 200 --quiet)
"$program" measure "${few[@]}" --surrogates 10 --profile --ranks 2,4 --json "$folder/measure.json"
"$program" crystallize --blocks 2 --deepest 1 --ranks 1,4 --calibration-blocks 2 --points 200 --quiet \
  --json "$folder/crystallize.json"
"$program" thermo --blocks 2 --permutations 19 --quiet --json "$folder/thermo.json"
"$program" report --from "$folder/measure.json" --from "$folder/crystallize.json" \
  --from "$folder/thermo.json" --out "$folder/small" --quiet
check "$folder/small"
"$large" >"$folder/large.json"
"$program" report --from "$folder/large.json" --out "$folder/large" --quiet
check "$folder/large"
