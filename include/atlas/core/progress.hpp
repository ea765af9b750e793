#pragma once
/// \file
/// Progress of long work, and its cancellation.

#include <functional>
#include <mutex>
#include <string_view>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas {

/// What a progress callback is told.
struct progress {
  std::string_view stage;  ///< what is being done
  index_t done = 0;        ///< steps finished
  index_t total = 0;       ///< steps in all
};

/// Return false to stop: the call throws `atlas::cancelled`. Called from any thread, never from
/// two at once.
using progress_callback = std::function<bool(const progress&)>;

/// Counts steps from any thread and tells the callback, if there is one.
class progress_meter {
 public:
  progress_meter(progress_callback callback, std::string_view stage, index_t total)
      : callback_(std::move(callback)), state_{stage, 0, total} {}

  /// \throws cancelled when the callback asks to stop
  void advance(index_t steps = 1) {
    if (!callback_) return;
    const std::lock_guard lock(mutex_);
    state_.done += steps;
    if (!callback_(state_)) throw cancelled();
  }

 private:
  std::mutex mutex_;
  progress_callback callback_;
  progress state_;
};

}  // namespace atlas
