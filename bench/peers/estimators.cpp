// SPDX-License-Identifier: MIT
/// \file
/// Seconds that an estimator of dimension takes on one thread on a cloud of a file, its search for
/// neighbours included, as JSON: of two calls the second. Run by estimators.py, beside
/// scikit-dimension and DADApy. `peer_estimators cloud.npy NAME error|alone`

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimators/binomial.hpp"
#include "atlas/dimension/estimators/correlation_integral.hpp"
#include "atlas/dimension/estimators/danco.hpp"
#include "atlas/dimension/estimators/ess.hpp"
#include "atlas/dimension/estimators/fisher_separability.hpp"
#include "atlas/dimension/estimators/gride.hpp"
#include "atlas/dimension/estimators/knn_graph.hpp"
#include "atlas/dimension/estimators/local_pca.hpp"
#include "atlas/dimension/estimators/mada.hpp"
#include "atlas/dimension/estimators/mind_ml.hpp"
#include "atlas/dimension/estimators/mle.hpp"
#include "atlas/dimension/estimators/mom.hpp"
#include "atlas/dimension/estimators/spanning_tree.hpp"
#include "atlas/dimension/estimators/tle.hpp"
#include "atlas/dimension/estimators/two_nn.hpp"
#include "atlas/io/npy.hpp"

namespace {

using cloud = atlas::owned_tensor<double, 2>;
using run = std::function<double(const cloud&, const atlas::dimension_options&)>;

template <class Estimator>
run with(Estimator e) {
  return [e](const cloud& points, const atlas::dimension_options& options) {
    return atlas::estimate_dimension(points, e, options).dimension;
  };
}

/// Gride at n1 = 1, 2, 4, ..., 32 from one table.
double gride_scales(const cloud& points, const atlas::dimension_options& options) {
  const auto table = atlas::nearest_neighbors(points, {.k = 64, .threads = options.threads});
  double last = 0;
  for (atlas::index_t n = 1; n <= 32; n *= 2)
    last = atlas::estimate_from_neighbors(table, atlas::estimators::gride{.n1 = n, .n2 = 2 * n},
                                          options)
               .dimension;
  return last;
}

const std::map<std::string, run>& estimators() {
  namespace e = atlas::estimators;
  static const std::map<std::string, run> all = {
      {"two_nn", with(e::two_nn{.estimator = atlas::two_nn_estimator::regression})},
      {"gride_scales", gride_scales},
      {"mle", with(e::mle{.k = 20})},
      {"mom", with(e::mom{.k = 20})},
      {"mada", with(e::mada{.k = 20})},
      {"tle", with(e::tle{.k = 20})},
      {"ess", with(e::ess{.k = 100})},
      {"correlation_integral", with(e::correlation_integral{.k1 = 10, .k2 = 20})},
      {"mind_ml", with(e::mind_ml{.k = 20})},
      {"danco", with(e::danco{.k = 10})},
      {"fisher_separability", with(e::fisher_separability{})},
      {"local_pca", with(e::local_pca{})},
      {"spanning_tree", with(e::spanning_tree{})},
      {"knn_graph", with(e::knn_graph{})},
      {"binomial", with(e::binomial{.r = 0.95, .k = 20})},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || estimators().count(argv[2]) == 0) return 2;
  const cloud points = atlas::io::read_npy<double, 2>(argv[1]);
  const atlas::dimension_options options{.errors = std::string(argv[3]) == "error", .threads = 1};
  const run& estimate = estimators().at(argv[2]);
  estimate(points, options);  // memory is there, as it is on the peer's side
  const auto start = std::chrono::steady_clock::now();
  const double dimension = estimate(points, options);
  const auto end = std::chrono::steady_clock::now();
  std::printf("{\"seconds\": %.6f, \"dimension\": %.9g}\n",
              std::chrono::duration<double>(end - start).count(), dimension);
}
