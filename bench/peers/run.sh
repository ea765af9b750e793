#!/bin/bash
# SPDX-License-Identifier: MIT
# All that docs/performance.md says, beside its peers: installs or builds them, runs both sides
# alternately and prints the ratios. Takes half an hour; arguments choose parts, such as heads
# boltzmann, and ROUNDS=3 makes it shorter.
set -euo pipefail
here=$(dirname "$0")
rounds=${ROUNDS:-7}

few=$(((rounds + 2) / 3))  # of what takes minutes

neighbors() {
  bash "$here/neighbors.sh" full:20000 --peers faiss product brute floats --rounds "$rounds"
  bash "$here/neighbors.sh" full:100000 --peers faiss product brute --rounds "$few"
  bash "$here/neighbors.sh" line:100000 curve:100000 --peers alone dense floats --rounds "$rounds"
  bash "$here/neighbors.sh" line:100000 curve:100000 line:1000000 --peers nanoflann --rounds 1
  bash "$here/neighbors.sh" line:100000 curve:100000 --peers ball --rounds 1
}
heads() { bash "$here/heads.sh" --rounds "$rounds"; }
haar() { bash "$here/haar.sh" --rounds "$rounds"; }
boltzmann() { bash "$here/boltzmann.sh" --rounds "$rounds"; }
autoencoder() { bash "$here/autoencoder.sh" --heads 36 --rounds "$few"; }
quantize() { bash "$here/quantize.sh" 768 3072 --rounds "$rounds"; }
transformer() { bash "$here/transformer.sh" --rounds "$rounds"; }
estimators() { bash "$here/estimators.sh" --rounds "$few"; }
measure() { bash "$here/measure.sh" --rounds "$rounds"; }

parts=("$@")
[ ${#parts[@]} -gt 0 ] ||
  parts=(neighbors heads haar boltzmann autoencoder quantize transformer estimators measure)
for part in "${parts[@]}"; do
  echo "== $part"
  "$part"
done
