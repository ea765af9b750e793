#!/bin/bash
# SPDX-License-Identifier: MIT
# The Haar null of head overlaps beside PyTorch. Arguments go to haar.py, such as --rounds 7.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
beside haar torch "$@"
