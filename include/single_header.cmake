# SPDX-License-Identifier: MIT
# cmake -DHEADERS=<folder of atlas/> -DVERSION=<x.y.z> -DOUT=<file> -P single_header.cmake
# Writes atlas.hpp with everything that it includes from atlas, each header once, and the adapters
# that need nothing. Those of xtensor, LibTorch and OpenCV stand at its end behind
# ATLAS_WITH_XTENSOR, ATLAS_WITH_TORCH and ATLAS_WITH_OPENCV.
cmake_minimum_required(VERSION 3.22)

# Appends the header to the global property `text`, after what it includes.
function(inline_header header)
  get_property(seen GLOBAL PROPERTY seen)
  if(header IN_LIST seen)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY seen ${header})
  file(READ ${HEADERS}/${header} content)
  string(REGEX MATCHALL "#include \"[^\"]+\"" includes "${content}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "#include \"([^\"]+)\"" "\\1" name "${include}")
    inline_header(${name})
    string(REPLACE "${include}\n" "" content "${content}")
  endforeach()
  string(REPLACE "// SPDX-License-Identifier: MIT\n" "" content "${content}")
  string(REPLACE "#pragma once\n" "\n// ---- ${header}\n" content "${content}")
  set_property(GLOBAL APPEND_STRING PROPERTY text "${content}")
endfunction()

set_property(GLOBAL PROPERTY text
  "// SPDX-License-Identifier: MIT\n#pragma once\n// atlas ${VERSION} in one header.\n")
inline_header(atlas/atlas.hpp)
inline_header(atlas/adapters/mdspan.hpp)
inline_header(atlas/adapters/multi_array.hpp)
inline_header(atlas/adapters/dlpack.hpp)
inline_header(atlas/adapters/to_dlpack.hpp)
foreach(adapter xtensor torch opencv)
  string(TOUPPER ${adapter} name)
  set_property(GLOBAL APPEND_STRING PROPERTY text "\n#ifdef ATLAS_WITH_${name}\n")
  inline_header(atlas/adapters/${adapter}.hpp)
  set_property(GLOBAL APPEND_STRING PROPERTY text "#endif  // ATLAS_WITH_${name}\n")
endforeach()
get_property(text GLOBAL PROPERTY text)
file(WRITE ${OUT} "${text}")
