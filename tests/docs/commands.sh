#!/bin/bash
# SPDX-License-Identifier: MIT
# commands.sh <program> <page>...
# Every line of a page that begins with `atlas COMMAND` names a command and options that there are.
set -euo pipefail
program=$1
shift
declare -A helps
faults=0
lines=0
while IFS= read -r line; do
  page=${line%%:*} text=${line#*:}
  read -r -a words <<<"$text"
  command=${words[1]}
  lines=$((lines + 1))
  if [ -z "${helps[$command]:-}" ]; then
    helps[$command]=$("$program" "$command" --help 2>/dev/null || echo none)
  fi
  if [ "${helps[$command]}" = none ]; then
    echo "$page: no command $command: $text"
    faults=$((faults + 1))
    continue
  fi
  for word in "${words[@]:2}"; do
    [[ $word == --[a-z]* ]] || continue
    option=${word%%=*}
    grep -qE "(^|[ ,])$option([ ,=:]|$)" <<<"${helps[$command]}" || {
      echo "$page: no option $option: $text"
      faults=$((faults + 1))
    }
  done
done < <(grep -HoE '(^|`)atlas [a-z]+(-[a-z]+)*( [^`#|&]*)?' "$@" | sed 's/:`/:/' |
  grep -vE ':atlas (has|is|says|and|needs|reads|takes|was|does|cannot|compiled|io|on|in|openmp|blas)\b')
echo "$lines commands, $faults faults"
[ $lines -gt 20 ] && [ $faults -eq 0 ]
