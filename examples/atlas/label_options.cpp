// SPDX-License-Identifier: MIT
#include "label_options.hpp"

#include <fmt/format.h>

#include <utility>

#include "atlas/io/npy.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

atlas::owned_tensor<atlas::index_t, 1> labels_of(const std::string& file) {
  if (file.empty()) return {};
  return atlas::io::read_npy<atlas::index_t, 1>(file);
}

atlas::exclusion exclusion_by_context(const label_options& labels) {
  const std::string kind = labels.exclusion_kind();
  if (kind == "none") return {};
  const auto context = labels.context();
  if (!labels.has_window()) {
    if (context.empty()) throw atlas::value_error("--exclude " + kind, "--context C.npy", "none");
    return kind == "whole" ? atlas::same_context(context) : atlas::distinct_contexts(context);
  }
  const atlas::index_t width = std::stoll(kind);
  const auto position = labels.position();
  if (position.empty()) throw atlas::value_error("--exclude " + kind, "--position P.npy", "none");
  if (context.empty()) return atlas::nearby_positions(position, width);
  return atlas::same_context_within(context, position, width);
}

}  // namespace

std::string label_options::exclusion_kind() const {
  if (!exclude.empty()) return exclude;
  return context_file.empty() && context_of_clouds.empty() ? "none" : "distinct";
}

bool label_options::has_window() const {
  const std::string kind = exclusion_kind();
  return kind != "none" && kind != "whole" && kind != "distinct";
}

atlas::exclusion label_options::exclusion() const {
  atlas::exclusion out = exclusion_by_context(*this);
  for (const std::string& name : label_files)
    out = atlas::also_excluding(std::move(out), labels_of(name));
  return out;
}

atlas::owned_tensor<atlas::index_t, 1> label_options::context() const {
  return context_file.empty() ? context_of_clouds : labels_of(context_file);
}

atlas::owned_tensor<atlas::index_t, 1> label_options::position() const {
  return position_file.empty() ? position_of_clouds : labels_of(position_file);
}

atlas::row_labels label_options::rows() const {
  return {context(), position()};
}

void label_options::add_names(typed_names& names) const {
  for (const char* of : {"exclude.", "labels.", ""}) {
    names.emplace(of + std::string("context"), context_file);
    names.emplace(of + std::string("position"), position_file);
  }
  for (std::size_t i = 0; i < label_files.size(); ++i)
    names.emplace(fmt::format("exclude.labels[{}]", i), label_files[i]);
}

void add_label_options(CLI::App& app, label_options& labels) {
  add_text(app, "--context", labels.context_file,
           "[N] labels of the texts that rows are from, the units of the interval");
  add_text(app, "--position", labels.position_file,
           "[N] places within them, for a window and for serial surrogates");
  app.add_option("--exclude", labels.exclude,
                 "neighbours left out: none; distinct (each neighbour of another context, the "
                 "default with --context); whole (of the same context); or a window of positions")
      ->transform(whole_number_or({0}, {"none", "distinct", "whole"}));
  add_text(app, "--labels", labels.label_files,
           "[N] further labels, such as tokens: rows that share one are no neighbours")
      ->delimiter(',');
}

}  // namespace atlas_program
