# SPDX-License-Identifier: MIT
# What the components of atlas need. The project itself and the installed package use this file
# alike, so that a component is there wherever its dependencies are, whenever they were installed.

# find_package whose failure is added to `lacking`.
macro(atlas_find package debian)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    list(APPEND lacking "${package} (Debian: ${debian})")
  endif()
endmacro()

# atlas_find_boost(<lacking>)
# Makes Boost::headers, or sets <lacking> to what is missing. Headers in a folder that the user names
# in Boost_INCLUDE_DIR, Boost_ROOT or BOOST_ROOT, as variables or the last two in the environment, come
# before every other Boost of the machine. Then comes Boost's own package (CMake's module for it warns
# from version 3.30 on), then headers without a package in CMAKE_PREFIX_PATH and the system's folders.
function(atlas_find_boost result)
  set(${result} "" PARENT_SCOPE)
  if(TARGET Boost::headers)
    return()
  endif()
  set(include)
  find_path(include boost/version.hpp PATH_SUFFIXES include NO_DEFAULT_PATH NO_CACHE
    PATHS ${Boost_INCLUDE_DIR} ${Boost_ROOT} ${BOOST_ROOT} ENV Boost_ROOT ENV BOOST_ROOT)
  if(NOT include)
    find_package(Boost QUIET CONFIG)
    if(TARGET Boost::headers)
      return()
    endif()
    find_path(ATLAS_BOOST_INCLUDE boost/version.hpp)
    mark_as_advanced(ATLAS_BOOST_INCLUDE)
    set(include ${ATLAS_BOOST_INCLUDE})
  endif()
  if(NOT include)
    set(${result} "the headers of Boost (Debian: libboost-dev)" PARENT_SCOPE)
    return()
  endif()
  add_library(Boost::headers INTERFACE IMPORTED)
  target_include_directories(Boost::headers INTERFACE ${include})
endfunction()

# LibTorch's own TorchConfig.cmake is not used: that of a build with CUDA (as pip has it) enables the
# language CUDA, warns, and stops the configuration where there is no toolkit, QUIET or not. What is
# needed are two folders and two libraries, searched in Torch_DIR (a folder with TorchConfig.cmake),
# CMAKE_PREFIX_PATH and the system's folders.
macro(atlas_find_torch)
  set(hints)
  if(Torch_DIR)
    get_filename_component(hints ${Torch_DIR}/../../.. ABSOLUTE)
  endif()
  find_path(ATLAS_TORCH_INCLUDE ATen/core/Tensor.h HINTS ${hints} PATH_SUFFIXES include)
  # Beside each other, so that headers and libraries are of one version.
  get_filename_component(prefix "${ATLAS_TORCH_INCLUDE}" DIRECTORY)
  find_library(ATLAS_TORCH_CPU torch_cpu HINTS ${prefix}/lib)
  find_library(ATLAS_TORCH_C10 c10 HINTS ${prefix}/lib)
  mark_as_advanced(ATLAS_TORCH_INCLUDE ATLAS_TORCH_CPU ATLAS_TORCH_C10)
  if(NOT ATLAS_TORCH_INCLUDE OR NOT ATLAS_TORCH_CPU OR NOT ATLAS_TORCH_C10)
    set(lacking "LibTorch (Debian: libtorch-dev, or the folder of pip's in CMAKE_PREFIX_PATH)")
  elseif(EXISTS ${prefix}/share/cmake/Torch/TorchConfig.cmake)
    file(STRINGS ${prefix}/share/cmake/Torch/TorchConfig.cmake old_strings
      REGEX "_GLIBCXX_USE_CXX11_ABI=0")
    if(old_strings)
      set(lacking "a LibTorch of the C++11 ABI, which the one in ${prefix} is not")
    endif()
  endif()
  set(includes ${ATLAS_TORCH_INCLUDE} ${ATLAS_TORCH_INCLUDE}/torch/csrc/api/include)
  set(libraries ${ATLAS_TORCH_CPU} ${ATLAS_TORCH_C10})
endmacro()

# atlas_add_component(<component> <lacking>)
# Makes atlas::<component>, or sets <lacking> to what it would need.
function(atlas_add_component component result)
  set(${result} "" PARENT_SCOPE)
  if(TARGET atlas::${component})
    return()
  endif()
  set(lacking)
  set(libraries)
  set(definitions)
  set(includes)

  if(component STREQUAL "io")  # files and text: JSON and Unicode
    atlas_find(nlohmann_json nlohmann-json3-dev)
    atlas_find(ICU libicu-dev COMPONENTS uc i18n)
    set(libraries nlohmann_json::nlohmann_json ICU::i18n ICU::uc)
  elseif(component STREQUAL "openmp")
    # Threads from the OpenMP run-time instead of the standard library's. Eigen's own use of them is
    # turned off: atlas cuts the work itself, so that results do not depend on their number.
    atlas_find(OpenMP "libgomp, which comes with g++, or libomp-dev" COMPONENTS CXX)
    set(libraries OpenMP::OpenMP_CXX)
    set(definitions ATLAS_USE_OPENMP EIGEN_DONT_PARALLELIZE)
  elseif(component STREQUAL "blas")
    # Matrix products from the BLAS that the user links, eigenbases from LAPACK where there is one.
    atlas_find(BLAS libopenblas-dev)
    set(libraries BLAS::BLAS)
    set(definitions EIGEN_USE_BLAS)
    find_package(LAPACK QUIET)
    if(LAPACK_FOUND)
      list(APPEND libraries LAPACK::LAPACK)
      list(APPEND definitions ATLAS_USE_LAPACK)
    endif()
  elseif(component STREQUAL "xtensor")
    atlas_find(xtensor libxtensor-dev)
    set(libraries xtensor)
  elseif(component STREQUAL "torch")
    atlas_find_torch()
  elseif(component STREQUAL "compiled")
    set(lacking "an atlas that was configured with -DATLAS_COMPILED=ON")
  else()
    set(lacking "to be compiled, io, openmp, blas, xtensor or torch")
  endif()

  if(lacking)
    list(JOIN lacking ", " lacking)
    set(${result} "atlas::${component} needs ${lacking}" PARENT_SCOPE)
    return()
  endif()
  if(TARGET atlas)  # in the source tree
    add_library(atlas_${component} INTERFACE)
    add_library(atlas::${component} ALIAS atlas_${component})
    set(target atlas_${component})
  else()
    set(target atlas::${component})
    add_library(${target} INTERFACE IMPORTED)
  endif()
  target_link_libraries(${target} INTERFACE atlas::atlas ${libraries})
  target_compile_definitions(${target} INTERFACE ${definitions})
  target_include_directories(${target} SYSTEM INTERFACE ${includes})
endfunction()

# atlas_require(<component>...): for those who add the source tree to theirs; an error that says
# what is missing.
function(atlas_require)
  foreach(component IN LISTS ARGN)
    atlas_add_component(${component} lacking)
    if(lacking)
      message(FATAL_ERROR "${lacking}")
    endif()
  endforeach()
endfunction()
