// SPDX-License-Identifier: MIT
#include "head_bytes.hpp"

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace atlas_program {

namespace {

template <class T>
concept plain = std::is_trivially_copyable_v<T>;

class writer {
 public:
  template <plain T>
  void operator()(const T& x) {
    bytes.append(reinterpret_cast<const char*>(&x), sizeof x);
  }
  template <class T>
  void count(const T& of) {
    (*this)(static_cast<std::uint64_t>(of.size()));
  }

  std::string bytes;
};

class reader {
 public:
  explicit reader(const std::string& bytes) : bytes_(bytes) {}

  template <plain T>
  void operator()(T& x) {
    if (bytes_.size() - at_ < sizeof x) throw atlas::error("a head that was sent: cut short");
    std::memcpy(&x, bytes_.data() + at_, sizeof x);
    at_ += sizeof x;
  }
  /// Of things of a byte or more each.
  template <class T>
  void count(T& of) {
    std::uint64_t size = 0;
    (*this)(size);
    if (size > bytes_.size() - at_) throw atlas::error("a head that was sent: cut short");
    of.resize(static_cast<std::size_t>(size));
  }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

// The same list of members is written and read.

template <class Io, class T, class Members>
void maybe(Io& io, T& x, Members&& members) {
  bool there = x.has_value();
  io(there);
  if constexpr (!std::is_const_v<T>)
    if (there) x.emplace();
  if (there) members(*x);
}

template <class Io, class T>
void each(Io& io, T& x) {
  io.count(x);
  for (auto& one : x) io(one);
}

/// Without its options, which hold the labels of all rows and are not reported.
template <class Io, class Estimate>
void estimate(Io& io, Estimate& r) {
  io(r.dimension), io(r.interval), io(r.standard_error);
  io(r.points_used), io(r.points_kept), io(r.duplicates), io(r.merged), io(r.isolated);
  io(r.contexts), io(r.few_contexts), io(r.fit), io(r.estimator), io(r.fault);
}

template <class Io, class Labels>
void shares(Io& io, Labels& same) {
  io.count(same);
  for (auto& s : same) io(s.name), io(s.neighbors);
}

template <class Io, class Null>
void null(Io& io, Null& n) {
  io(n.observed), io(n.mean), io(n.sd), io(n.z), io(n.p), io(n.rank_p);
  each(io, n.draws);
  io(n.kind), io(n.fault);
}

template <class Io, class Profile>
void profile(Io& io, Profile& p) {
  each(io, p.sizes), each(io, p.orders);
  io(p.over_sizes), io(p.over_orders), io(p.p), io(p.moves);
  io(p.merged), io(p.contexts), io(p.few_contexts);
}

template <class Io, class Passages>
void passages(Io& io, Passages& p) {
  io(p.contexts), io(p.fewest_rows), io(p.most_rows);
  each(io, p.lags), each(io, p.values);
  io(p.length);
}

template <class Io, class Head>
void members(Io& io, Head& h) {
  io(h.head), io(h.points), io(h.fault);
  estimate(io, h.none), estimate(io, h.truncated);
  maybe(io, h.distinct, [&](auto& r) { estimate(io, r); });
  maybe(io, h.whole, [&](auto& r) { estimate(io, r); });
  shares(io, h.same);
  maybe(io, h.passages, [&](auto& p) { passages(io, p); });
  maybe(io, h.surrogate, [&](auto& n) { null(io, n); });
  maybe(io, h.profile, [&](auto& p) { profile(io, p); });
  maybe(io, h.pca_rank, [&](auto& r) { io(r); });
}

}  // namespace

std::string bytes_of(const head_report& head) {
  writer out;
  members(out, head);
  return std::move(out.bytes);
}

head_report head_of(const std::string& bytes) {
  reader in(bytes);
  head_report out;
  members(in, out);
  return out;
}

}  // namespace atlas_program
