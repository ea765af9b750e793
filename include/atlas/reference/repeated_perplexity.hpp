// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The perplexity of a text under many changes of a model's later layers: what lies before them is
/// computed once.

#include <algorithm>
#include <string>
#include <utility>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/reference/perplexity.hpp"

namespace atlas::inline ATLAS_ABI {

struct repeated_perplexity_options {
  index_t first_changed = 0;  ///< no layer before this one will change
  /// Of hidden states to keep, 4 B T model_dimension; where they are more, nothing is kept and
  /// every pass is a whole one.
  index_t most_bytes = index_t{1} << 30;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< of the first pass
};

/// Reads a text once as the model is, and keeps the hidden states that enter the first layer that
/// will change; reads it again from there on, however that layer and those after it have changed.
/// The numbers are those of `perplexity`, to the bit.
///
/// Memory: the hidden states, up to a bound, beside that of a pass.
/// \code
/// const atlas::repeated_perplexity text(model, blocks, {.first_changed = 15});
/// change_layer(model, 15);
/// const auto change = atlas::perplexity_change(text.baseline(), text.again());
/// \endcode
class repeated_perplexity {
 public:
  /// \param model  outlives this object; may change from layer `first_changed` on
  /// \param blocks `[B, T]` token ids, whole numbers of any type
  /// \throws as `perplexity`; value_error for a layer that there is not or less than 0 bytes
  template <whole_tensor<2> Blocks>
  repeated_perplexity(const transformer& model, const Blocks& blocks,
                      const repeated_perplexity_options& options)
      : model_(&model), first_changed_(options.first_changed) {
    read_first(detail::view_indices<2>(blocks, "blocks"), options);
  }

  /// Of the model as it was.
  [[nodiscard]] const perplexity_result& baseline() const { return baseline_; }

  /// Whether layers before the first that changes are left out when the text is read again.
  [[nodiscard]] bool keeps_hidden_states() const { return !hidden_.empty(); }

  /// Of the model as it is.
  /// \param options rules (from the first changed layer on), threads and progress are used;
  ///                observers see the pass, of the layers that it runs
  /// \throws as `perplexity`; value_error for rules of layers before
  template <class = lazy>
  [[nodiscard]] perplexity_result again(forward_options options = {}) const {
    for (const auto& [layer, rule] : options.rules)
      check_between(layer, first_changed_, model_->config().layers - 1, "rules");
    if (keeps_hidden_states()) options.start = forward_start{first_changed_, hidden_};
    return perplexity(*model_, blocks_, std::move(options));
  }

 private:
  template <class = lazy>
  void read_first(const tensor_view<const index_t, 2>& blocks,
                  const repeated_perplexity_options& options) {
    check_between(first_changed_, 0, model_->config().layers - 1, "first_changed");
    check_between(options.most_bytes, 0, index_t{1} << 50, "most_bytes");
    blocks_ = copy_as<index_t>(blocks);
    forward_options pass{.threads = options.threads, .on_progress = options.on_progress};
    const index_t rows = blocks.size(), width = model_->config().model_dimension;
    if (first_changed_ > 0 && rows <= options.most_bytes / 4 / width) {
      hidden_ = owned_tensor<float, 2>({rows, width});
      pass.hidden_observer = [this](index_t depth, index_t first, const auto& seen) {
        if (depth != first_changed_) return;
        for (index_t r = 0; r < seen.extent(0); ++r)
          std::copy_n(seen[r].data(), seen.extent(1), hidden_.mutable_view()[first + r].data());
      };
    }
    baseline_ = perplexity(*model_, blocks_, std::move(pass));
  }

  const transformer* model_;
  index_t first_changed_;
  owned_tensor<index_t, 2> blocks_;
  owned_tensor<float, 2> hidden_;
  perplexity_result baseline_;
};

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_REFERENCE perplexity_result repeated_perplexity::again<void>(forward_options) const;
ATLAS_OF_REFERENCE void repeated_perplexity::read_first<void>(const tensor_view<const index_t, 2>&,
                                                              const repeated_perplexity_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
