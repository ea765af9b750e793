// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Runs a search for nearest neighbours, whichever engine it is of: samples what it costs, runs its
/// tasks on threads, reports progress and stops where that asks to.

#include <algorithm>
#include <concepts>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A search that is cut into tasks: exhaustive (exhaustive/block_search.hpp), in a tree of boxes
/// (tree/tree_search.hpp), in cells around centroids (cells/cell_search.hpp); of queries among
/// other rows, and within a radius (exhaustive/query_search.hpp, radius_search.hpp). Tasks may run
/// at the same time, each with a workspace that no other task uses meanwhile.
///
/// - `tasks()`: how many there are; `tasks_per_step`: after how many of them progress is reported
/// - `sampled_tasks()`: those whose cost stands for all, which may run twice; none where the cost
///   is known (search_costs.hpp), and no task may run twice
/// - `rows_per_task`: rows of the cloud whose neighbours a sampled task finds
/// - `search(task, workspace, budget)`: does one; a sampled task may stop unfinished after `budget`
///   cycles. Returns the cycles that it took, by count of operations, not by the clock
/// - `table()`: what all tasks found; ends the search
template <class Engine>
concept search_engine = requires(Engine& engine, typename Engine::workspace& workspace,
                                 index_t task, double budget) {
  requires std::default_initializable<typename Engine::workspace>;
  { engine.tasks() } -> std::same_as<index_t>;
  { engine.sampled_tasks() } -> std::same_as<std::vector<index_t>>;
  { engine.search(task, workspace, budget) } -> std::same_as<double>;
  engine.table();
  { Engine::tasks_per_step } -> std::convertible_to<index_t>;
  { Engine::rows_per_task } -> std::convertible_to<index_t>;
};

/// Numbers of some tasks, spread evenly over all.
inline std::vector<index_t> spread_tasks(index_t tasks, index_t wanted) {
  std::vector<index_t> out;
  for (index_t s = 0; s < wanted; ++s) out.push_back(s * tasks / wanted);
  return out;
}

/// Workspaces are large: on the heap.
template <class Engine>
auto make_workspace() {
  return std::make_unique<typename Engine::workspace>();
}

/// Mean cycles that a row takes, from the sampled tasks.
/// \param budget cycles a row at which a task stops
template <search_engine Engine>
double sampled_cycles(Engine& engine, double budget, int threads) {
  const std::vector<index_t> sample = engine.sampled_tasks();
  std::vector<double> cycles(sample.size());
  const auto rows = static_cast<double>(Engine::rows_per_task);
  parallel_for(static_cast<index_t>(sample.size()), threads, make_workspace<Engine>,
               [&](index_t s, auto& workspace) {
                 const auto i = static_cast<std::size_t>(s);
                 cycles[i] = engine.search(sample[i], *workspace, budget * rows);
               });
  return std::accumulate(cycles.begin(), cycles.end(), 0.0) /
         (static_cast<double>(sample.size()) * rows);
}

/// Does all tasks.
/// \return what they found
/// \throws cancelled, and what the callback throws
template <search_engine Engine>
auto run_search(Engine& engine, int threads, const progress_callback& on_progress) {
  constexpr index_t step_tasks = Engine::tasks_per_step;
  const index_t tasks = engine.tasks(), steps = (tasks + step_tasks - 1) / step_tasks;
  progress_meter meter(on_progress, "neighbours", steps);
  parallel_for(steps, threads, make_workspace<Engine>, [&](index_t step, auto& workspace) {
    const index_t end = (std::min)(tasks, (step + 1) * step_tasks);
    for (index_t task = step * step_tasks; task < end; ++task)
      engine.search(task, *workspace, std::numeric_limits<double>::infinity());
    meter.advance();
  });
  return engine.table();
}

}  // namespace atlas::inline ATLAS_ABI::detail
