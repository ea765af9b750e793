// SPDX-License-Identifier: MIT
#include "share_work.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>

#include "atlas/core/parallel.hpp"
#include "ranks.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// The shards of a rank, ascending.
std::vector<index_t> shards_of(const shared_work& shared, int of_rank) {
  std::vector<index_t> out;
  for (index_t i = 0; i < shared.shards; ++i)
    if ((shared.owner ? shared.owner(i) : static_cast<int>(i % ranks())) == of_rank)
      out.push_back(i);
  return out;
}

/// The lowest shard of this rank that failed, which the others are told of.
class failure_of_rank {
 public:
  void keep(index_t shard, const std::string& name, const std::string& what) {
    tell_failed(shard);
    const std::lock_guard lock(mutex_);
    if (found_ && found_->shard <= shard) return;
    found_ = rank_failure{shard, what.find(name) == std::string::npos ? name + ": " + what : what};
  }
  const std::optional<rank_failure>& found() const { return found_; }

 private:
  std::mutex mutex_;
  std::optional<rank_failure> found_;
};

/// Bytes of each shard of this rank, unless one fails.
std::vector<std::string> work_of_rank(const shared_work& shared, failure_of_rank& failure) {
  const std::vector<index_t> mine = shards_of(shared, rank());
  std::vector<std::string> out(mine.size());
  const auto one = [&](index_t at) {
    const index_t shard = mine[static_cast<std::size_t>(at)];
    if (!still_wanted(shard)) return;
    try {
      out[static_cast<std::size_t>(at)] = shared.work(shard);
    } catch (const atlas::cancelled&) {
      throw;
    } catch (const std::bad_alloc&) {
      failure.keep(shard, shared.name(shard), "not enough memory");
      throw;
    } catch (const std::exception& e) {
      failure.keep(shard, shared.name(shard), e.what());
      throw;
    }
  };
  try {
    atlas::parallel_for(static_cast<index_t>(mine.size()), shared.threads, one);
  } catch (const atlas::cancelled&) {
    throw;
  } catch (const std::exception&) {
    if (ranks() == 1 || !failure.found()) throw;  // with its own text
  }
  return out;
}

/// What the shards of all ranks give, in the order of the shards.
std::vector<std::string> in_order(const shared_work& shared, const std::vector<std::string>& all) {
  std::vector<std::string> out(static_cast<std::size_t>(shared.shards));
  for (int r = 0; r < ranks(); ++r) {
    const std::vector<index_t> shards = shards_of(shared, r);
    std::vector<std::string> parts = separated(all.at(static_cast<std::size_t>(r)));
    for (std::size_t i = 0; i < shards.size(); ++i)
      out[static_cast<std::size_t>(shards[i])] = std::move(parts.at(i));
  }
  return out;
}

}  // namespace

std::vector<std::string> share_work(const shared_work& shared) {
  failure_of_rank failure;
  std::vector<std::string> mine = work_of_rank(shared, failure);
  if (failure.found()) meet(&*failure.found());
  if (ranks() == 1) return mine;
  const std::vector<std::string> all = gather(joined(mine));
  return rank() == 0 ? in_order(shared, all) : std::vector<std::string>{};
}

std::vector<std::string> share_work_with_all(const shared_work& shared) {
  std::vector<std::string> out = share_work(shared);
  return ranks() == 1 ? out : separated(broadcast(joined(out)));
}

std::string packed(const json& value) {
  const std::vector<std::uint8_t> bytes = json::to_cbor(value);
  return {bytes.begin(), bytes.end()};
}

json unpacked(const std::string& bytes) {
  return json::from_cbor(bytes);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) {
    const std::uint64_t size = part.size();
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
    out += part;
  }
  return out;
}

std::vector<std::string> separated(const std::string& bytes) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t size = 0;
    if (bytes.size() - at < sizeof size) throw atlas::error("parts that were sent: cut short");
    std::memcpy(&size, bytes.data() + at, sizeof size);
    at += sizeof size;
    if (bytes.size() - at < size) throw atlas::error("parts that were sent: cut short");
    out.push_back(bytes.substr(at, static_cast<std::size_t>(size)));
    at += static_cast<std::size_t>(size);
  }
  return out;
}

}  // namespace atlas_program
