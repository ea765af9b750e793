// SPDX-License-Identifier: MIT
/// \file
/// Seconds and memory that the 2 nearest neighbours of every row of a float cloud in 64 dimensions
/// take, of atlas and of its peers, as one line of JSON. Run by neighbors.py.
///
/// `peer_neighbors WHO DATA N`, WHO one of atlas, alone (atlas on one thread), dense (atlas'
/// exhaustive search), floats (the same without bytes), faiss, product (the N x N x 64 product
/// alone), nanoflann and write (the cloud to standard output, float32); DATA one of full, line and
/// curve, or heads (144 clouds of 1,200 rows on one thread, whatever N; seconds a cloud).

#include <cblas.h>
#include <faiss/IndexFlat.h>
#include <faiss/utils/distances.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nanoflann.hpp>
#include <string>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace {

using atlas::index_t;

constexpr index_t inner = 7;  // dimensions of the clouds of low dimension

struct cloud {
  index_t rows, columns;
  std::vector<float> values;
  const float* row(index_t i) const { return values.data() + i * columns; }
};

cloud normal_cloud(index_t rows, index_t columns, std::uint64_t seed) {
  cloud out{rows, columns, std::vector<float>(static_cast<std::size_t>(rows * columns))};
  atlas::random_stream random(seed);
  for (float& x : out.values) x = static_cast<float>(random.normal());
  return out;
}

/// A linear image of 7 normal numbers, or sines of linear images, whose covariance has full rank.
cloud low_cloud(index_t rows, index_t columns, bool curved) {
  const cloud z = normal_cloud(rows, inner, 1), map = normal_cloud(columns, inner, 2);
  cloud out{rows, columns, std::vector<float>(static_cast<std::size_t>(rows * columns))};
  for (index_t i = 0; i < rows; ++i)
    for (index_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (index_t k = 0; k < inner; ++k) sum += double{z.row(i)[k]} * double{map.row(c)[k]};
      out.values[static_cast<std::size_t>(i * columns + c)] =
          static_cast<float>(curved ? std::sin(0.5 * sum + 0.1 * static_cast<double>(c)) : sum);
    }
  return out;
}

cloud make(const std::string& data, index_t rows, index_t columns) {
  return data == "full" ? normal_cloud(rows, columns, 1)
                        : low_cloud(rows, columns, data == "curve");
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// MiB that the process holds, and has held at most.
double held() {
  long pages[2] = {};
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2) pages[1] = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages[1] * sysconf(_SC_PAGESIZE)) / 1048576;
}
double peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

/// Trees of others are asked for up to 20,000 rows, spread over the cloud, and what that takes
/// counts as often as it would be needed for all of them.
index_t step_of(const cloud& x) {
  return (x.rows + 19999) / 20000;
}

/// Sum of those rows' distances to second neighbours: that all sides found the same.
double sum_of_second(const atlas::neighbor_table& table, index_t step) {
  double sum = 0;
  for (index_t i = 0; i < table.distances.extent(0); i += step) sum += table.distances(i, 1);
  return sum;
}

double by_atlas(const cloud& x, int threads) {
  const atlas::tensor_view<const float, 2> view(x.values.data(), {x.rows, x.columns});
  return sum_of_second(atlas::nearest_neighbors(view, {.k = 2, .threads = threads}), step_of(x));
}

double by_dense(const cloud& x, bool bytes) {
  const atlas::tensor_view<const float, 2> view(x.values.data(), {x.rows, x.columns});
  const atlas::detail::centring c = atlas::detail::find_centring(view, 0);
  const atlas::neighbor_options options{.k = 2};
  atlas::detail::block_search<float> search(view, c, options, bytes);
  return sum_of_second(atlas::detail::run_search(search, 0, {}), step_of(x));
}

/// Its products are OpenBLAS's; the size of its blocks is given by neighbors.py.
double by_faiss(const cloud& x) {
  if (const char* block = std::getenv("FAISS_BLOCK"))
    faiss::distance_compute_blas_database_bs = faiss::distance_compute_blas_query_bs =
        std::atoi(block);
  faiss::IndexFlatL2 flat(x.columns);
  flat.add(x.rows, x.values.data());
  std::vector<float> distances(static_cast<std::size_t>(3 * x.rows));
  std::vector<faiss::Index::idx_t> found(distances.size());
  flat.search(x.rows, x.values.data(), 3, distances.data(), found.data());
  double sum = 0;
  for (index_t i = 0; i < x.rows; i += step_of(x))
    sum += std::sqrt(double{distances[static_cast<std::size_t>(3 * i + 2)]});
  return sum;
}

/// The product by itself, over blocks of 2,048 x 2,048 that stay in the cache.
double by_product(const cloud& x) {
  constexpr index_t block = 2048;
  std::vector<float> out(block * block);
  for (index_t i = 0; i < x.rows; i += block)
    for (index_t j = 0; j < x.rows; j += block)
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans,
                  static_cast<int>(std::min(block, x.rows - i)),
                  static_cast<int>(std::min(block, x.rows - j)), static_cast<int>(x.columns), 1,
                  x.row(i), static_cast<int>(x.columns), x.row(j), static_cast<int>(x.columns), 0,
                  out.data(), static_cast<int>(block));
  return double{out[0]};
}

struct flann_source {
  const cloud& x;
  std::size_t kdtree_get_point_count() const { return static_cast<std::size_t>(x.rows); }
  float kdtree_get_pt(std::size_t i, std::size_t c) const {
    return x.row(static_cast<index_t>(i))[c];
  }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

/// \param repeated seconds that are to be counted once more, for the rows not asked for
double by_nanoflann(const cloud& x, double& repeated) {
  using tree = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Adaptor<float, flann_source>,
                                                   flann_source, -1, std::size_t>;
  const flann_source source{x};
  tree searched(static_cast<int>(x.columns), source, {10});
  searched.buildIndex();
  const double start = now();
  const index_t step = step_of(x), queries = (x.rows + step - 1) / step;
  std::vector<double> second(static_cast<std::size_t>(queries));
  atlas::parallel_for((queries + 63) / 64, 0, [&](index_t b) {
    for (index_t i = 64 * b; i < std::min(64 * b + 64, queries); ++i) {
      std::size_t found[3];
      float squares[3];
      nanoflann::KNNResultSet<float> results(3);
      results.init(found, squares);
      searched.findNeighbors(results, x.row(i * step), nanoflann::SearchParams());
      second[static_cast<std::size_t>(i)] = std::sqrt(double{squares[2]});
    }
  });
  repeated = (now() - start) * (static_cast<double>(x.rows) / static_cast<double>(queries) - 1);
  double sum = 0;
  for (const double s : second) sum += s;
  return sum;
}

/// 144 clouds of 1,200 rows, one thread.
double by_heads(index_t columns) {
  std::vector<cloud> heads;
  for (std::uint64_t h = 0; h < 24; ++h) {
    heads.push_back(normal_cloud(1200, columns, h));
    for (index_t i = 0; i < 1200; ++i)  // directions that fall off, as those of heads do
      for (index_t c = 0; c < columns; ++c)
        heads.back().values[static_cast<std::size_t>(i * columns + c)] /=
            std::sqrt(static_cast<float>(c + 1));
  }
  const double start = now();
  double sum = 0;
  for (int round = 0; round < 6; ++round)
    for (const cloud& x : heads) {
      const atlas::tensor_view<const float, 2> view(x.values.data(), {x.rows, x.columns});
      const auto table = atlas::nearest_neighbors(view, {.k = 2, .threads = 1});
      sum += table.distances(7, 1);
    }
  std::printf("{\"seconds\": %.6f, \"sum\": %.9g}\n", (now() - start) / 144, sum);
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string who = argv[1], data = argv[2];
  const atlas::index_t rows = std::atol(argv[3]);
  constexpr atlas::index_t columns = 64;
  if (data == "heads") return by_heads(columns) < 0;
  const cloud x = make(data, rows, columns);
  if (who == "write")
    return std::fwrite(x.values.data(), sizeof(float), x.values.size(), stdout) != x.values.size();
  const double before = held(), start = now();
  double repeated = 0;
  const double sum = who == "atlas"     ? by_atlas(x, 0)
                     : who == "alone"   ? by_atlas(x, 1)
                     : who == "dense"   ? by_dense(x, atlas::detail::fast_bytes)
                     : who == "floats"  ? by_dense(x, false)
                     : who == "faiss"   ? by_faiss(x)
                     : who == "product" ? by_product(x)
                                        : by_nanoflann(x, repeated);
  std::printf("{\"seconds\": %.6f, \"memory\": %.1f, \"sum\": %.9g}\n", now() - start + repeated,
              peak() - before, sum);
}
