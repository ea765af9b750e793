#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the tests of the library's rooms with other compilers, standard libraries, instruction sets
# and checks, and runs them:
#   bash tests/configurations.sh [--rooms "linalg neighbors"] [NAME...]
# Without names all that this machine can run, one after the other; without rooms all of them. The
# tests are built from the headers alone, in build/configurations/NAME. --list prints the names.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh

names=(assertions debug-containers no-contraction threads blas newest-clang libc++ x86-64 haswell
  skylake-avx512 aarch64)
all_rooms="core stats linalg simulation neighbors dimension subspace manifold boltzmann quantize
  protocols estimators attention nn autoencoder reference io properties threads"
# Without text or files, whose libraries are not there for another processor, and without what takes
# hours in an emulator.
kernel_rooms="core linalg neighbors boltzmann subspace dimension"

# The newest libc++ whose library is there too: that of Debian 12's LLVM 22 has the library of 19.
newest_libcxx() {
  apt-cache search --names-only '^libc\+\+1-[0-9]+$' | grep -o '^libc++1-[0-9]*' | sort -t- -k2n | tail -n 1
}

# Whether this machine's processor has some instructions.
has_instructions() {
  local flag
  for flag in "$@"; do grep -qw "$flag" /proc/cpuinfo || return 1; done
}

# What a configuration is: a compiler and its flags, packages, options of CMake and rooms.
describe() {
  compiler=g++ flags="" needs=() options=() rooms=$all_rooms lacking=""
  # Stable sorts of libstdc++ 12 use what it declares deprecated, of which Clang warns from 15 on.
  local own_deprecations=-Wno-deprecated-declarations
  local clang
  case $1 in
    assertions) flags="-D_GLIBCXX_ASSERTIONS" ;;
    debug-containers) flags="-D_GLIBCXX_DEBUG" ;;
    no-contraction)  # multiply-adds are there to be left out
      flags="-march=haswell -ffp-contract=off"
      has_instructions avx2 fma bmi2 || lacking="a processor with AVX2 and FMA"
      ;;
    threads)  # those of libc++ and of libstdc++ are not instrumented, and need not be
      clang=$(newest_clang)
      compiler=clang++-${clang#clang-}
      needs=("$clang" "libclang-rt-${clang#clang-}-dev")
      flags="-fsanitize=thread -DATLAS_SANITIZED -g1 $own_deprecations"
      ;;
    blas)
      needs=(libopenblas-dev liblapacke-dev)
      # Eigen's declarations of LAPACK include <complex.h> otherwise, whose macro I breaks Boost.
      flags="-DEIGEN_USE_BLAS -DEIGEN_USE_LAPACKE -DATLAS_USE_LAPACK"
      flags+=" -Dlapack_complex_float='std::complex<float>'"
      flags+=" -Dlapack_complex_double='std::complex<double>'"
      options=("-DCMAKE_CXX_STANDARD_LIBRARIES=-llapacke -lopenblas")
      ;;
    newest-clang)
      clang=$(newest_clang)
      compiler=clang++-${clang#clang-}
      needs=("$clang")
      flags=$own_deprecations
      ;;
    libc++)
      clang=$(newest_libcxx)
      clang=clang-${clang#libc++1-}
      compiler=clang++-${clang#clang-}
      needs=("$clang" "libc++-${clang#clang-}-dev" "libc++abi-${clang#clang-}-dev")
      # std::jthread is experimental there up to LLVM 19.
      flags="-stdlib=libc++"
      [ "${clang#clang-}" -gt 19 ] || flags+=" -fexperimental-library"
      ;;
    x86-64) flags="-march=x86-64" ;;
    haswell)
      flags="-march=haswell"
      has_instructions avx2 fma bmi2 || lacking="a processor with AVX2 and FMA"
      ;;
    skylake-avx512)
      flags="-march=skylake-avx512"
      has_instructions avx512f avx512bw avx512cd avx512dq avx512vl ||
        lacking="a processor with AVX-512"
      ;;
    aarch64)
      compiler=aarch64-linux-gnu-g++
      needs=(g++-aarch64-linux-gnu qemu-user)
      rooms=$kernel_rooms
      options=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
        "-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;/usr/aarch64-linux-gnu")
      ;;
    *)
      echo "configurations.sh: expected one of ${names[*]}, got $1" >&2
      exit 2
      ;;
  esac
  # GCC 12 sees uninitialised values inside its own AVX-512 intrinsics (GCC bug 105593).
  [[ $compiler = *g++* && $compiler != clang* ]] &&
    flags+=" -Wno-maybe-uninitialized -Wno-uninitialized"
  return 0
}

# Builds and runs one configuration.
run() {
  local name=$1 build=build/configurations/$1 targets=() room
  describe "$name"
  [ -n "$only" ] && rooms=$only
  if [ -n "$lacking" ]; then
    echo "== $name: left out, it needs $lacking"
    return
  fi
  echo "== $name: $compiler $flags"
  [ ${#needs[@]} -eq 0 ] || install_missing "${needs[@]}"
  # Rooms compile as one unit each, without the compiled form: a room alone is little.
  cmake -S . -B "$build" -G Ninja -DATLAS_WERROR=ON -DATLAS_UNITY=ON -DATLAS_TESTS_FROM_HEADERS=ON \
    -DATLAS_BUILD_EXAMPLES=OFF -DATLAS_INSTALL=OFF -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="-DNDEBUG $flags" \
    -DATLAS_TORCH_INCLUDE=OFF "${options[@]}" >/dev/null
  for room in $rooms; do targets+=("test_$room"); done
  # qemu-user has no fork in a process of several threads.
  local left_out="^$"
  [ "$name" != aarch64 ] || left_out="a child of fork"
  cmake --build "$build" --target "${targets[@]}"
  # Tests that cannot list themselves are none to CTest.
  for room in $rooms; do
    if ctest --test-dir "$build" -N -R "^$room:" | grep -q "^Total Tests: 0"; then
      echo "configurations.sh: $name: test_$room lists no tests" >&2
      return 1
    fi
  done
  # One thread of OpenBLAS: its threads spin where others want the processor.
  TSAN_OPTIONS="halt_on_error=1 die_after_fork=0" OPENBLAS_NUM_THREADS=1 \
    ctest --test-dir "$build" --output-on-failure -j "$(nproc)" \
    -R "^($(echo $rooms | tr ' ' '|')):" -E "$left_out" | tail -n "${ATLAS_LINES:-100}"
}

only=""
if [ "${1:-}" = --list ]; then
  printf '%s\n' "${names[@]}"
  exit
fi
if [ "${1:-}" = --rooms ]; then
  only=$2
  shift 2
fi
[ $# -gt 0 ] || set -- "${names[@]}"
for name in "$@"; do describe "$name"; done # refuses names that are none, before the work
install_missing "${packages[@]}"
for name in "$@"; do run "$name"; done
