// SPDX-License-Identifier: MIT
#include "autoencoder_training.hpp"
#include "options.hpp"

#include <map>

namespace atlas_program {

namespace {

const std::map<std::string, atlas::autoencoder_training> trainings = {
    {"converged", atlas::autoencoder_training::converged},
    {"study", atlas::autoencoder_training::study}};

}  // namespace

void add_training_option(CLI::App& app, atlas::autoencoder_training& training) {
  app.add_option_function<std::string>(
         "--training", [&training](const std::string& name) { training = trainings.at(name); },
         "of autoencoders: converged (batches, until the error on a tenth of the training "
         "contexts no longer falls) or study (all rows a step, 300 steps)")
      ->check(one_of({"converged", "study"}))
      ->default_str("converged");
}

std::string training_name(atlas::autoencoder_training training) {
  for (const auto& [name, known] : trainings)
    if (known == training) return name;
  return "";
}

json advantage_json(const atlas::advantage_estimate& advantage) {
  json out = {{"value", number(advantage.value)},
              {"standard_error", number(advantage.standard_error)}};
  out.update(bounds(advantage.interval));
  out["t"] = number(advantage.t);
  out["p"] = number(advantage.p);
  out["held_out_contexts"] = advantage.contexts;
  return out;
}

}  // namespace atlas_program
