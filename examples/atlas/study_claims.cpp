// SPDX-License-Identifier: MIT
/// \file
/// The claims of the original study, each as one family of findings.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "atlas/protocols/corpus_control.hpp"
#include "atlas/protocols/depth_profile.hpp"
#include "atlas/protocols/scale_control.hpp"
#include "study.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
using findings = std::vector<atlas::finding>;

/// Reads findings out of the parts.
class claim_reader {
 public:
  claim_reader(const study_session& session, const json& parts)
      : session_(session), parts_(parts) {}

  std::size_t models() const { return session_.models().size(); }
  std::size_t texts() const { return session_.texts(); }
  index_t layers(std::size_t m) const { return session_.models()[m].config.layers; }
  index_t head_dimension(std::size_t m) const { return session_.models()[m].config.head_dimension; }
  const std::string& model(std::size_t m) const { return session_.models()[m].name; }
  const std::string& text(std::size_t t) const { return session_.options().texts[t]; }
  std::string place(std::size_t m, std::size_t t) const { return model(m) + " on " + text(t); }
  const json& pair(std::size_t m, std::size_t t, const std::string& what) const {
    return parts_[part_name(m, t, what)];
  }
  const json& layer(std::size_t m, std::size_t t, index_t l) const {
    return parts_[layer_part(m, t, "layer", l)];
  }
  const json* architectures(std::size_t t) const {
    const auto found = parts_.find("text-" + std::to_string(t) + "-architectures");
    return found == parts_.end() ? nullptr : &*found;
  }

  /// Calls `visit(model, text)` for all pairs.
  template <class Visit>
  void for_each_pair(Visit&& visit) const {
    for (std::size_t m = 0; m < models(); ++m)
      for (std::size_t t = 0; t < texts(); ++t) visit(m, t);
  }

  /// One finding of every layer, judged together; none where layers do not have it.
  findings of_layers(const std::string& name) const {
    findings out;
    for_each_pair([&](std::size_t m, std::size_t t) {
      for (index_t l = 0; l < layers(m); ++l)
        if (const json& of = layer(m, t, l)["findings"]; of.contains(name))
          out.push_back(finding_of(of[name]));
    });
    return atlas::judge(std::move(out));
  }
  /// One finding of every manifold check.
  findings of_manifold(const std::string& name) const {
    findings out;
    for_each_pair([&](std::size_t m, std::size_t t) {
      for (const index_t l : deepest_layers(session_.models()[m].config))
        out.push_back(finding_of(parts_[layer_part(m, t, "manifold", l)]["findings"][name]));
    });
    return atlas::judge(std::move(out));
  }
  /// Lists of findings of every pair at a place in its part, judged again as one family.
  findings of_pairs(const std::string& what, const std::string& pointer) const {
    findings out;
    for_each_pair([&](std::size_t m, std::size_t t) {
      const json& found = pair(m, t, what).at(json::json_pointer(pointer));
      if (found.is_object()) out.push_back(finding_of(found));
      for (const json& j : found.is_array() ? found : json::array()) out.push_back(finding_of(j));
    });
    return atlas::judge(std::move(out));
  }
  atlas::sampled_value sampled(std::size_t m, std::size_t t, index_t l, const std::string& quantity,
                               const std::string& label) const {
    return sampled_of(layer(m, t, l)["sampled"][quantity], label);
  }

 private:
  const study_session& session_;
  const json& parts_;
};

/// Smallest and largest of some numbers.
std::string range_text(const std::vector<double>& values, int decimals) {
  if (values.empty()) return "-";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return digits(*low, decimals) + " to " + digits(*high, decimals);
}

/// A number of every head.
std::vector<double> of_heads(const claim_reader& r, const json::json_pointer& at) {
  std::vector<double> out;
  r.for_each_pair([&](std::size_t m, std::size_t t) {
    for (index_t l = 0; l < r.layers(m); ++l)
      for (const json& head : r.layer(m, t, l)["heads"])
        out.push_back(head.at(at).is_null() ? std::nan("") : head.at(at).get<double>());
  });
  return out;
}

std::string dimension_note(const claim_reader& r) {
  const auto none = of_heads(r, json::json_pointer("/none/dimension"));
  const auto truncated = of_heads(r, json::json_pointer("/truncated"));
  const auto rank = of_heads(r, json::json_pointer("/pca_rank"));
  std::vector<double> ratio;
  for (std::size_t i = 0; i < none.size(); ++i) ratio.push_back(truncated[i] / none[i]);
  return fmt::format(
      "Heads read {} without exclusion and {} with neighbours in distinct passages. The original "
      "study's truncated "
      "estimator reads {}, {} times the unbiased one. PCA ranks at 90 % of the variance: {}.",
      range_text(none, 1), range_text(of_heads(r, json::json_pointer("/distinct/dimension")), 1),
      range_text(truncated, 1), range_text(ratio, 2), range_text(rank, 0));
}

void add_overlap_claims(const claim_reader& r, std::vector<study_claim>& out) {
  out.push_back(
      {"overlap", "Published O_h: heads overlap in their own coordinates",
       "O_h of each layer, head coordinates", "Haar: independent random subspaces",
       r.of_layers("overlap"),
       "At chance, O_h is a function of d_head and k alone. Excess in a model with grouped "
       "queries is taken apart below."});
  out.push_back({"atlas-haar", "Heads share an atlas: overlap in the residual stream",
                 "O_h of each layer, where heads write", "Haar in d_model",
                 r.of_layers("residual_haar"),
                 "Haar leaves out that heads write through weights which favour some directions."});
  out.push_back({"atlas-turned",
                 "Heads share an atlas: beyond what their weights and spectra force",
                 "O_h of each layer, where heads write",
                 "clouds turned at random in each group of heads, written by its own weights",
                 r.of_layers("residual_turned")});
  out.push_back({"atlas-pooled", "Heads share an atlas: one low-dimensional manifold",
                 "dimension of all heads pooled, deepest layer",
                 "the same of Gaussian heads of the same covariances",
                 r.of_pairs("atlas", "/findings/pooled_dimension")});
}

void add_dimension_claims(const claim_reader& r, std::vector<study_claim>& out) {
  out.push_back({"dimension", "Low intrinsic dimension: any neighbour allowed",
                 "TwoNN, mean over the heads of each layer", "Gaussian clouds, same covariance",
                 r.of_layers("dimension_none"), dimension_note(r)});
  out.push_back(
      {"dimension-passages", "Low intrinsic dimension: neighbours from two other passages",
       "TwoNN, mean over the heads of each layer", "Gaussian clouds, same covariance and exclusion",
       r.of_layers("dimension_distinct"),
       "Surrogates keep covariance and how rows of one passage hang together; below them a "
       "cloud is not Gaussian, which is not yet curved."});
  out.push_back(
      {"neighbors", "Neighbours on the manifold are neighbours in the text",
       "share of nearest neighbours from the same passage, mean over heads", "permuted passages",
       r.of_layers("same_context"),
       "What is above the null is serial correlation, and lowers TwoNN without exclusion."});
}

void add_manifold_claims(const claim_reader& r, std::vector<study_claim>& out) {
  out.push_back({"manifold-chords", "Clouds are curved: midpoints of chords leave them",
                 "distance of midpoints to the cloud over its spacing, mean over heads",
                 "Gaussian clouds, same covariance", r.of_manifold("chord")});
  out.push_back(
      {"manifold-connected", "Clouds are connected",
       "share of the largest component of the neighbour graph, mean over heads",
       "Gaussian clouds, same covariance", r.of_manifold("largest_share"),
       "Undecided where every surrogate is connected too, so that the null has no spread."});
  out.push_back({"manifold-local", "Dimension is the same everywhere",
                 "sd of the dimension of regions, mean over heads",
                 "Gaussian clouds, same covariance", r.of_manifold("local_dimension_sd")});
}

std::string autoencoder_note(const claim_reader& r) {
  std::vector<double> own, linear;
  index_t better = 0;
  r.for_each_pair([&](std::size_t m, std::size_t t) {
    for (const json& head : r.pair(m, t, "autoencoders")["heads"]) {
      own.push_back(head["unexplained"].get<double>());
      linear.push_back(head["pca_unexplained"].get<double>());
      better += own.back() < linear.back() ? 1 : 0;
    }
  });
  return fmt::format(
      "Unexplained on held-out passages: autoencoders {}, PCA of the same rank {}; "
      "autoencoders are ahead in {} of {} heads.",
      range_text(own, 3), range_text(linear, 3), better, own.size());
}

void add_autoencoder_claim(const claim_reader& r, std::vector<study_claim>& out) {
  out.push_back({"autoencoders", "Autoencoders beat PCA",
                 "variance that PCA leaves less what the autoencoder leaves, held-out passages, "
                 "mean over heads of the deepest layer",
                 "no difference", r.of_pairs("autoencoders", "/findings/advantage"),
                 autoencoder_note(r)});
}

void add_grouped_claims(const claim_reader& r, std::vector<study_claim>& out) {
  findings intra = r.of_layers("intra"), inter = r.of_layers("inter");
  if (intra.empty()) return;
  out.push_back({"gqa-intra", "Grouped queries: heads that share keys and values overlap",
                 "O_h within groups, head coordinates", "Haar", std::move(intra)});
  out.push_back({"gqa-inter", "Grouped queries: heads of other groups",
                 "O_h between groups, head coordinates", "Haar", std::move(inter)});
}

/// The peaks of one quantity; each profile is a family of its own, and then the peaks are one.
study_claim profile_claim(const claim_reader& r, const std::string& quantity,
                          const std::string& title) {
  study_claim out{"profile-" + quantity,
                  title,
                  "peak layer less the mean of the others",
                  "a flat profile, errors over passages",
                  {}};
  r.for_each_pair([&](std::size_t m, std::size_t t) {
    if (r.layers(m) < 2) return;
    std::vector<atlas::sampled_value> layers;
    for (index_t l = 0; l < r.layers(m); ++l)
      layers.push_back(r.sampled(m, t, l, quantity, fmt::format("layer {}", l)));
    const auto profile = atlas::depth_profile(layers);
    atlas::finding peak = profile.peak_excess;
    peak.label = fmt::format("{}, {}", r.place(m, t), peak.label);
    peak.p = peak.adjusted_p;
    out.findings.push_back(peak);
    if (!out.note.empty()) out.note += "; ";
    out.note +=
        fmt::format("{}: peak {} in layer {}, plateau from layer {} to {} of {}", r.place(m, t),
                    digits(layers[static_cast<std::size_t>(profile.peak)].value), profile.peak,
                    profile.plateau_first, profile.plateau_last, r.layers(m));
  });
  out.findings = atlas::judge(std::move(out.findings));
  return out;
}

/// The same quantities on the first text and on each other one.
study_claim corpus_claim(const claim_reader& r, const std::string& quantity,
                         const std::string& title) {
  study_claim out{"corpus-" + quantity,
                  title,
                  "other text less the first, each layer",
                  "no difference, errors over passages",
                  {}};
  for (std::size_t m = 0; m < r.models(); ++m)
    for (std::size_t t = 1; t < r.texts(); ++t) {
      std::vector<atlas::sampled_value> first, second;
      for (index_t l = 0; l < r.layers(m); ++l) {
        const auto label =
            fmt::format("{}, layer {}, {} less {}", r.model(m), l, r.text(t), r.text(0));
        first.push_back(r.sampled(m, 0, l, quantity, label));
        second.push_back(r.sampled(m, t, l, quantity, label));
      }
      for (const atlas::finding& f : atlas::corpus_control(first, second))
        out.findings.push_back(f);
    }
  out.findings = atlas::judge(std::move(out.findings));
  return out;
}

/// Deepest layers of all models of one d_head.
std::vector<atlas::scaled_value> scaled_values(const claim_reader& r, std::size_t t, index_t d,
                                               const std::string& quantity) {
  std::vector<atlas::scaled_value> out;
  for (std::size_t m = 0; m < r.models(); ++m) {
    if (r.head_dimension(m) != d) continue;
    const auto v = r.sampled(m, t, r.layers(m) - 1, quantity, r.model(m));
    out.push_back({v.label, r.pair(m, t, "perplexity")["parameters"].get<double>(), d, v.value,
                   v.standard_error});
  }
  return out;
}

study_claim scale_claim(const claim_reader& r, const std::string& quantity,
                        const std::string& title) {
  study_claim out{"scale-" + quantity,
                  title,
                  "slope on ln(parameters), deepest layers of one d_head",
                  "no trend",
                  {}};
  std::set<index_t> widths;
  for (std::size_t m = 0; m < r.models(); ++m) widths.insert(r.head_dimension(m));
  for (const index_t d : widths)
    for (std::size_t t = 0; t < r.texts(); ++t) {
      const auto models = scaled_values(r, t, d, quantity);
      std::set<double> sizes;
      for (const auto& m : models) sizes.insert(m.size);
      if (sizes.size() < 2) continue;
      out.findings.push_back(atlas::scale_control(models).trend);
      out.findings.back().label = fmt::format("d_head {}, on {}", d, r.text(t));
      if (models.size() == 2)
        out.note = "Two models of a d_head: any difference between them counts as a trend.";
    }
  out.findings = atlas::judge(std::move(out.findings));
  if (out.findings.empty()) out.note = "No two models of one d_head and different sizes.";
  return out;
}

void add_robustness_claims(const claim_reader& r, std::vector<study_claim>& out) {
  out.push_back({"robust-k", "Robustness: overlap for k = 4 to 10",
                 "O_h of the deepest layer, head coordinates", "Haar of that k",
                 r.of_pairs("robustness", "/ranks/overlap")});
  out.push_back({"robust-k-turned", "Robustness: overlap in the residual stream for k = 4 to 10",
                 "O_h of the deepest layer, where heads write", "turned clouds, frames of that k",
                 r.of_pairs("robustness", "/ranks/residual_turned")});
  out.push_back({"robust-n", "Robustness: dimension for N, N/2 and N/4",
                 "TwoNN among other passages, deepest layer", "Gaussian clouds of as many points",
                 r.of_pairs("robustness", "/sizes/dimension")});
  study_claim choices{"robust-choices", "Robustness: overlap, three deepest layers, two choices",
                      "O_h, head coordinates", "Haar",
                      r.of_pairs("robustness", "/choices/overlap")};
  r.for_each_pair([&](std::size_t m, std::size_t t) {
    const json& c = r.pair(m, t, "robustness")["choices"];
    const auto sd = [&](const char* key) {
      return c[key].is_null() ? std::string("-") : digits(c[key].get<double>(), 3);
    };
    if (!choices.note.empty()) choices.note += "; ";
    choices.note += fmt::format(
        "{}: sd of O_h {} between layers and {} between choices of points, of dimension {} and {}",
        r.place(m, t), sd("overlap_sd_of_layers"), sd("overlap_sd_of_choices"),
        sd("dimension_sd_of_layers"), sd("dimension_sd_of_choices"));
  });
  out.push_back(std::move(choices));
}

void add_model_claims(const claim_reader& r, std::vector<study_claim>& out) {
  out.push_back({"within-model", "Within-model control: dimension against overlap",
                 "Spearman over the heads of each layer, head coordinates", "permuted heads",
                 r.of_pairs("within-model", "/head_coordinates")});
  out.push_back({"within-model-residual", "Within-model control: where heads write",
                 "Spearman over the heads of each layer, residual stream", "permuted heads",
                 r.of_pairs("within-model", "/residual_stream")});
  study_claim across{"architectures",
                     "Architectures differ at equal N, heads and depth",
                     "excess over Haar between groups, less the first model's",
                     "no difference",
                     {}};
  for (std::size_t t = 0; t < r.texts(); ++t)
    if (const json* part = r.architectures(t))
      for (const json& j : (*part)["differences"]) across.findings.push_back(finding_of(j));
  across.findings = atlas::judge(std::move(across.findings));
  if (across.findings.empty()) across.note = "One model: nothing to compare.";
  out.push_back(std::move(across));
}

void add_maturation_claims(const claim_reader& r, std::vector<study_claim>& out) {
  const std::string note =
      "Each model beside its own architecture at random weights. What departs there already is the "
      "architecture's.";
  out.push_back({"maturation-overlap", "Maturation: overlap in head coordinates",
                 "O_h of the deepest layer", "Haar", r.of_pairs("maturation", "/overlap/findings"),
                 note});
  out.push_back({"maturation-residual", "Maturation: overlap in the residual stream",
                 "O_h of the deepest layer", "turned clouds, the same weights",
                 r.of_pairs("maturation", "/residual_turned/findings")});
  out.push_back({"maturation-dimension", "Maturation: dimension among other passages",
                 "TwoNN, deepest layer", "Gaussian clouds, same covariance",
                 r.of_pairs("maturation", "/dimension_distinct/findings")});
}

}  // namespace

std::vector<study_claim> study_claims(const study_session& session, const json& parts) {
  const claim_reader r(session, parts);
  std::vector<study_claim> out;
  add_overlap_claims(r, out);
  add_dimension_claims(r, out);
  add_manifold_claims(r, out);
  add_autoencoder_claim(r, out);
  add_grouped_claims(r, out);
  out.push_back(profile_claim(r, "dimension", "Dimension has a peak in depth"));
  out.push_back(profile_claim(r, "overlap", "Overlap has a peak in depth"));
  out.push_back(corpus_claim(r, "dimension", "Dimension does not depend on the corpus"));
  out.push_back(corpus_claim(r, "overlap", "Overlap does not depend on the corpus"));
  add_model_claims(r, out);
  out.push_back(scale_claim(r, "dimension", "Dimension grows with scale"));
  out.push_back(scale_claim(r, "overlap", "Overlap changes with scale"));
  add_robustness_claims(r, out);
  add_maturation_claims(r, out);
  return out;
}

}  // namespace atlas_program
