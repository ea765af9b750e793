// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/local_pca.hpp"

#include <string>

#include "estimator_checks.hpp"
#include "golden.hpp"

namespace local_pca_test {
namespace {

using atlas::pca_rule;
using atlas::estimators::local_pca;
using atlas_test::golden_number;
using atlas_test::golden_value;

double number_by_rule(const atlas::owned_tensor<double, 2>& cloud, const local_pca& e) {
  const atlas::tensor_view<const double, 2> points = cloud;
  const auto law = atlas::detail::noise_of(cloud.extent(0), cloud.extent(1), e.level);
  return atlas::detail::rank_by_rule(e, atlas::detail::spectra_of_cloud<double>(points, 1), law,
                                     {0, 0});
}

constexpr const char* all_clouds[] = {"sphere2", "sphere5_in8", "swiss_roll", "cube4",
                                      "helix",   "lattice3",    "duplicates3"};

/// On a cloud of rank 6 in 8 columns the peer finds its seventh component by eigenvalues that are
/// rounding. Shuffled columns are not the peer's, but what they say of these clouds with this seed
/// is.
bool is_of_rounding(const std::string& cloud, pca_rule rule) {
  return cloud == "sphere5_in8" &&
         (rule == pca_rule::largest_gap || rule == pca_rule::kritchman_nadler);
}

TEST_CASE("numbers of components are those of the peer by every rule") {
  for (const std::string cloud : all_clouds)
    for (const auto& [text, rule] : names_of(pca_rule{})) {
      std::string key = "skdim.lPCA." + std::string(text);
      if (rule == pca_rule::variance_ratio) key += "0.95";
      if (rule == pca_rule::parallel || rule == pca_rule::random_matrix) key += ".seed0";
      CAPTURE(cloud, key);
      const double found = number_by_rule(atlas_test::golden_cloud(cloud), {.rule = rule});
      if (is_of_rounding(cloud, rule))
        CHECK(found == 6);
      else
        CHECK(found == Approx(golden_number(golden_value(cloud, key))).epsilon(1e-11));
    }
}

TEST_CASE("as many components as hold a share are those of the peer") {
  for (const std::string cloud : all_clouds)
    for (const auto& [text, share] : {std::pair{"0.05", 0.05}, std::pair{"0.5", 0.5},
                                      std::pair{"0.9", 0.9}, std::pair{"0.99", 0.99}}) {
      CAPTURE(cloud, text);
      const double found = number_by_rule(atlas_test::golden_cloud(cloud),
                                          {.rule = pca_rule::variance_ratio, .ratio = share});
      CHECK(found == golden_number(golden_value(cloud, std::string("skdim.lPCA.ratio") + text)));
    }
}

TEST_CASE("components of 30 neighbours are those of the peer") {
  for (const std::string cloud : atlas_test::continuous_clouds)
    for (const auto& [text, rule] :
         {std::pair{"FO", pca_rule::fukunaga_olsen},
          std::pair{"participation_ratio", pca_rule::participation_ratio}}) {
      CAPTURE(cloud, text);
      const auto r = atlas::estimate_dimension(atlas_test::golden_cloud(cloud),
                                               local_pca{.rule = rule, .k = 30});
      const auto& peer = golden_value(cloud, std::string("skdim.lPCA.") + text + ".pw30");
      for (std::size_t i = 0; i < peer.size(); ++i)
        CHECK(r.local[i] == Approx(golden_number(peer[i])).epsilon(1e-11));
    }
}

TEST_CASE("no component above noise is no dimension of 0") {
  const auto cube = atlas_test::golden_cloud("cube4");
  const local_pca e{.rule = pca_rule::marchenko_pastur};
  CHECK(number_by_rule(cube, e) == 0);
  CHECK_THROWS_AS(atlas::estimate_dimension(cube, e), atlas::value_error);
  const auto r =
      atlas::estimate_dimension(cube, e, {.degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(r.dimension));
  CHECK(r.fault != atlas::cloud_fault::none);
}

/// `signals` directions with this variance beside noise of variance 1.
atlas::owned_tensor<double, 2> signal_in_noise(atlas::index_t rows, atlas::index_t columns,
                                               atlas::index_t signals, double variance) {
  std::vector<double> values(static_cast<std::size_t>(columns), 1.0);
  for (atlas::index_t i = 0; i < signals; ++i) values[static_cast<std::size_t>(i)] += variance;
  atlas::random_stream random(11);
  return atlas::simulate_spectrum(rows, values, random);
}

TEST_CASE("rules for a signal in noise find it, with more rows than columns or fewer") {
  for (const auto& [rows, columns] : {std::pair<atlas::index_t, atlas::index_t>{800, 30}, {40, 90}})
    for (const pca_rule rule :
         {pca_rule::marchenko_pastur, pca_rule::gavish_donoho, pca_rule::kritchman_nadler,
          pca_rule::minka, pca_rule::parallel, pca_rule::largest_gap}) {
      if (rule == pca_rule::minka && rows < columns) continue;  // its noise is of columns beyond
      CAPTURE(rows, columns, static_cast<int>(rule));
      const auto cloud = signal_in_noise(rows, columns, 3, 60);
      const local_pca e{.rule = rule, .draws = 20};
      CHECK(atlas::estimate_dimension(cloud, e, {.errors = false}).dimension == 3);
    }
}

TEST_CASE("both products have the same eigenvalues") {
  const auto wide = signal_in_noise(30, 50, 2, 5);
  const atlas::tensor_view<const double, 2> points = wide;
  const Eigen::ArrayXd by_rows = atlas::detail::values_of_cloud(points, false);
  const Eigen::VectorXd by_columns =
      atlas::symmetric_eigenvalues(atlas::detail::moments(points).covariance);
  const Eigen::ArrayXd correlated = atlas::detail::values_of_cloud(points, true);
  // The rows' product is of the cloud as it was scaled.
  const double scale = by_rows[0] / by_columns[0];
  for (atlas::index_t i = 0; i < 29; ++i)
    CHECK(by_rows[i] == Approx(scale * by_columns[i]).epsilon(1e-10));
  CHECK(correlated.sum() == Approx(50).epsilon(1e-12));
}

TEST_CASE("neighbourhoods of a flat cloud have its components, of a curved one more") {
  atlas::random_stream random(6);
  const auto torus = atlas::simulate_torus(2000, 2, random);
  const auto small =
      atlas::estimate_dimension(torus, local_pca{.k = 12, .combine = atlas::local_mean::median});
  CHECK(small.dimension == 2);
  CHECK(small.error_from == atlas::error_source::halves);
  const auto whole = atlas::estimate_dimension(torus, local_pca{});
  CHECK(whole.dimension == 4);
  CHECK(whole.standard_error == 0);
  CHECK_FALSE(whole.remark.empty());
}

TEST_CASE("in neighbourhoods components beyond those of shuffled columns are found") {
  // A plane across five columns with a hundredth of its spread beside it.
  atlas::random_stream random(8);
  Eigen::MatrixXd points(300, 5);
  for (Eigen::Index i = 0; i < 300; ++i) {
    const double a = random.normal(), b = random.normal();
    for (Eigen::Index k = 0; k < 5; ++k)
      points(i, k) = a + (k % 2 == 0 ? b : -b) + 0.01 * random.normal();
  }
  const local_pca parallel{.rule = pca_rule::parallel, .k = 40, .draws = 20};
  const auto planes = atlas::estimate_dimension(points, parallel);
  CHECK(planes.dimension > 1);
  CHECK(planes.dimension <= 2.2);
  // Noise of equal spread: in some neighbourhoods nothing stands out.
  for (double& x : points.reshaped()) x = random.normal();
  const auto noise = atlas::estimate_dimension(points, parallel);
  CAPTURE(noise.dimension, noise.remark);
  CHECK(noise.remark.find("no direction that is more than noise") != std::string::npos);
}

TEST_CASE("periods are refused of the whole cloud and kept by neighbourhoods") {
  atlas::random_stream random(9);
  const auto cube = atlas::simulate_cube(300, 2, random);
  CHECK_THROWS_AS(atlas::estimate_dimension(cube, local_pca{}, {.periods = {1, 1}}),
                  atlas::value_error);
  const auto r = atlas::estimate_dimension(cube, local_pca{.k = 8}, {.periods = {1, 1}});
  CHECK(r.dimension == Approx(2).margin(0.05));
}

TEST_CASE("the whole cloud: one context, an exclusion, few distinct rows") {
  atlas::random_stream random(9);
  const auto cube = atlas::simulate_cube(40, 2, random);
  const std::vector<int> one(40, 7);
  const auto r = atlas::estimate_dimension(cube, local_pca{},
                                           {.exclude = atlas::same_context(one), .context = one});
  CHECK(r.dimension == 2);
  CHECK(std::isnan(r.standard_error));
  CHECK(r.remark.find("exclusion has no part") != std::string::npos);
  atlas::owned_tensor<double, 2> two({20, 3});
  two.mutable_view()(4, 1) = 1;
  CHECK_THROWS_WITH(atlas::estimate_dimension(two, local_pca{}),
                    Catch::Contains("at least 3 distinct rows"));
}

TEST_CASE("halves that all have another number than the whole say nothing of its error") {
  atlas::random_stream random(9);
  const auto few = atlas::simulate_gaussian(4, 9, random);  // 3 components, and 1 of two rows
  const auto r = atlas::estimate_dimension(few, local_pca{.alpha = 1e-6});
  CHECK(r.dimension == 3);
  CHECK(std::isnan(r.standard_error));
}

TEST_CASE("components: threads, scale, order, float, bad input") {
  const auto cloud = signal_in_noise(400, 20, 3, 20);
  for (const pca_rule rule : {pca_rule::fukunaga_olsen, pca_rule::participation_ratio,
                              pca_rule::parallel, pca_rule::random_matrix})
    for (const atlas::index_t k : {0, 20}) {
      if (k > 0 && (rule == pca_rule::parallel || rule == pca_rule::random_matrix)) continue;
      CAPTURE(static_cast<int>(rule), k);
      const local_pca e{.rule = rule, .k = k, .draws = 10};
      atlas_test::check_threads(e, cloud, {.resamples = 4});
      for (const double factor : {0x1p-40, 0x1p600})
        atlas_test::check_scale(e, cloud, factor, {.errors = false});
      if (rule != pca_rule::parallel && rule != pca_rule::random_matrix) {
        atlas_test::check_order(e, cloud, {.errors = false}, 1e-12);
        atlas_test::check_float(e, cloud, 2e-3);
      }
      atlas_test::check_refusals(e);
    }
  CHECK_THROWS_AS(local_pca{.k = 2}.check_parameters(), atlas::value_error);
  CHECK_THROWS_AS((local_pca{.alpha = 0}.check_parameters()), atlas::value_error);
  CHECK_THROWS_AS((local_pca{.ratio = 1.5}.check_parameters()), atlas::value_error);
  CHECK_NOTHROW((local_pca{.ratio = 1}.check_parameters()));
  CHECK_THROWS_AS((local_pca{.fan_gap = 1}.check_parameters()), atlas::value_error);
  CHECK_THROWS_AS((local_pca{.level = std::nan("")}.check_parameters()), atlas::value_error);
  CHECK_THROWS_AS((local_pca{.draws = 0}.check_parameters()), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, local_pca{.k = 400}), atlas::value_error);
}

TEST_CASE("intervals of numbers of components hold their mean") {
  const double local =
      atlas_test::coverage_on_tori(local_pca{.rule = pca_rule::participation_ratio, .k = 10}, 400,
                                   2, {.clouds = 200})
          .of_mean;
  const double whole =
      atlas_test::coverage(local_pca{.rule = pca_rule::participation_ratio}, {},
                           [](atlas::random_stream& random) {
                             return atlas::simulate_spectrum(300, {4, 2, 1, 0.5}, random);
                           })
          .of_mean;
  CAPTURE(local, whole);
  CHECK(local >= 0.90);
  CHECK(local <= 0.99);
  CHECK(whole >= 0.90);
  CHECK(whole <= 0.99);
}

}  // namespace
}  // namespace local_pca_test
