// SPDX-License-Identifier: MIT
#include "atlas/neighbors/nearest_neighbors.hpp"

#include "module.hpp"
#include "options.hpp"
#include "records.hpp"

namespace atlas_python {

template <>
inline constexpr const char* python_name<atlas::neighbor_table> = "NeighborTable";

template <class Visit>
void visit_options(Visit& visit, atlas::neighbor_options& o) {
  visit("k", o.k, "neighbours of each row, at most N - 1");
  visit("exclude", o.exclude, "rows that may not be neighbours");
  visit("periods", o.periods,
        "[d], length after which each coordinate begins again; 0 or inf where one does not");
  visit_work(visit, o.threads, o.on_progress);
}

namespace {

void add_exclusions(nb::module_& m) {
  nb::class_<atlas::exclusion>(
      m, "Exclusion",
      "Rows that may not be each other's neighbours: of `same_context`, `distinct_contexts`, "
      "`same_context_within`, `nearby_positions` and `also_excluding`.")
      .def("__repr__", [](const atlas::exclusion& x) {
        return "Exclusion(rows=" +
               std::to_string(x.context.empty() ? x.position.size() : x.context.size()) +
               ", window=" + std::to_string(x.window) +
               ", distinct=" + (x.distinct ? "True" : "False") +
               ", further_labels=" + std::to_string(x.labels.size()) + ")";
      });
  m.def(
      "same_context",
      [](nb::object context) { return atlas::same_context(row_numbers_of(context, "context")); },
      nb::arg("context"), nb::sig("def same_context(context: atlas.types.Labels) -> Exclusion"),
      "Excludes rows of the same context, at any distance within it.\n\n"
      "context: [N], the text that each row comes from");
  m.def(
      "distinct_contexts",
      [](nb::object context) {
        return atlas::distinct_contexts(row_numbers_of(context, "context"));
      },
      nb::arg("context"),
      nb::sig("def distinct_contexts(context: atlas.types.Labels) -> Exclusion"),
      "Asks for the nearest other contexts, each by its nearest row.\n\n"
      "context: [N], the text that each row comes from");
  m.def(
      "same_context_within",
      [](nb::object context, nb::object position, index_t window) {
        return atlas::same_context_within(row_numbers_of(context, "context"),
                                          row_numbers_of(position, "position"), window);
      },
      nb::arg("context"), nb::arg("position"), nb::arg("window"),
      nb::sig("def same_context_within(context: atlas.types.Labels, "
              "position: atlas.types.Labels, window: int) -> Exclusion"),
      "Excludes rows of the same context whose positions differ by at most `window`.\n\n"
      "context, position: [N]");
  m.def(
      "nearby_positions",
      [](nb::object position, index_t window) {
        return atlas::nearby_positions(row_numbers_of(position, "position"), window);
      },
      nb::arg("position"), nb::arg("window"),
      nb::sig("def nearby_positions(position: atlas.types.Labels, window: int) -> Exclusion"),
      "Excludes rows of one series whose positions differ by at most `window`.\n\nposition: [N]");
  m.def(
      "also_excluding",
      [](const atlas::exclusion& exclude, nb::object labels) {
        return atlas::also_excluding(exclude, row_numbers_of(labels, "labels"));
      },
      nb::arg("exclude"), nb::arg("labels"),
      nb::sig("def also_excluding(exclude: Exclusion, labels: atlas.types.Labels) -> "
              "Exclusion"),
      "Excludes rows that share one of these labels, too, such as the same token.\n\nlabels: [N]");
}

}  // namespace

void add_neighbors(nb::module_& m) {
  add_exclusions(m);
  record<atlas::neighbor_table>(m, "Neighbours of every row, by increasing distance.")
      .field("distances", &atlas::neighbor_table::distances,
             "[N, k], Euclidean, in the unit of the points; inf where too few are left")
      .field("indices", &atlas::neighbor_table::indices, "[N, k], row numbers; -1 likewise");
  define(m, "nearest_neighbors", {"points: atlas.types.Array"}, "NeighborTable",
         "Exact nearest neighbours (Euclidean) of every row among the other rows.\n\n"
         "points: [N, d], N >= 2. O(N^2 d) time at most, O(N k) memory beside the points.",
         atlas::neighbor_options{},
         [](const watched_call& call, const nb::object& points, const atlas::neighbor_options& o) {
           return compute<2>(call, {points, "points"},
                             [&](const auto& x) { return atlas::nearest_neighbors(x, o); });
         });
}

}  // namespace atlas_python
