#!/bin/bash
# SPDX-License-Identifier: MIT
# Eigenbases and quantization beside PyTorch. Arguments go to quantize.py, such as
# 768 3072 --rounds 3.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
beside quantize torch "$@"
