#!/bin/bash
# SPDX-License-Identifier: MIT
# Forward passes of the reference transformer beside the peak of the machine, which is that of
# OpenBLAS. Arguments go to transformer.py, such as --rounds 7.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
beside transformer "" "$@"
