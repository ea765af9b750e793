// SPDX-License-Identifier: MIT
#include "surrogate_names.hpp"
#include "options.hpp"

#include <vector>

namespace atlas_program {

const std::map<std::string, atlas::surrogate_kind> surrogate_kinds = {
    {"automatic", atlas::surrogate_kind::automatic},
    {"independent", atlas::surrogate_kind::independent},
    {"serial", atlas::surrogate_kind::serial},
    {"passages", atlas::surrogate_kind::passages},
    {"marginal", atlas::surrogate_kind::marginal}};

void add_surrogate_options(CLI::App& app, atlas::index_t& draws, std::string& kind) {
  add_whole(app, "--surrogates", draws, surrogate_range,
            "structureless clouds that each is compared with, 0: none");
  std::vector<std::string> names;
  for (const auto& [name, known] : surrogate_kinds) names.push_back(name);
  add_choice(app, "--surrogate-kind", kind, names,
             "what they keep beside mean and covariance: nothing (independent), the correlation "
             "along a passage (serial), also the passages' own means and covariances (passages), "
             "or the marginal distributions (marginal); automatic: what rows have labels for");
}

}  // namespace atlas_program
