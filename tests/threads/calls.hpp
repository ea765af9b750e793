// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Every public function that takes a number of threads, by the header that says so, as a call
/// whose result is a list of numbers.

#include <Eigen/Core>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../clouds_for_tests.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas_test {

/// What a call is given.
struct call_settings {
  int threads = 1;
  atlas::progress_callback on_progress = {};
};

struct threaded_call {
  std::string header;  ///< below include/atlas
  std::string name;    ///< of what is called: all functions that take threads as an argument
  bool cancellable = false;
  std::function<std::vector<double>(const call_settings&)> run;
};

/// All numbers of a result, to compare bits.
struct numbers {
  std::vector<double> all;

  template <class T>
  numbers& operator<<(const T& x) {
    if constexpr (std::is_arithmetic_v<T>) {
      all.push_back(static_cast<double>(x));
    } else if constexpr (std::is_base_of_v<Eigen::EigenBase<T>, T>) {
      for (Eigen::Index c = 0; c < x.cols(); ++c)
        for (Eigen::Index r = 0; r < x.rows(); ++r) *this << x(r, c);
    } else if constexpr (requires {
                           x.extents();
                           x.data();
                         }) {
      for (atlas::index_t i = 0; i < x.size(); ++i) *this << x.data()[i];
    } else {
      for (const auto& e : x) *this << e;
    }
    return *this;
  }
};

std::vector<threaded_call> cloud_calls();
std::vector<threaded_call> null_calls();
std::vector<threaded_call> subspace_calls();
std::vector<threaded_call> protocol_calls();
std::vector<threaded_call> attention_calls();
std::vector<threaded_call> quantize_calls();
std::vector<threaded_call> model_calls();
std::vector<threaded_call> estimator_calls();

}  // namespace atlas_test
