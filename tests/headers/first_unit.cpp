// SPDX-License-Identifier: MIT
// Names of the library beside those of C, POSIX, the standard library and Eigen, all without their
// namespaces. (GNU's <error.h> is not among them: its function has the name of atlas::error.)
#if __has_include(<unistd.h>)
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <regex.h>
#include <search.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#endif
#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include <Eigen/Dense>
#include <algorithm>
#include <complex>
#include <iostream>
#include <ranges>
#include <span>
#include <tuple>
#include <vector>

#include "everything.hpp"

using namespace std;
using namespace Eigen;
using namespace atlas;

int second();

namespace {

using results = tuple<interval, correlation, error, cancelled, exclusion, finding, verdict,
                      eigenbasis, head_capture, head_clouds, head_sample, activation, granularity,
                      parameter, perplexity_result, quantization<double>, random_stream,
                      sample_summary, shape<2>, tensor_view<float, 2>, trainer_options,
                      two_nn_result, two_nn_options, progress_callback, any_shape<2>>;

/// Rows that the search would look at.
index_t rows(const vector<array<float, 3>>& points) {
  const auto view = as_view<2>(points);
  const exclusion exclude = same_context(vector<int>(points.size(), 1));
  return view.extent(0) - index_t{exclude.active()};
}

}  // namespace

int main() {
  index_t n = 3;
  const shape<2> extents = {n, 3};
  const auto mean = summarize(vector<double>{1, 2, 3}).mean;
  const auto r = pearson(vector<double>{1, 2, 3}, vector<double>{1, 2, 4});
  const bool right = rows({{0, 1, 2}, {3, 4, 5}}) == 1 && extents[0] == n && mean == 2 &&
                     r.coefficient > 0 && tuple_size_v<results> == 25;
  return right ? second() - static_cast<int>(thread_count(1)) : 1;
}
