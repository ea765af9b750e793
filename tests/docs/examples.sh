#!/bin/bash
# SPDX-License-Identifier: MIT
# examples.sh <program> <example_files> <list> <page>...
# Runs every command and every block of Python of the pages, as it stands there or as the list says.
# A command that fails, a pattern of the list that no command has, and a command that is run without
# an option that it has on the page fail the test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1 files=$2 list=$3
shift 3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
atlas() { "$program" "$@"; }

# What pages write in capitals, and the files that they name.
data=$(cd "$here/../../examples/data" && pwd)
for name in FOLDER M A; do ln -s "$data/tiny-gpt2" "$folder/$name"; done
ln -s "$data/tiny-llama" "$folder/B"
ln -s "$data/moby-dick.txt" "$folder/book.txt"
ln -s "$here/../data/gguf/llama.gguf" "$folder/model.gguf"
mkdir "$folder/python"
bash "$here/commands_of.sh" "$folder/python" "$@" | awk '!seen[$0]++' >"$folder/commands"
cd "$folder"
"$files"

# With pandas, or NumPy, if any Python has them.
python=
for modules in numpy,pandas numpy json; do
  for candidate in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$candidate" -c "import $modules" 2>/dev/null ||
      python=$(type -P "$candidate")
  done
done
python3() { "$python" "$@"; }
run_python() { # <file>: as far as its modules are there, and its syntax and its keys otherwise
  if "$python" - "$1" <<'END'; then
import ast, importlib.util, json, re, sys
text = open(sys.argv[1]).read()
names = [a.name if isinstance(n, ast.Import) else n.module
         for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Import, ast.ImportFrom))
         for a in n.names]
if all(importlib.util.find_spec(n.split(".")[0]) for n in names):
    sys.exit(0)
if "pandas" in names:
    head = json.load(open("clouds.json"))["layers"][0]["heads"][0]
    for name in re.findall(r'"(two_nn[.][a-z_.]+[a-z])"', text):
        value = head
        for key in name.split("."):
            value = value[key]
sys.exit(3)
END
    "$python" "$1"
  else
    [ $? -eq 3 ] && echo "$1: only read, as its modules are not there"
  fi
}

patterns=() how=()
while IFS= read -r line; do
  case $line in
    '#'* | '') ;;
    '  '*) how[${#patterns[@]} - 1]+="${line#  }"$'\n' ;;
    *) patterns+=("$line") how+=('') ;;
  esac
done <"$list"

faults=0 count=0 listed=0
used=()
fault() {
  echo "$*"
  faults=$((faults + 1))
}
run() { # <command>; what it costs goes to a file
  local TIMEFORMAT="%U %S ${1//%/%%}"
  { time case $1 in
    'python3 '*_[0-9].py) run_python "python/${1#python3 }" >out 2>err </dev/null ;;
    *) (eval "$1") >out 2>err </dev/null ;;
  esac; } 2>>costs
}
while IFS= read -r command; do
  found=
  for i in "${!patterns[@]}"; do
    # shellcheck disable=SC2053  # a pattern
    [[ $command == ${patterns[i]} ]] && found=$i && break
  done
  if [ -z "$found" ]; then
    set +e
    run "$command"
    code=$?
    set -e
    count=$((count + 1))
    [ $code -eq 0 ] || fault "$command: $(tail -n 3 err)"
    [[ $command != atlas* ]] || [ -s out ] || fault "$command: no output"
    continue
  fi
  used[found]=1
  while IFS= read -r line; do
    case $line in
      'not run: '*) listed=$((listed + 1)) ;;
      'run: '* | 'fails: '*)
        set +e
        run "${line#*: }"
        code=$?
        set -e
        count=$((count + 1))
        if [ "${line%%:*}" = run ]; then
          [ $code -eq 0 ] || fault "$line: $(tail -n 3 err)"
        else
          [ $code -ne 0 ] || fault "$line: it does not fail"
        fi
        ;;
      *) fault "$line: expected run, fails or not run" ;;
    esac
  done <<<"${how[found]%$'\n'}"
  # What is run in the place of a command has all of its options.
  if [[ ${how[found]} == *run:\ atlas* ]]; then
    for word in $command; do
      [[ $word != --* || ${how[found]} == *"$word"* ]] || fault "$command: run without $word"
    done
  fi
done <commands
for i in "${!patterns[@]}"; do
  [ -n "${used[i]:-}" ] || fault "${patterns[i]}: listed, but on no page"
done
echo "seconds of processor time: all, and the dearest"
awk '{ seconds = $1 + $2; all += seconds; $1 = $2 = ""; printf "%.1f%s\n", seconds, $0 }
  END { printf "%.1f\n", all }' costs | LC_ALL=C sort -rn | sed -n 1,9p
echo "$count run, $listed listed as not run, $faults faults"
[ $count -ge 60 ] && [ $faults -eq 0 ]
