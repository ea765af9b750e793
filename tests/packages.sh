# SPDX-License-Identifier: MIT
# Sourced by the test scripts: what the tests need beyond the program, other libraries' tensors and
# MPI, which the program runs without, among it.
. examples/packages.sh
packages+=(pkg-config doxygen libxtensor-dev libopencv-core-dev libtorch-dev chromium
  python3-numpy python3-pandas python3-venv python3-dev python3-torch libopenmpi-dev openmpi-bin)

# The newest Clang that the package sources have.
newest_clang() {
  apt-cache search --names-only '^clang-[0-9]+$' | grep -o '^clang-[0-9]*' | sort -t- -k2n | tail -n 1
}
