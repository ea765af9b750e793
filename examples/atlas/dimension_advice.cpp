// SPDX-License-Identifier: MIT
#include "dimension_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace atlas_program {

namespace {

using atlas::index_t;

/// Estimates closer than this, as a ratio, answer the same question alike, whatever their errors.
constexpr double alike = 1.15;
/// A ratio that is more than what estimators differ by for the shape of a cloud alone.
constexpr double far_apart = 1.3;
/// The same estimators at two scales have more in common than different ones at one.
constexpr double moved = 1.1;
/// Rows of continuous values hardly ever have two neighbours at one distance.
constexpr double lattice_ties = 0.1;
/// Errors by which two numbers have to differ.
constexpr double errors_apart = 3;

bool usable(const advised_estimate& e) {
  return e.dimension > 0 && std::isfinite(e.dimension);
}

/// Whether a is above b by more than chance and by more than a little. Errors that are not known
/// decide nothing.
bool above(double a, double error_a, double b, double error_b, double ratio) {
  if (!(a > ratio * b)) return false;
  const double error =
      std::hypot(std::isfinite(error_a) ? error_a : 0.0, std::isfinite(error_b) ? error_b : 0.0);
  return a - b > errors_apart * error;
}
bool above(const advised_scale& a, const advised_scale& b) {
  return above(a.dimension, a.standard_error, b.dimension, b.standard_error, moved);
}
bool above(const advised_estimate& a, const advised_estimate& b) {
  return above(a.dimension, a.standard_error, b.dimension, b.standard_error, alike);
}

/// The middle one of those chosen, by its dimension; none: a default.
template <class Choose>
advised_estimate middle(const std::vector<advised_estimate>& all, Choose&& choose) {
  std::vector<advised_estimate> chosen;
  for (const advised_estimate& e : all)
    if (usable(e) && choose(e)) chosen.push_back(e);
  std::sort(chosen.begin(), chosen.end(),
            [](const auto& a, const auto& b) { return a.dimension < b.dimension; });
  return chosen.empty() ? advised_estimate{} : chosen[(chosen.size() - 1) / 2];
}

std::string named(const advised_estimate& e) {
  return fmt::format("{:.1f} ({})", e.dimension, e.name);
}

/// Of all pairs of which one is above the other, the one of the largest ratio, the lower first. The
/// lowest and the highest may be those that are known least. None: null.
std::pair<const advised_estimate*, const advised_estimate*> farthest_apart(
    const std::vector<advised_estimate>& all) {
  std::pair<const advised_estimate*, const advised_estimate*> out{nullptr, nullptr};
  double most = 0;
  for (const advised_estimate& a : all)
    for (const advised_estimate& b : all)
      if (above(a, b) && a.dimension / b.dimension > most) {
        most = a.dimension / b.dimension;
        out = {&b, &a};
      }
  return out;
}

/// Whether they agree, and if not from where to where they go.
std::pair<bool, std::string> agreement(const advised_cloud& cloud) {
  std::vector<advised_estimate> found;
  for (const advised_estimate& e : cloud.estimates)
    if (usable(e)) found.push_back(e);
  if (found.empty()) return {true, "No estimator has an estimate of this cloud."};
  if (found.size() == 1) return {true, "One estimate: nothing to compare it with."};
  const auto [low, high] =
      std::minmax_element(found.begin(), found.end(),
                          [](const auto& a, const auto& b) { return a.dimension < b.dimension; });
  const auto apart = farthest_apart(found);
  if (apart.first == nullptr)
    return {true, fmt::format("The estimates agree: from {} to {}.", named(*low), named(*high))};
  return {false, fmt::format("The estimates disagree: from {} to {}.", named(*apart.first),
                             named(*apart.second))};
}

/// Neighbours of a row are its own copies of a moment before.
void advise_dependence(const advised_cloud& cloud, std::vector<std::string>& out) {
  const double n = static_cast<double>(cloud.looked_at), chance = cloud.adjacent_by_chance;
  if (!cloud.order_matters || !(n > 0)) return;
  const double error = std::sqrt(std::max(chance * (1 - chance) / n, 1 / (n * n)));
  if (!(cloud.adjacent > 0.05 && cloud.adjacent > 3 * chance &&
        cloud.adjacent - chance > 5 * error))
    return;
  out.push_back(
      fmt::format("Dependence: the nearest neighbour is the row before or after for {:.0f} % of "
                  "rows ({:.1f} % by chance), so that small neighbourhoods see one path; give "
                  "--context, or --position with a window --exclude.",
                  100 * cloud.adjacent, 100 * chance));
}

void advise_lattice(const advised_cloud& cloud, std::vector<std::string>& out) {
  if (cloud.tied > lattice_ties)
    out.push_back(
        fmt::format("Lattice: {:.0f} % of rows have two nearest neighbours at one distance. Values "
                    "that are rounded or counts have no dimension at that scale.",
                    100 * cloud.tied));
  const auto all = static_cast<double>(cloud.rows + cloud.merged);
  if (static_cast<double>(cloud.merged) > 0.1 * all)
    out.push_back(fmt::format("Duplicates: {:.0f} % of rows coincide with others and were merged.",
                              100 * static_cast<double>(cloud.merged) / all));
}

/// What the scales say if they were measured.
void advise_measured_scale(const advised_cloud& cloud, std::vector<std::string>& out) {
  if (cloud.scales.size() < 2) return;
  const advised_scale &small = cloud.scales.front(), &large = cloud.scales.back();
  if (above(small, large))
    out.push_back(
        fmt::format("Noise, or edges: the dimension falls from {:.1f} at the smallest scale to "
                    "{:.1f} at the largest. Noise on a surface does that, whose own dimension is "
                    "that of large scales; and so do edges, which only small scales do not feel.",
                    small.dimension, large.dimension));
  else if (above(large, small))
    out.push_back(
        fmt::format("Curvature: the dimension grows from {:.1f} at the smallest scale to "
                    "{:.1f} at the largest, as that of a curved or folded surface does; "
                    "small neighbourhoods are nearer to the surface's.",
                    small.dimension, large.dimension));
}

/// Neighbours of each row: those of the estimator that asks for fewest and for most.
std::pair<index_t, index_t> fewest_and_most(const std::vector<advised_estimate>& estimates) {
  index_t fewest = std::numeric_limits<index_t>::max(), most = 0;
  for (const advised_estimate& e : estimates)
    if (usable(e) && !e.linear && e.neighbors > 0) {
      fewest = std::min(fewest, e.neighbors);
      most = std::max(most, e.neighbors);
    }
  return {fewest, most};
}

/// Where they were not, estimators of few and of many neighbours stand for scales.
void advise_scale(const advised_cloud& cloud, std::vector<std::string>& out) {
  if (!cloud.scales.empty()) return advise_measured_scale(cloud, out);
  const auto [fewest, most] = fewest_and_most(cloud.estimates);
  if (most < 4 * fewest) return;
  const auto few = middle(cloud.estimates, [least = fewest](const auto& e) {
    return !e.linear && e.neighbors > 0 && e.neighbors <= 2 * least;
  });
  const auto many = middle(cloud.estimates, [most = most](const auto& e) {
    return !e.linear && 2 * e.neighbors >= most;
  });
  if (above(few, many))
    out.push_back(
        fmt::format("Scale: few neighbours see more dimensions, {}, than many, {}: noise lifts the "
                    "former, edges and density lower the latter. --by-scale tells more.",
                    named(few), named(many)));
  else if (above(many, few))
    out.push_back(
        fmt::format("Scale: many neighbours see more dimensions, {}, than few, {}: the surface is "
                    "curved or folded, or near rows depend on each other. --by-scale tells more.",
                    named(many), named(few)));
}

void advise_linear(const advised_cloud& cloud, std::vector<std::string>& out) {
  const auto linear = middle(cloud.estimates, [](const auto& e) { return e.linear; });
  const auto local =
      middle(cloud.estimates, [](const auto& e) { return !e.linear && e.neighbors > 0; });
  if (usable(linear) && usable(local) && linear.dimension > far_apart * local.dimension)
    out.push_back(
        fmt::format("Curvature: the cloud spreads along more directions, {}, than "
                    "neighbourhoods have, {}: the former counts the space that the "
                    "surface bends through.",
                    named(linear), named(local)));
}

/// N rows have pairs at distances over so few scales that none shows more (Eckmann, Ruelle, Physica
/// D 56, 185, 1992, with distances over a factor of ten).
void advise_rows(const advised_cloud& cloud, std::vector<std::string>& out) {
  const auto typical = middle(cloud.estimates, [](const auto& e) { return !e.linear; });
  const double most = 2 * std::log10(static_cast<double>(cloud.rows));
  if (usable(typical) && typical.dimension > most)
    out.push_back(
        fmt::format("Rows: {} rows show no more than {:.1f} dimensions over a factor of ten in "
                    "distance, so that numbers above that are lower bounds.",
                    cloud.rows, most));
}

}  // namespace

std::vector<std::string> advice_of(const advised_cloud& cloud) {
  auto [agree, sentence] = agreement(cloud);
  std::vector<std::string> out = {std::move(sentence)};
  advise_dependence(cloud, out);
  advise_lattice(cloud, out);
  const bool lattice = cloud.tied > lattice_ties;  // whose scales are the steps between its values
  if (!lattice && (!agree || !cloud.scales.empty())) advise_scale(cloud, out);
  if (!lattice && !agree) advise_linear(cloud, out);
  advise_rows(cloud, out);
  if (cloud.contexts > 0 && cloud.contexts < 6)
    out.push_back(
        fmt::format("Errors: {} contexts are too few to know the errors by.", cloud.contexts));
  if (!agree && out.size() == 1)
    out.emplace_back(
        "None of the rules says why: estimators differ by how they weigh density, "
        "edges and curvature; atlas estimators shows by how much on known clouds.");
  return out;
}

}  // namespace atlas_program
