// SPDX-License-Identifier: MIT
#include "picked_cloud.hpp"

#include <fmt/format.h>

#include <utility>

#include "activations.hpp"
#include "cloud_file.hpp"
#include "options.hpp"

namespace atlas_program {

std::string picked_cloud::name() const {
  return fmt::format("{}: layer.{}", source.clouds_file, layer.value_or(0)) +
         (head ? fmt::format(".head.{}", *head) : "");
}

void add_picked_cloud(CLI::App& app, CLI::Option& file, picked_cloud& picked, bool one_head) {
  auto* clouds = add_text(app, "--clouds", picked.source.clouds_file,
                          "instead of a .npy file, one of clouds or of activations, see "
                          "docs/guide/clouds.md and docs/guide/activations.md")
                     ->excludes(&file)
                     ->each([&file](const std::string&) { file.required(false); });
  const auto number = [&](const char* name, std::optional<atlas::index_t>& value,
                          const char* help) {
    app.add_option(name, value, help)->transform(whole_number({0}))->needs(clouds);
  };
  number("--layer", picked.layer, "of that file");
  if (one_head) number("--head", picked.head, "of that layer");
  add_choice(app, "--rows", picked.source.rows,
             {rows_of_activations.begin(), rows_of_activations.end()},
             "what clouds of activations are: attention residuals, or a hook's own rows")
      ->needs(clouds);
  add_min_context(app, picked.source.min_context);
  app.get_option("--min-context")->needs(clouds);
  add_whole(app, "--points", picked.source.points, {3}, "rows of a cloud of activations")
      ->needs(clouds);
}

void check_picked_cloud(const CLI::App& command, const picked_cloud& picked) {
  if (!picked.is_there()) return;
  if (!picked.layer)
    throw atlas::error("--layer", "the number of a layer of " + picked.source.clouds_file,
                       "nothing");
  if (command.get_option_no_throw("--head") != nullptr && !picked.head)
    throw atlas::error("--head", fmt::format("the number of a head of layer {}", *picked.layer),
                       "nothing");
  if (!holds_activations(array_file(picked.source.clouds_file)))
    refuse_typed(command, {"--rows", "--min-context", "--points"},
                 "with clouds of layer.L.head.H, whose rows are those of the file");
}

source_layer read_picked_layer(const common_options& common, const picked_cloud& picked,
                               atlas::index_t* heads_per_group) {
  measure_options source = picked.source;
  source.common = common;
  source.layers.layers = {*picked.layer};
  measure_source found = read_clouds(source);
  if (heads_per_group != nullptr) *heads_per_group = found.heads_per_group;
  return std::move(found.layers.front());
}

void take_labels(const CLI::App& command, const source_layer& layer, label_options& labels) {
  const char* why = "with --clouds, whose labels are those of the file";
  if (!layer.context.empty()) refuse_typed(command, {"--context"}, why);
  if (!layer.position.empty()) refuse_typed(command, {"--position"}, why);
  labels.context_of_clouds = layer.context;
  labels.position_of_clouds = layer.position;
}

}  // namespace atlas_program
