// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Progress of long work, and its cancellation.

#include <functional>
#include <mutex>
#include <string_view>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// What a progress callback is told.
struct progress {
  std::string_view stage;  ///< what is being done
  index_t done = 0;        ///< steps finished
  index_t total = 0;       ///< steps in all
};

/// Return false to stop: the call throws `atlas::cancelled` and the work that asked does not ask
/// again. Called from any thread, never from two at once.
using progress_callback = std::function<bool(const progress&)>;

namespace detail {

/// Tells two callbacks; either may stop the work.
inline progress_callback both_callbacks(progress_callback a, progress_callback b) {
  if (!a || !b) return a ? a : b;
  return [a = std::move(a), b = std::move(b)](const progress& p) { return a(p) && b(p); };
}

}  // namespace detail

/// Counts steps from any thread and tells the callback, if there is one.
class progress_meter {
 public:
  progress_meter(progress_callback callback, std::string_view stage, index_t total)
      : callback_(std::move(callback)), state_{stage, 0, total} {}

  /// \throws cancelled when the callback asks to stop
  void advance(index_t steps = 1) {
    if (!goes_on(steps)) throw cancelled();
  }

  /// For a call that is part of a step of this one: it may be cancelled by the same callback, which
  /// is told of the steps of this meter alone. Refers to this object.
  [[nodiscard]] progress_callback within_a_step() {
    if (!callback_) return {};
    return [this](const progress&) { return goes_on(0); };
  }

 private:
  bool goes_on(index_t steps) {
    if (!callback_) return true;
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    state_.done += steps;
    stopped_ = !callback_(state_);
    return !stopped_;
  }

  std::mutex mutex_;
  progress_callback callback_;
  progress state_;
  bool stopped_ = false;  // the callback has said so: it is not asked again
};

}  // namespace atlas::inline ATLAS_ABI
