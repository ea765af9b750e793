// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A call of the library from Python: without the interpreter's lock, watched for Ctrl-C.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "atlas/core/progress.hpp"

namespace atlas_python {

namespace nb = nanobind;

/// `str(x)`. That of nanobind takes an attribute for a text as it is.
std::string str_of(nb::handle x);

/// One call. Made, kept and destroyed with the lock held.
class watched_call {
 public:
  /// \param progress called with (stage, done, total), or None
  void report_to(nb::object progress) { state_->progress = std::move(progress); }

  /// For the library's options: tells Python, and stops the work after Ctrl-C.
  [[nodiscard]] atlas::progress_callback callback() const {
    return [state = state_](const atlas::progress& p) { return goes_on(*state, p); };
  }

  /// Does the work without the lock. Called on the main thread, the work is on a thread of its own,
  /// while this one looks for signals: no other may, and it could be waiting for the last of the
  /// library's threads.
  /// \throws what the work throws, what a signal's handler raises, and what progress raises
  template <class Work>
  std::invoke_result_t<Work> run(Work&& work) const {
    std::optional<std::invoke_result_t<Work>> out;
    run_to_end([&] { out.emplace(work()); });
    return std::move(*out);
  }

 private:
  struct state {
    nb::object progress = nb::none();
    std::atomic<bool> stopped = false;
    std::exception_ptr raised;  ///< by Python, with the lock held
    std::string stage;          ///< that Python was told of last, and when
    std::chrono::steady_clock::time_point told = {};
  };

  void run_to_end(const std::function<void()>& work) const;
  static void wait(state& s, const std::function<void()>& work);
  static bool goes_on(state& s, const atlas::progress& p);

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

/// Makes Python's exceptions of the library's.
void add_errors(nb::module_& m);

}  // namespace atlas_python
