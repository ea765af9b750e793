#!/bin/bash
# SPDX-License-Identifier: MIT
# Clouds of many heads beside PyTorch. Arguments go to heads.py, such as 144x1200x64 --rounds 7.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
beside heads torch "$@"
