#!/bin/bash
# SPDX-License-Identifier: MIT
# Boltzmann observables and density matrices beside PyTorch. Arguments go to boltzmann.py, such as
# --rounds 7.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
beside boltzmann torch "$@"
