#!/bin/bash
# SPDX-License-Identifier: MIT
# Ends runs of the program at random moments, by SIGINT, SIGTERM, SIGHUP and SIGKILL: what was written
# is whole or not there, and what goes on from it ends with the bytes of a run that was left alone.
#   bash tests/program/kills.sh PROGRAM [KILLS] [SEED] [COMMANDS]
# The seed decides which command is ended, by which signal and when; it is printed. COMMANDS, such as
# "0 2 7", are some of those below.
set -uo pipefail
program=$(realpath "$1")
kills=${2:-50}
seed=${3:-$RANDOM}
RANDOM=$seed
export ATLAS_PLAIN=1
# For disks of its own.
if [ "$(id -u)" -ne 0 ] && unshare -rm true 2>/dev/null; then
  ATLAS_OWN_NAMESPACE=1 exec unshare -rm bash "$0" "$program" "$kills" "$seed" "${4:-}"
fi
echo "seed $seed, $kills kills"
work=$(mktemp -d)
trap 'umount "$work"/disk-* 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

small="--blocks 4 --block-size 40 --layers 4"
few="--points 60 --surrogates 10"
# What each command writes is below OUT.
commands=(
  "estimators --manifolds torus_2,cube_3 --estimators mom:k=5,mle:k=10 --points 1500 --repeats 10 --out OUT"
  "estimators --manifolds torus_2 --estimators mom:k=5 --points 1500 --repeats 5 --json OUT/x --csv OUT/y"
  "quantize $small --bits 3 --methods fisher,random --calibration-blocks 2 --draws 1 --out OUT"
  "quantize $small --bits 3 --methods fisher --calibration-blocks 2 --json OUT/x"
  "redundancy $small --points 60 --pairs 0 --ways zero,mean --permutations 99 --out OUT"
  "measure $small $few --json OUT/x --csv OUT/y"
  "autoencode $small --epochs 2 --json OUT/x"
  "ablate --head-dims 8 --steps 12 --layers 1 --model-dim 16 --block-size 32 --batch 2 $few --save-every 2 --out OUT"
  "ablate --factors d_head,rms --head-dims 4,8 --model-dim 16 --layers 2 --steps 4 --block-size 32 --batch 2 $few --passages 6 --seeds 2 --permutations 99 --out OUT"
  "study --model tiny-gpt2 --text moby-dick --blocks 5 --block-size 40 $few --manifold-draws 10 --epochs 1 --out OUT"
  "report $small $few --parts measure --out OUT"
  "calibrate --what haar --clouds 20 --json OUT/x"
)
failed=0

complain() {
  echo "FAILED: $1"
  failed=$((failed + 1))
}

# Bytes of all files below a folder. Where runs are kept, a checkpoint that a whole run removes and the
# lock are no results.
contents() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs -r -d '\n' sha256sum); }

# run N FOLDER [SIGNAL MICROSECONDS]: the status of command N into a folder, ended after some time.
run() {
  local words=(${commands[$1]//OUT/$2})
  mkdir -p "$2"
  if [ $# -eq 2 ]; then
    "$program" "${words[@]}" >stdout 2>stderr
    return
  fi
  "$program" "${words[@]}" >stdout 2>stderr &
  local pid=$! status
  sleep "$(printf '%d.%06d' $(($4 / 1000000)) $(($4 % 1000000)))"
  kill -s "$3" $pid 2>/dev/null
  wait $pid 2>/dev/null
}

# check_killed N STATUS SIGNAL: what a run that was ended has left.
check_killed() {
  local what="command $1, $3, status $2" file name
  case $3,$2 in
    KILL,137 | KILL,0 | INT,130 | TERM,130 | HUP,130 | INT,0 | TERM,0 | HUP,0) ;;
    # Ended before it had its handlers.
    INT,1 | TERM,143 | HUP,129) ;;
    *) complain "$what: $(cat stderr)" ;;
  esac
  while read -r file; do
    name=${file#killed-$1/}
    case $name in
      *.tmp-*) [ "$3" = KILL ] || [ $after_kill = 1 ] || complain "$what: left $name" ;;
      *lock | *training.safetensors | *measurements.json | unfinished/*) ;;
      *) cmp -s "$file" "whole-$1/$name" || complain "$what: $name is neither whole nor absent" ;;
    esac
  done < <(find "killed-$1" -type f)
}

# Whole runs, one after the other: what they give, and how long they take.
chosen=()
for n in ${4:-${!commands[@]}}; do
  began=${EPOCHREALTIME/./}
  if ! run "$n" "whole-$n"; then
    complain "command $n: $(cat stderr)"
    continue
  fi
  time_of[n]=$((${EPOCHREALTIME/./} - began))
  contents "whole-$n" >"whole-$n.sums"
  chosen+=("$n")
done

signals=(INT TERM HUP KILL KILL KILL)
declare -A ended=()
for ((k = 0; k < kills; ++k)); do
  n=${chosen[RANDOM % ${#chosen[@]}]}
  signal=${signals[RANDOM % ${#signals[@]}]}
  moment=$(((RANDOM * 32768 + RANDOM) % time_of[n]))
  after_kill=0
  [ -n "$(find "killed-$n" -name '*.tmp-*' 2>/dev/null)" ] && after_kill=1
  run "$n" "killed-$n" "$signal" "$moment"
  status=$?
  check_killed "$n" $status "$signal"
  ended[$signal,$status]=$((${ended[$signal,$status]:-0} + 1))
  # Each second time it is left alone then, and otherwise ended again.
  if ((RANDOM % 2)); then
    run "$n" "killed-$n" || complain "command $n, going on: $(cat stderr)"
    # Beside a file of its own nothing is removed before an hour has gone.
    find "killed-$n" -name '[xy].tmp-*' -delete
    contents "killed-$n" | cmp -s - "whole-$n.sums" ||
      complain "command $n: other bytes after it was ended: $(contents "killed-$n" | diff - "whole-$n.sums")"
    rm -rf "killed-$n"
  fi
done
# A disk that is full half way: an error that says so, nothing half written, and once there is room the
# run goes on. As root, or where users may have namespaces of their own.
full_disk() {
  local n=$1 pages status
  pages=$(find "whole-$n" -type f -printf '%s\n' | awk '{n += int(($1 + 4095) / 4096)} END {print n}')
  mkdir -p "disk-$n" && mount -t tmpfs -o "size=$((4 * pages + 64))k" none "disk-$n" || return 0
  head -c $((4096 * (pages + 16 - pages / 2))) /dev/zero >"disk-$n/filling"
  run "$n" "disk-$n/out"
  status=$?
  [ $status -eq 2 ] && grep -q "No space left on device" stderr ||
    complain "command $n on a full disk: status $status, $(cat stderr)"
  mkdir -p "killed-$n"
  cp -r "disk-$n/out/." "killed-$n"
  check_killed "$n" 0 KILL
  [ -z "$(find "killed-$n" -name '*.tmp-*')" ] || complain "command $n on a full disk: left a temporary"
  rm -rf "killed-$n" "disk-$n/filling"
  mount -o remount,size=64m "disk-$n"
  run "$n" "disk-$n/out" || complain "command $n, once there was room: $(cat stderr)"
  contents "disk-$n/out" | cmp -s - "whole-$n.sums" || complain "command $n: other bytes after a full disk"
  umount "disk-$n"
  disks=$((disks + 1))
}
disks=0
if [ "$(id -u)" -eq 0 ] || [ "${ATLAS_OWN_NAMESPACE:-}" = 1 ]; then
  for n in "${chosen[@]}"; do full_disk "$n"; done
fi
echo "$disks commands on a full disk"

for end in "${!ended[@]}"; do echo "${end/,/: status }: ${ended[$end]}"; done | LC_ALL=C sort
echo "$failed failures"
[ "$failed" -eq 0 ]
