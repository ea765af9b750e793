# SPDX-License-Identifier: MIT
# Vega, which draws the figures of reports, from the modules of Debian's package libjs-vega.

# atlas_write_vega(<file>)
# Writes one script that defines `vega` with `parse` and `View`; an empty file where Vega is not
# installed, with a warning. Each module is a function of its own, run when another asks for it.
function(atlas_write_vega file)
  find_path(ATLAS_VEGA vega-parser.min.js PATHS /usr/share/javascript/vega)
  mark_as_advanced(ATLAS_VEGA)
  if(NOT ATLAS_VEGA)
    message(WARNING "no Vega, so that reports have tables and no figures (libjs-vega)")
    file(WRITE ${file} "")
    return()
  endif()
  set(license "BSD-3-Clause, https://spdx.org/licenses/BSD-3-Clause.html. Copyright (c) 2015-2021, \
University of Washington Interactive Data Lab.")
  if(EXISTS /usr/share/doc/libjs-vega/copyright)  # whole, with that of each part
    file(READ /usr/share/doc/libjs-vega/copyright license)
    string(REPLACE "*/" "* /" license "${license}")
  endif()
  set(script "/* Vega, https://vega.github.io/vega/\n${license}*/\n")
  string(APPEND script "var vega=(function(){var made={},makers={};function require(name){\
if(!made[name]){made[name]={};makers[name].call(made[name],made[name],{exports:made[name]},require);}\
return made[name];}\n")
  foreach(module util time format loader dataflow statistics transforms canvas scale scenegraph
      view-transforms encode selection expression functions runtime view event-selector parser)
    file(READ ${ATLAS_VEGA}/vega-${module}.min.js text)
    string(REGEX REPLACE "//# sourceMappingURL[^\n]*" "" text "${text}")
    string(APPEND script "makers[\"vega-${module}\"]=function(exports,module,require){${text}\n};\n")
  endforeach()
  string(APPEND script "makers[\"vega-selections\"]=makers[\"vega-selection\"];\
var transforms=require(\"vega-dataflow\").transforms;\
[\"vega-transforms\",\"vega-view-transforms\",\"vega-encode\"].forEach(function(name){\
var some=require(name);for(var each in some)transforms[each]=some[each];});\
return {parse:require(\"vega-parser\").parse,View:require(\"vega-view\").View};})();\n")
  file(WRITE ${file}.new "${script}")
  configure_file(${file}.new ${file} COPYONLY)
endfunction()
