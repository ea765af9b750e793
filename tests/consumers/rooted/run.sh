#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh CMAKE SOURCE FOLDER GENERATOR COMPILER: whichever way the user says where Boost is, a Boost
# that is there comes before the machine's.
set -euo pipefail
cmake=$1 source=$2 folder=$3 generator=$4 compiler=$5
here=$(cd "$(dirname "$0")" && pwd)
root=$folder/root
mkdir -p "$root/include/boost"
echo '#define BOOST_VERSION 999999' >"$root/include/boost/version.hpp"
unset Boost_ROOT BOOST_ROOT

says() { # what is found, environment and options...
  local wanted=$1
  shift
  env "${@:2}" "$cmake" -S "$here" -B "$folder/build" -G "$generator" \
    -DCMAKE_CXX_COMPILER="$compiler" -DATLAS_SOURCE="$source" \
    -UBoost_ROOT -UBOOST_ROOT -UBoost_INCLUDE_DIR ${1:+"$1"} >"$folder/said" 2>&1 ||
    { cat "$folder/said" && exit 1; }
  if grep -q 'found #define BOOST_VERSION 999999' "$folder/said"; then found=own; else found=other; fi
  [ "$found" = "$wanted" ] || { echo "$* finds the $found Boost" && cat "$folder/said" && exit 1; }
}

# In one build folder: what an earlier configuration found does not stay.
says other ""
says own -DBOOST_ROOT="$root"
says own -DBoost_ROOT="$root"
says other ""
says own -DBoost_INCLUDE_DIR="$root/include"
says own "" BOOST_ROOT="$root"
says own "" Boost_ROOT="$root"
says other -DBOOST_ROOT="$folder/nowhere"
echo "as it should be"
