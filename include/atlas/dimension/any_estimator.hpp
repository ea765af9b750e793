// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Any of the estimators of dimension, with its parameters, as one type: for lists of them, and for
/// programs that take their names from a user.

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimators/binomial.hpp"
#include "atlas/dimension/estimators/box_counting.hpp"
#include "atlas/dimension/estimators/correlation_integral.hpp"
#include "atlas/dimension/estimators/danco.hpp"
#include "atlas/dimension/estimators/ess.hpp"
#include "atlas/dimension/estimators/fisher_separability.hpp"
#include "atlas/dimension/estimators/gride.hpp"
#include "atlas/dimension/estimators/k_star.hpp"
#include "atlas/dimension/estimators/knn_graph.hpp"
#include "atlas/dimension/estimators/local_pca.hpp"
#include "atlas/dimension/estimators/mada.hpp"
#include "atlas/dimension/estimators/mind_ml.hpp"
#include "atlas/dimension/estimators/mle.hpp"
#include "atlas/dimension/estimators/mle_global.hpp"
#include "atlas/dimension/estimators/mom.hpp"
#include "atlas/dimension/estimators/spanning_tree.hpp"
#include "atlas/dimension/estimators/tle.hpp"
#include "atlas/dimension/estimators/two_nn.hpp"

namespace atlas::inline ATLAS_ABI {

/// One of the structs of `atlas::estimators`. They stand in the order in which tables show them.
using any_estimator =
    std::variant<estimators::two_nn, estimators::gride, estimators::mle, estimators::mle_global,
                 estimators::mom, estimators::mada, estimators::mind_ml, estimators::tle,
                 estimators::ess, estimators::danco, estimators::correlation_integral,
                 estimators::box_counting, estimators::binomial, estimators::k_star,
                 estimators::knn_graph, estimators::spanning_tree, estimators::fisher_separability,
                 estimators::local_pca>;

/// "mle": what the program calls it.
template <class = lazy>
[[nodiscard]] std::string_view name_of(const any_estimator& estimator) {
  return std::visit([](const auto& e) { return std::remove_cvref_t<decltype(e)>::name; },
                    estimator);
}

/// How many neighbours of each row it asks for; 0: it looks for them itself, or needs none.
template <class = lazy>
[[nodiscard]] index_t neighbors_of(const any_estimator& estimator) {
  return std::visit([](const auto& e) { return e.neighbors(); }, estimator);
}

/// Whether distances to neighbours are not enough.
template <class = lazy>
[[nodiscard]] bool needs_points(const any_estimator& estimator) {
  return std::visit([](const auto& e) { return std::remove_cvref_t<decltype(e)>::needs_points; },
                    estimator);
}

/// What its interval is an interval of.
template <class = lazy>
[[nodiscard]] interval_claim claim_of(const any_estimator& estimator) {
  return std::visit([](const auto& e) { return e.claim(); }, estimator);
}

/// \throws value_error naming a parameter out of range
template <class = lazy>
void check_estimator(const any_estimator& estimator) {
  std::visit([](const auto& e) { e.check_parameters(); }, estimator);
}

/// Calls `visit(key, parameter)` for each parameter: a whole number, a number, a truth value or an
/// enumeration whose values `names_of` names.
template <class Visit>
void visit_parameters(const any_estimator& estimator, Visit&& visit) {
  std::visit([&](const auto& e) { std::remove_cvref_t<decltype(e)>::visit_parameters(e, visit); },
             estimator);
}
/// The same with parameters that can be changed.
template <class Visit>
void visit_parameters(any_estimator& estimator, Visit&& visit) {
  std::visit([&](auto& e) { std::remove_cvref_t<decltype(e)>::visit_parameters(e, visit); },
             estimator);
}

namespace detail {

template <std::size_t... Place>
std::vector<any_estimator> each_estimator(std::index_sequence<Place...>) {
  return {std::variant_alternative_t<Place, any_estimator>{}...};
}

}  // namespace detail

/// Each of them with its defaults.
template <class = lazy>
[[nodiscard]] std::vector<any_estimator> all_estimators() {
  return detail::each_estimator(std::make_index_sequence<std::variant_size_v<any_estimator>>());
}

}  // namespace atlas::inline ATLAS_ABI
