// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/stats/summary.hpp"
#include "common.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct boltzmann_command {
  common_options common;
  std::string file, values_file;
  double beta = 1;

  void run() const {
    with_typed_names({{"logits", file}, {"values", values_file}}, [&] { run_named(); });
  }

 private:
  void run_named() const {
    begin_stage(common, "reading logits");
    const std::size_t rank = atlas::io::npy_header(file).extents.size();
    switch (rank) {
      case 1:
        return measure<1>();
      case 2:
        return measure<2>();
      case 3:
        return measure<3>();
      case 4:
        return measure<4>();
      default:
        throw atlas::shape_error(file, "1 to 4 dimensions", std::to_string(rank));
    }
  }

  /// One list a dimension; NaN becomes null.
  template <std::size_t Rank>
  static json nested(const atlas::tensor_view<const double, Rank>& x) {
    json out = json::array();
    for (index_t i = 0; i < x.extent(0); ++i) {
      if constexpr (Rank == 1)
        out.push_back(number(x[i]));
      else
        out.push_back(nested<Rank - 1>(x[i]));
    }
    return out;
  }

  template <std::size_t Rank>
  void add(const std::string& name, const atlas::tensor_view<const double, Rank>& x, json& out,
           std::vector<std::vector<std::string>>& rows) const {
    out[name] = nested<Rank>(x);
    std::vector<double> all;
    atlas::for_each_element(x, x, [&](double v, double) {
      if (!std::isnan(v)) all.push_back(v);
    });
    const auto [low, high] = std::minmax_element(all.begin(), all.end());
    rows.push_back({name, digits(atlas::summarize(all).mean, 6),
                    all.empty() ? "-" : digits(*low, 6), all.empty() ? "-" : digits(*high, 6)});
  }

  template <std::size_t Rank>
  void measure() const {
    const auto logits = atlas::io::read_npy<double, Rank>(file);
    const atlas::boltzmann_options options{.beta = beta, .threads = common.threads};
    begin_stage(common, "observables");
    index_t distributions = 1;
    for (std::size_t k = 0; k + 1 < Rank; ++k) distributions *= logits.extent(k);
    json out = {{"rows", distributions}, {"keys", logits.extent(Rank - 1)}};
    std::vector<std::vector<std::string>> rows = {{"", "mean", "least", "most"}};
    if constexpr (Rank == 1) {
      // A single row: numbers, not lists of one.
      const atlas::tensor_view<const double, 2> row(logits.data(), {1, logits.extent(0)});
      describe<2>(row, options, out, rows);
      for (auto& [name, list] : out.items())
        if (list.is_array()) list = json(list[0]);
    } else {
      describe<Rank>(logits, options, out, rows);
    }
    report(common, out, table_text(rows));
  }

  template <std::size_t Rank>
  void describe(const atlas::tensor_view<const double, Rank>& logits,
                const atlas::boltzmann_options& options, json& out,
                std::vector<std::vector<std::string>>& rows) const {
    const auto o = atlas::boltzmann_observables(logits, options);
    add<Rank - 1>("free_energy", o.free_energy, out, rows);
    add<Rank - 1>("mean_energy", o.mean_energy, out, rows);
    add<Rank - 1>("heat_capacity", o.heat_capacity, out, rows);
    add<Rank - 1>("entropy", o.entropy, out, rows);
    add<Rank - 1>("t_eff", o.effective_temperature, out, rows);
    if (!values_file.empty()) add_density<Rank>(atlas::softmax(logits, options), out, rows);
  }

  template <std::size_t Rank>
  void add_density(const atlas::owned_tensor<double, Rank>& weights, json& out,
                   std::vector<std::vector<std::string>>& rows) const {
    const atlas::density_options options{.threads = common.threads};
    begin_stage(common, "density matrices");
    if constexpr (Rank == 2) {
      add_states<1>(
          atlas::density_matrix(weights, atlas::io::read_npy<double, 2>(values_file), options), out,
          rows);
    } else if constexpr (Rank == 3) {
      add_states<2>(
          atlas::density_matrices(weights, atlas::io::read_npy<double, 3>(values_file), options),
          out, rows);
    } else {
      throw atlas::shape_error("--values", "logits [T], [Q, T] or [H, Q, T]",
                               std::to_string(Rank) + " dimensions");
    }
  }

  template <std::size_t Rank>
  void add_states(const atlas::density_observables<Rank>& states, json& out,
                  std::vector<std::vector<std::string>>& rows) const {
    add<Rank>("purity", states.purity, out, rows);
    add<Rank>("von_neumann_entropy", states.von_neumann_entropy, out, rows);
    if (states.zero_values > 0)
      rows.push_back({fmt::format("{} zero values left out", states.zero_values), "", "", ""});
  }
};

}  // namespace

void add_boltzmann(CLI::App& program) {
  const auto command = std::make_shared<boltzmann_command>();
  CLI::App& app = *program.add_subcommand(
      "boltzmann", "Observables of softmax rows as Boltzmann distributions, of any logits.");
  add_text(app, "LOGITS.npy", command->file, "[..., n], scaled; -inf for masked keys")->required();
  add_text(app, "--values", command->values_file,
           "also purity and von Neumann entropy: [T, d] for logits [Q, T], [H / n_rep, T, d] for "
           "[H, Q, T]");
  add_real(app, "--beta", command->beta, positive, "inverse temperature");
  add_common_options(app, command->common,
                     "atlas boltzmann logits.npy --values values.npy --json -");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
