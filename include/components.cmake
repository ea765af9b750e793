# What the components of atlas need. The project itself and the installed package use this file
# alike, so that a component is there wherever its dependencies are, whenever they were installed.

# find_package whose failure is added to `lacking`.
macro(atlas_find package debian)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    list(APPEND lacking "${package} (Debian: ${debian})")
  endif()
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
  else()
    set(lacking "to be io, openmp, blas or xtensor")
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
