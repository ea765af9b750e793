// SPDX-License-Identifier: MIT
/// \file
/// The files that a report's page is made of, within the program.

#include <cstddef>

#include "../embed.hpp"
#include "page.hpp"

ATLAS_EMBED(atlas_page_mustache, ATLAS_PAGE_FILES "/page.mustache");
ATLAS_EMBED(atlas_page_css, ATLAS_PAGE_FILES "/page.css");
ATLAS_EMBED(atlas_page_js, ATLAS_PAGE_FILES "/page.js");
ATLAS_EMBED(atlas_page_themes, ATLAS_PAGE_FILES "/themes.json");
ATLAS_EMBED(atlas_page_vega, ATLAS_VEGA_FILE);

namespace atlas_program {

std::string_view page_file(std::string_view name) {
  if (name == "page.mustache") return between(atlas_page_mustache_begin, atlas_page_mustache_end);
  if (name == "page.css") return between(atlas_page_css_begin, atlas_page_css_end);
  if (name == "page.js") return between(atlas_page_js_begin, atlas_page_js_end);
  if (name == "themes.json") return between(atlas_page_themes_begin, atlas_page_themes_end);
  return between(atlas_page_vega_begin, atlas_page_vega_end);
}

}  // namespace atlas_program
