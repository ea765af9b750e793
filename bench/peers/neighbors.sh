#!/bin/bash
# SPDX-License-Identifier: MIT
# Nearest neighbours beside FAISS, OpenBLAS and nanoflann from Debian and scikit-learn from PyPI.
# Arguments go to neighbors.py, such as full:100000 --peers faiss --rounds 3.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
install_missing libfaiss-dev libnanoflann-dev
beside neighbors sklearn "$@"
