// SPDX-License-Identifier: MIT
#include "vega.hpp"

#include <utility>

namespace atlas_program {

namespace {

json signal(const std::string& expression) {
  return {{"signal", expression}};
}

json scaled(const std::string& scale, const std::string& field) {
  return {{"scale", scale}, {"field", field}};
}

/// `datum["name"]`, whatever is in the name.
std::string of_datum(const std::string& field) {
  return "datum[" + json(field).dump() + "]";
}

/// Rows that have a value in a column.
json rows_with(const std::string& field) {
  return {{"type", "filter"}, {"expr", "isValid(" + of_datum(field) + ")"}};
}

json named_signal(const std::string& name, const std::string& update) {
  return {{"name", name}, {"update", update}};
}

/// A data set with a row for each value of a column.
json distinct(const std::string& name, const std::string& field) {
  return {{"name", name},
          {"source", numbers_name},
          {"transform", {{{"type", "aggregate"}, {"groupby", {field}}}}}};
}

/// What all have: the table, and how many panels stand side by side in the width that there is,
/// as many in each row as may be.
json panels(const std::string& panel, const std::string& narrowest, json signals) {
  json all = {
      named_signal("panels", "length(data('panels'))"),
      named_signal("room", "clamp(floor(space / (" + narrowest + ")), 1, max(1, panels))"),
      named_signal("across", "max(1, ceil(panels / ceil(panels / room)))"),
      named_signal("longest", "panels > 1 ? extent(pluck(data('panels'), 'letters'))[1] : 0")};
  for (json& s : signals) all.push_back(std::move(s));
  json names = distinct("panels", panel);
  names["transform"].push_back(
      {{"type", "formula"}, {"as", "letters"}, {"expr", "length('' + " + of_datum(panel) + ")"}});
  return {{"$schema", "https://vega.github.io/schema/vega/v5.json"},
          {"padding", 4},
          {"autosize", "pad"},
          {"signals", all},
          {"data", {{{"name", numbers_name}}, std::move(names)}}};
}

/// A panel's title: the value of its column in as many lines as it needs, or nothing where there is
/// one panel.
json panel_title(const std::string& panel) {
  const std::string name = "'' + parent[" + json(panel).dump() + "]";
  const std::string broken = "replace(" + name +
                             ", regexp('(.{1,' + floor(panel_width / 6.4) + '})(?: |$)', 'g'), "
                             "'$1\\n')";
  return {{"text",
           signal("panels > 1 ? split(replace(" + broken + ", regexp('\\n$'), ''), '\\n') : ''")},
          {"anchor", "start"},
          {"frame", "group"},
          {"fontSize", 11},
          {"limit", signal("panel_width")},
          {"color", signal("ink")},
          {"offset", 4}};
}

json group_of_panels(const std::string& panel, const json& width, const json& height) {
  return {{"type", "group"},
          {"from", {{"facet", {{"name", "panel"}, {"data", numbers_name}, {"groupby", panel}}}}},
          {"title", panel_title(panel)},
          {"encode", {{"update", {{"width", width}, {"height", height}}}}}};
}

json axis(const std::string& orient, const std::string& scale, const std::string& title) {
  return {{"orient", orient},
          {"scale", scale},
          {"title", title},
          {"labelOverlap", "greedy"},
          {"titleFontWeight", "normal"},
          {"labelColor", signal("ink")},
          {"titleColor", signal("ink")},
          {"domainColor", signal("rule")},
          {"tickColor", signal("rule")},
          {"gridColor", signal("grid")}};
}

/// What one reads at a mark: names of columns and their values.
json tooltip(const std::vector<std::string>& fields) {
  std::string text;
  for (const std::string& f : fields) {
    if (f.empty()) continue;
    const std::string value =
        "isNumber(" + of_datum(f) + ") ? format(" + of_datum(f) + ", '.4~g') : " + of_datum(f);
    text += (text.empty() ? "" : " + ', ' + ") + json(f + ": ").dump() + " + (" + value + ")";
  }
  return signal(text);
}

/// A domain over the columns that there are.
json domain_of(const std::string& data, const std::vector<std::string>& fields) {
  json out = json::array();
  for (const std::string& f : fields)
    if (!f.empty()) out.push_back(f);
  return {{"data", data}, {"fields", out}};
}

// Curves ------------------------------------------------------------------------------------------

json curve_mark(const std::string& type, const std::string& rows, json update) {
  return {{"type", type}, {"from", {{"data", rows}}}, {"encode", {{"update", std::move(update)}}}};
}

/// Colours of a null: grey, or those of its series.
struct null_colours {
  json line, band;
  double opacity;  ///< of the band
};

null_colours colours_of_null(const curve_columns& c, const curve_options& o) {
  if (!o.own_nulls || c.series.empty()) return {signal("null_line"), signal("band"), 1};
  return {scaled("colour", c.series), scaled("colour", c.series), 0.2};
}

json null_area(const curve_columns& c, const json& x, const null_colours& colours) {
  return curve_mark("area", "with_null",
                    {{"x", x},
                     {"y", scaled("y", c.null_upper)},
                     {"y2", scaled("y", c.null_lower)},
                     {"fill", colours.band},
                     {"fillOpacity", {{"value", colours.opacity}}}});
}

/// \param opacity a value or a signal
json null_bar(const curve_columns& c, const json& x, const null_colours& colours,
              const json& opacity) {
  return curve_mark("rule", "with_null",
                    {{"x", x},
                     {"y", scaled("y", c.null_upper)},
                     {"y2", scaled("y", c.null_lower)},
                     {"stroke", colours.band},
                     {"strokeOpacity", opacity},
                     {"strokeWidth", {{"value", 8}}}});
}

json null_line(const std::string& rows, const std::string& field, const json& x, const json& dash,
               const json& colour) {
  return curve_mark(
      "line", rows,
      {{"x", x}, {"y", scaled("y", field)}, {"stroke", colour}, {"strokeDash", {{"value", dash}}}});
}

json null_tick(const std::string& rows, const std::string& field, const json& x,
               const json& colour) {
  return curve_mark("symbol", rows,
                    {{"x", x},
                     {"y", scaled("y", field)},
                     {"shape", {{"value", "stroke"}}},
                     {"stroke", colour},
                     {"strokeWidth", {{"value", 1.5}}},
                     {"size", {{"value", 110}}}});
}

/// Series stand a little beside each other, so that their intervals do not cover each other.
json beside(json x, const curve_columns& c, const curve_options& o) {
  if (c.series.empty() || o.many_series) return x;
  x["offset"] = signal("min(5, 24 / length(domain('colour'))) * (indexof(domain('colour'), " +
                       of_datum(c.series) + ") - (length(domain('colour')) - 1) / 2)");
  return x;
}

/// The null of a series: a band with a dashed line where points are joined, bars with ticks where
/// they are not.
json null_marks(const curve_columns& c, const curve_options& o) {
  const null_colours colours = colours_of_null(c, o);
  const json x = o.own_nulls ? beside(scaled("x", c.x), c, o) : scaled("x", c.x);
  json marks = json::array();
  if (!c.null_lower.empty()) {
    const std::string opacity = std::to_string(colours.opacity);
    if (o.lines) marks.push_back(null_area(c, x, colours));
    // An area of a single place has no width.
    marks.push_back(
        null_bar(c, x, colours,
                 signal(o.lines ? "length(data('with_null')) > 1 ? 0 : " + opacity : opacity)));
  }
  const auto add = [&](const char* rows, const std::string& field, const json& dash) {
    if (field.empty()) return;
    if (o.lines) marks.push_back(null_line(rows, field, x, dash, colours.line));
    marks.push_back(null_tick(rows, field, x, colours.line));  // a line of one place is not seen
  };
  add("with_null", c.null_mean, {5, 3});
  add("with_reference", c.reference, {1, 3});
  return marks;
}

/// What one reads at a point: what it is, its numbers, and its null's.
json tooltip_of(const curve_columns& c) {
  std::vector<std::string> fields = {c.panel, c.series};
  fields.insert(fields.end(), c.said.begin(), c.said.end());
  fields.insert(fields.end(), {c.x, c.y, c.lower, c.upper, c.null_mean});
  return tooltip(fields);
}

json curve_marks(const curve_columns& c, const curve_options& o) {
  const json x = beside(scaled("x", c.x), c, o);
  const json colour = c.series.empty() ? signal("first") : scaled("colour", c.series);
  const bool shaped = !c.series.empty() && !o.many_series;
  const json shape = shaped ? scaled("shape", c.series) : json{{"value", "circle"}};
  json marks = json::array();
  if (o.lines)
    marks.push_back(curve_mark("line", "with_value",
                               {{"x", x},
                                {"y", scaled("y", c.y)},
                                {"stroke", colour},
                                {"strokeWidth", {{"value", 1.6}}}}));
  if (!c.lower.empty())
    marks.push_back(curve_mark("rule", "with_interval",
                               {{"x", x},
                                {"y", scaled("y", c.lower)},
                                {"y2", scaled("y", c.upper)},
                                {"stroke", colour},
                                {"strokeWidth", {{"value", 1.3}}}}));
  marks.push_back(curve_mark("symbol", "with_value",
                             {{"x", x},
                              {"y", scaled("y", c.y)},
                              {"fill", colour},
                              {"shape", shape},
                              {"size", {{"value", 26}}},
                              {"tooltip", tooltip_of(c)}}));
  return marks;
}

/// Rows of one series, those of each mark.
json series_data(const curve_columns& c) {
  const auto rows = [&](const char* name, const std::string& field) {
    return json{
        {"name", name}, {"source", "series"}, {"transform", json::array({rows_with(field)})}};
  };
  json data = json::array({rows("with_value", c.y)});
  if (!c.lower.empty()) data.push_back(rows("with_interval", c.lower));
  if (!c.null_mean.empty()) data.push_back(rows("with_null", c.null_mean));
  if (!c.reference.empty()) data.push_back(rows("with_reference", c.reference));
  return data;
}

/// Marks of each series; those of all nulls come before, and so under, those of all curves.
json series_group(const curve_columns& c, json marks) {
  const std::string series = c.series.empty() ? c.panel : c.series;
  return {{"type", "group"},
          {"from", {{"facet", {{"name", "series"}, {"data", "panel"}, {"groupby", series}}}}},
          {"data", series_data(c)},
          {"marks", std::move(marks)}};
}

/// A colour for each series and, where these are used up, another shape of its points; or a colour
/// that goes on with the numbers of series.
json series_scales(const curve_columns& c, const curve_options& o) {
  const json domain = domain_of(numbers_name, {c.series});
  if (o.many_series)
    return {{{"name", "colour"},
             {"type", "linear"},
             {"zero", false},
             {"domain", domain},
             {"range", signal("sequence_colours")}}};
  json shapes = json::array();
  for (const char* shape : {"circle", "square", "triangle-up"})
    for (std::size_t i = 0; i < most_colours; ++i) shapes.push_back(shape);
  return {
      {{"name", "colour"}, {"type", "ordinal"}, {"domain", domain}, {"range", signal("palette")}},
      {{"name", "shape"}, {"type", "ordinal"}, {"domain", domain}, {"range", shapes}}};
}

json legend_of_colours(const std::string& title) {
  return {{"fill", "colour"},
          {"type", "gradient"},
          {"direction", "horizontal"},
          {"orient", "bottom"},
          {"gradientLength", signal("min(180, panel_width)")},
          {"gradientThickness", 9},
          {"tickCount", 4},
          {"title", title},
          {"titleFontWeight", "normal"},
          {"titleColor", signal("ink")},
          {"labelColor", signal("ink")}};
}

json series_legend(const curve_columns& c, const curve_options& o) {
  if (o.many_series) return legend_of_colours(c.series);
  return {{"fill", "colour"},
          {"shape", "shape"},
          {"orient", "bottom"},
          {"columns", signal("max(1, floor(space / 150))")},
          {"title", c.series},
          {"titleFontWeight", "normal"},
          {"titleColor", signal("ink")},
          {"labelColor", signal("ink")}};
}

json x_scale(const curve_columns& c, const curve_options& o) {
  const char* data = o.common_axes ? numbers_name : "panel";
  json scale = {{"name", "x"}, {"range", {0, signal("panel_width")}}};
  if (o.x_scale == "point") {
    scale.update({{"type", "point"}, {"padding", 0.5}, {"domain", domain_of(data, {c.x})}});
    return scale;
  }
  scale.update(
      {{"type", o.x_scale}, {"zero", false}, {"domain", domain_of(data, {c.x})}, {"padding", 10}});
  return scale;
}

json y_scale(const curve_columns& c, const curve_options& o) {
  return {{"name", "y"},
          {"type", o.logarithmic ? "log" : "linear"},
          {"zero", o.from_zero},
          {"nice", true},
          {"range", {signal("panel_height"), 0}},
          {"domain", domain_of(o.common_axes ? numbers_name : "panel",
                               {c.y, c.lower, c.upper, c.null_mean, c.null_lower, c.null_upper,
                                c.reference})}};
}

}  // namespace

namespace {

/// Panels of a row stand at one height, whatever their titles and axes take; names below axes take
/// what they take.
json curve_layout(const curve_options& o) {
  if (o.x_scale == "point")
    return {{"columns", signal("across")}, {"padding", 18}, {"bounds", "full"}};
  return {{"columns", signal("across")},
          {"padding", {{"row", signal("54 + 13 * title_lines")}, {"column", 60}}},
          {"bounds", "flush"}};
}

}  // namespace

json curve_spec(const curve_columns& columns, const curve_options& o) {
  const curve_columns& c = columns;
  json spec =
      panels(c.panel, "panels > 6 ? 215 : 270",
             {named_signal("panel_width", "clamp(space / across - 64, 170, 620)"),
              named_signal("panel_height", "panels > 1 ? 150 : 220"),
              named_signal("title_lines", "ceil(1.2 * longest / floor(panel_width / 6.4))")});
  spec["layout"] = curve_layout(o);
  json scales = json::array();
  json group = group_of_panels(c.panel, signal("panel_width"), signal("panel_height"));
  json& axes = o.common_axes ? scales : group["scales"];
  axes.push_back(x_scale(c, o));
  axes.push_back(y_scale(c, o));
  if (!c.series.empty())
    for (json& scale : series_scales(c, o)) scales.push_back(std::move(scale));
  spec["scales"] = scales;
  if (!c.series.empty()) spec["legends"] = json::array({series_legend(c, o)});
  json bottom = axis("bottom", "x", o.x_title), left = axis("left", "y", o.y_title);
  left["grid"] = true;
  left["tickCount"] = 5;
  if (o.whole_x) bottom.update({{"tickMinStep", 1}, {"format", "d"}});
  if (o.x_scale != "point") bottom["tickCount"] = signal("max(3, floor(panel_width / 60))");
  if (o.x_scale == "point") bottom.update({{"labelAngle", -30}, {"labelAlign", "right"}});
  group["axes"] = {bottom, left};
  group["marks"] = {series_group(c, null_marks(c, o)), series_group(c, curve_marks(c, o))};
  spec["marks"] = json::array({group});
  return spec;
}

// Maps --------------------------------------------------------------------------------------------

namespace {

json colours(const map_columns& c, const map_options& o) {
  json scale = {{"name", "colour"}, {"type", "linear"}, {"clamp", true}};
  if (o.own_scales) {
    scale["domain"] = {{"data", "panel"}, {"field", c.value}};
    scale["zero"] = false;
  } else if (o.diverging) {
    scale["domain"] = {o.low, (o.low + o.high) / 2, o.high};
  } else {
    scale["domain"] = {o.low, o.high};
  }
  scale["range"] = o.diverging ? json{signal("cold"), signal("neutral"), signal("hot")}
                               : json{signal("faint"), signal("strong")};
  return scale;
}

json band_scale(const std::string& name, const std::string& data, const std::string& field,
                const std::string& length) {
  return {{"name", name},
          {"type", "band"},
          {"domain", {{"data", data}, {"field", field}, {"sort", true}}},
          {"range", {0, signal(length)}}};
}

/// A cell; one without a value is hollow.
json cell(const std::string& x, const std::string& y, const std::string& value,
          const std::vector<std::string>& said) {
  return {{"x", scaled("x", x)},
          {"y", scaled("y", y)},
          {"width", {{"scale", "x"}, {"band", 1}}},
          {"height", {{"scale", "y"}, {"band", 1}}},
          {"fill",
           {{{"test", "!isValid(" + of_datum(value) + ")"}, {"signal", "missing"}},
            {{"scale", "colour"}, {"field", value}}}},
          {"tooltip", tooltip(said)}};
}

}  // namespace

json map_spec(const map_columns& columns, const map_options& o) {
  const map_columns& c = columns;
  json spec =
      panels(c.panel, "250",
             {named_signal("panel_width", "clamp(space / across - 56, 180, 520)"),
              named_signal("panel_height",
                           "clamp(length(data('levels')) * (panels > 1 ? 10 : 14), 90, 460)")});
  spec["data"].push_back(distinct("levels", c.y));
  spec["layout"] = {{"columns", signal("across")}, {"padding", 22}, {"bounds", "full"}};
  spec["scales"] = {band_scale("x", numbers_name, c.x, "panel_width"),
                    band_scale("y", numbers_name, c.y, "panel_height")};
  json group = group_of_panels(c.panel, signal("panel_width"), signal("panel_height"));
  group["axes"] = {axis("bottom", "x", o.x_title), axis("left", "y", o.y_title)};
  (o.own_scales ? group["scales"] : spec["scales"]).push_back(colours(c, o));
  (o.own_scales ? group : spec)["legends"] = json::array({legend_of_colours(o.value_title)});
  group["marks"] = json::array(
      {curve_mark("rect", "panel", cell(c.x, c.y, c.value, {c.panel, c.y, c.x, c.value}))});
  spec["marks"] = json::array({group});
  return spec;
}

namespace {

/// Lines around pairs of heads that share keys and values, if there are such.
json group_marks(atlas::index_t heads, atlas::index_t heads_per_group) {
  json starts = json::array();
  if (heads_per_group > 1)
    for (atlas::index_t h = 0; h < heads; h += heads_per_group) starts.push_back({{"head", h}});
  const json side = signal(std::to_string(heads_per_group) + " * bandwidth('x')");
  return {{"type", "group"},
          {"data", {{{"name", "groups"}, {"values", starts}}}},
          {"marks", json::array({curve_mark("rect", "groups",
                                            {{"x", scaled("x", "head")},
                                             {"y", scaled("y", "head")},
                                             {"width", side},
                                             {"height", side},
                                             {"stroke", signal("ink")},
                                             {"strokeWidth", {{"value", 1}}},
                                             {"fill", {{"value", "transparent"}}}})})}};
}

/// Numbers of heads, as many of them as there is room for.
json axis_of_heads(const std::string& orient, const std::string& scale, atlas::index_t heads) {
  const std::string count = std::to_string(heads);
  json out = axis(orient, scale, "");
  out.update({{"values", signal("sequence(0, " + count + ", max(1, ceil(" + count +
                                " * 16 / panel_width)))")},
              {"labelFontSize", 9},
              {"labelPadding", 2},
              {"ticks", false},
              {"domain", false}});
  return out;
}

json band_of_heads(const std::string& name, atlas::index_t heads, const std::string& length) {
  return {{"name", name},
          {"type", "band"},
          {"domain", signal("sequence(" + std::to_string(heads) + ")")},
          {"range", {0, signal(length)}}};
}

}  // namespace

json matrix_spec(const matrix_columns& c, const matrix_options& o) {
  // On paper thirty layers have room on a page.
  const std::string narrowest = o.heads > 12 ? "space < 700 && panels > 12 ? 128 : 170" : "130";
  json spec = panels(c.panel, narrowest,
                     {named_signal("panel_width", "clamp(space / across - 34, 84, 190)"),
                      named_signal("panel_height", "panel_width")});
  spec["layout"] = {{"columns", signal("across")}, {"padding", 10}, {"bounds", "full"}};
  spec["scales"] = {band_of_heads("x", o.heads, "panel_width"),
                    band_of_heads("y", o.heads, "panel_height"),
                    colours({c.panel, c.column, c.row, c.value}, {.x_title = "",
                                                                  .y_title = "",
                                                                  .value_title = o.value_title,
                                                                  .diverging = true,
                                                                  .low = -o.most,
                                                                  .high = o.most})};
  spec["legends"] = json::array({legend_of_colours(o.value_title)});
  json group = group_of_panels(c.panel, signal("panel_width"), signal("panel_height"));
  group["encode"]["update"]["stroke"] = signal("rule");
  group["axes"] = {axis_of_heads("bottom", "x", o.heads), axis_of_heads("left", "y", o.heads)};
  group["marks"] = {curve_mark("rect", "panel",
                               cell(c.column, c.row, c.value, {c.panel, c.row, c.column, c.value})),
                    group_marks(o.heads, o.heads_per_group)};
  spec["marks"] = json::array({group});
  return spec;
}

}  // namespace atlas_program
