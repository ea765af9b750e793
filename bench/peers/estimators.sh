#!/bin/bash
# SPDX-License-Identifier: MIT
# Estimators of dimension beside scikit-dimension and DADApy, one thread each. Arguments go to
# estimators.py, such as --rounds 3, --rows 10000 or names of estimators.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
python_with
$python -c "import skdim, dadapy" 2>/dev/null ||
  $python -m pip install --quiet scikit-dimension==0.5.0 dadapy==0.3.4
beside estimators "" "$@"
