# SPDX-License-Identifier: MIT
# Sourced by the test scripts: what the tests need beyond the program, other libraries' tensors and
# MPI, which the program runs without, among it.
. examples/packages.sh
packages+=(pkg-config doxygen libxtensor-dev libopencv-core-dev libtorch-dev chromium
  python3-numpy python3-pandas python3-venv python3-dev python3-torch libopenmpi-dev openmpi-bin)
