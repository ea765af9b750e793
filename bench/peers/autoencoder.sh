#!/bin/bash
# SPDX-License-Identifier: MIT
# Autoencoders of many heads beside PyTorch. Arguments go to autoencoder.py, such as --rounds 7.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
beside autoencoder torch "$@"
