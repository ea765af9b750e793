# SPDX-License-Identifier: MIT
# The compiled form of the library: explicit instances, for float and double, of the functions behind
# the public calls (atlas/core/compiled.hpp). Each folder of headers is one unit, generated here.

# atlas_add_compiled(<include folder>)
# Makes the static library atlas_compiled, atlas::compiled.
function(atlas_add_compiled include)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/compiled)
  file(CONFIGURE OUTPUT ${folder}/core.cpp CONTENT
    "#include \"atlas/core/compiled.hpp\"\nconst char atlas::detail::ATLAS_DETAIL_THIS_BUILD = 0;\n")
  add_library(atlas_compiled STATIC EXCLUDE_FROM_ALL ${folder}/core.cpp)
  add_library(atlas::compiled ALIAS atlas_compiled)
  foreach(room stats linalg neighbors dimension dimension/estimators subspace manifold boltzmann quantize protocols
      attention nn autoencoder reference simulation)
    get_filename_component(unit_name ${room} NAME)
    string(TOUPPER ${unit_name} name)
    set(unit "#define ATLAS_OF_${name} template\n")
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${include} ${include}/atlas/${room}/*.hpp)
    if(room STREQUAL dimension)  # estimators have a unit of their own
      list(FILTER headers EXCLUDE REGEX "^atlas/dimension/estimators/")
    endif()
    foreach(header IN LISTS headers)
      string(APPEND unit "#include \"${header}\"\n")
    endforeach()
    file(CONFIGURE OUTPUT ${folder}/${unit_name}.cpp CONTENT "${unit}" @ONLY)
    target_sources(atlas_compiled PRIVATE ${folder}/${unit_name}.cpp)
  endforeach()
  set_target_properties(atlas_compiled PROPERTIES EXPORT_NAME compiled UNITY_BUILD OFF
    POSITION_INDEPENDENT_CODE ON)
  target_compile_definitions(atlas_compiled PUBLIC ATLAS_COMPILED)
  target_link_libraries(atlas_compiled PUBLIC atlas)
endfunction()
