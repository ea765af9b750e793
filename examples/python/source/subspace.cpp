// SPDX-License-Identifier: MIT
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/principal_angles.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "module.hpp"
#include "options.hpp"
#include "records.hpp"

namespace atlas_python {

template <>
inline constexpr const char* python_name<atlas::principal_angles_result> = "PrincipalAngles";
template <>
inline constexpr const char* python_name<atlas::overlap_result> = "Overlap";
template <>
inline constexpr const char* python_name<atlas::haar_null> = "HaarNull";
template <>
inline constexpr const char* python_name<atlas::overlap_estimate> = "OverlapEstimate";
template <>
inline constexpr const char* python_name<atlas::head_overlap_result> = "HeadOverlap";

template <class Visit>
void visit_options(Visit& visit, atlas::frame_options& o) {
  visit("policy", o.policy, "of clouds that vary in fewer than k directions");
  visit_work(visit, o.threads, o.on_progress);
}
template <class Visit>
void visit_options(Visit& visit, atlas::haar_options& o) {
  visit("draws", o.draws, "pairs of frames, at least 100");
  visit("seed", o.seed, "of the draws");
  visit_work(visit, o.threads, o.on_progress);
}
template <class Visit>
void visit_options(Visit& visit, atlas::head_overlap_options& o) {
  visit("heads_per_group", o.heads_per_group, "query heads per key/value head; 1: no groups");
  visit("confidence", o.confidence, "of the intervals");
  visit("haar_draws", o.haar_draws, "of the null, at least 100");
  visit("seed", o.seed, "of the null");
  visit_work(visit, o.threads, o.on_progress);
}

namespace {

constexpr const char* array = "numpy.typing.NDArray[numpy.float64]";

index_t whole(const nb::object& given, const char* name) {
  if (PyBool_Check(given.ptr()) || !PyIndex_Check(given.ptr())) {
    PyErr_Format(PyExc_TypeError, "%s: expected a whole number, got %R", name, given.ptr());
    throw nb::python_error();
  }
  return nb::cast<index_t>(nb::int_(given));
}

void add_frames(nb::module_& m) {
  define(m, "principal_frame", {"points: atlas.types.Array", "k: int"}, array,
         "The k directions in which a cloud varies most: [d, k], orthonormal columns, most "
         "variance first.\n\npoints: [N, d], N >= 2. O(N d^2 + d^3) time.",
         no_options{},
         [](const watched_call& call, const nb::object& points, const nb::object& k,
            const no_options&) {
           const index_t size = whole(k, "k");
           return array_of_own(compute<2>(call, {points, "points"}, [&](const auto& x) {
             return atlas::principal_frame(x, size);
           }));
         });
  define(m, "principal_frames", {"clouds: atlas.types.Array", "k: int"}, array,
         "`principal_frame` of each of H clouds: [H, d, k].\n\nclouds: [H, N, d].",
         atlas::frame_options{},
         [](const watched_call& call, const nb::object& clouds, const nb::object& k,
            const atlas::frame_options& o) {
           const index_t size = whole(k, "k");
           return array_of_frames(compute<3>(call, {clouds, "clouds"}, [&](const auto& x) {
             return atlas::principal_frames(x, size, o);
           }));
         });
  define(m, "residual_stream_frames",
         {"clouds: atlas.types.Array", "output_projection: atlas.types.Array", "k: int"}, array,
         "Frames of clouds as they are written to the residual stream, where heads can be "
         "compared: [H, d_model, k].\n\nclouds: [H, N, d_head]; output_projection: "
         "[H * d_head, d_model], rows head-major.",
         atlas::frame_options{},
         [](const watched_call& call, const nb::object& clouds, const nb::object& projection,
            const nb::object& k, const atlas::frame_options& o) {
           const index_t size = whole(k, "k");
           return array_of_frames(
               compute<3, 2>(call, {clouds, "clouds"}, {projection, "output_projection"},
                             [&](const auto& x, const auto& w) {
                               return atlas::residual_stream_frames(x, w, size, o);
                             }));
         });
}

void add_pairs(nb::module_& m) {
  using angles = atlas::principal_angles_result;
  record<angles>(m, "What `principal_angles` returns.")
      .field("cosines", &angles::cosines, "[k], descending, in [0, 1]")
      .field("angles", &angles::angles, "[k], radians, ascending, in [0, pi/2]");
  define(m, "principal_angles", {"a: atlas.types.Array", "b: atlas.types.Array"}, "PrincipalAngles",
         "Principal cosines and angles between the spans of two frames.\n\n"
         "a, b: [d, k_a] and [d, k_b], orthonormal columns. O(d k^2) time.",
         no_options{},
         [](const watched_call& call, const nb::object& a, const nb::object& b, const no_options&) {
           return compute<2, 2>(call, {a, "a"}, {b, "b"}, [](const auto& x, const auto& y) {
             return atlas::principal_angles(x, y);
           });
         });
  using overlap = atlas::overlap_result;
  record<overlap>(m, "What `subspace_overlap` returns.")
      .field("mean_cosine", &overlap::mean_cosine, "the overlap; `haar_overlap` is its null")
      .field("mean_squared_cosine", &overlap::mean_squared_cosine,
             "||A^T B||^2 / k; k/d between random frames");
  define(m, "subspace_overlap", {"a: atlas.types.Array", "b: atlas.types.Array"}, "Overlap",
         "Mean principal cosine of the spans of two frames.\n\n"
         "a, b: [d, k_a] and [d, k_b], orthonormal columns.",
         no_options{},
         [](const watched_call& call, const nb::object& a, const nb::object& b, const no_options&) {
           return compute<2, 2>(call, {a, "a"}, {b, "b"}, [](const auto& x, const auto& y) {
             return atlas::subspace_overlap(x, y);
           });
         });
}

void add_null(nb::module_& m) {
  using null = atlas::haar_null;
  record<null>(m, "The mean principal cosine of two independent random frames.")
      .field("mean", &null::mean, "by simulation")
      .field("sd", &null::sd, "of one pair; that of the mean of P pairs is sd / sqrt(P)")
      .field("standard_error", &null::standard_error, "of the mean")
      .field("mean_squared", &null::mean_squared, "mean squared cosine: k/d, exactly")
      .field("draws", &null::draws, "of the simulation; 0: all is known exactly");
  define(m, "haar_overlap", {"d: int", "k: int"}, "HaarNull",
         "Mean and standard deviation of the overlap of two uniformly random k-dimensional "
         "subspaces of R^d. O(draws k^3) time.",
         atlas::haar_options{},
         [](const watched_call& call, const nb::object& d, const nb::object& k,
            const atlas::haar_options& o) {
           const index_t ambient = whole(d, "d"), local = whole(k, "k");
           return call.run([&] { return atlas::haar_overlap(ambient, local, o); });
         });
}

void add_heads(nb::module_& m) {
  using e = atlas::overlap_estimate;
  record<e>(m, "The mean overlap of a set of pairs of heads; NaN where there are none.")
      .field("mean", &e::mean, "of the pairs")
      .field("pairs", &e::pairs, "how many")
      .field("interval", &e::interval, "of the mean over repeated draws of heads")
      .field("null_mean", &e::null_mean, "of independent random frames")
      .field("null_sd", &e::null_sd, "of the mean over this many pairs")
      .field("null_standard_error", &e::null_standard_error, "of null_mean, which is simulated")
      .field("z", &e::z, "distance from the null in standard deviations")
      .field("p", &e::p, "two-sided");
  using r = atlas::head_overlap_result;
  record<r>(m, "What `head_overlap` returns.")
      .field("local_dimension", &r::local_dimension, "k")
      .field("ambient_dimension", &r::ambient_dimension, "d")
      .field("matrix", &r::matrix, "[H, H], mean principal cosines; NaN for heads left out")
      .field("left_out", &r::left_out, "heads whose frame is NaN")
      .field("all", &r::global, "all pairs")
      .field("intra", &r::intra, "pairs that share a key/value head")
      .field("inter", &r::inter, "pairs that do not");
  define(
      m, "head_overlap", {"frames: atlas.types.Array"}, "HeadOverlap",
      "O_h: mean overlap over all pairs of heads, and over those that do and do not share a "
      "key/value head, with its Haar null.\n\nframes: [H, d, k], H >= 2, orthonormal columns, "
      "as of `principal_frames`. O(H^2 (d k^2 + k^3)) time.",
      atlas::head_overlap_options{},
      [](const watched_call& call, const nb::object& frames, const atlas::head_overlap_options& o) {
        return compute<3>(call, {frames, "frames"},
                          [&](const auto& x) { return atlas::head_overlap(x, o); });
      });
  define(m, "overlap_matrix", {"frames: atlas.types.Array"}, array,
         "Mean principal cosine of every pair of heads: [H, H].\n\nframes: [H, d, k].",
         atlas::thread_options{},
         [](const watched_call& call, const nb::object& frames, const atlas::thread_options& o) {
           return array_of_own(compute<3>(call, {frames, "frames"}, [&](const auto& x) {
             return atlas::overlap_matrix(x, o);
           }));
         });
}

}  // namespace

void add_subspace(nb::module_& m) {
  add_frames(m);
  add_pairs(m);
  add_null(m);
  add_heads(m);
}

}  // namespace atlas_python
