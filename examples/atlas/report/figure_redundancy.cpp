// SPDX-License-Identifier: MIT
/// \file
/// What heads are worth: the loss without each, what predicts it, and heads left out in pairs.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

constexpr const char* redundancy_section = "What heads are worth";

/// Keys of the two texts in a result, and what they are called.
constexpr std::array<std::pair<const char*, const char*>, 2> texts_of_redundancy = {
    {{"text", "the text"}, {"held_out", "held-out text"}}};

/// Properties of heads by their keys in a result, with the short names that fit below an axis.
std::string name_below_axis(const std::string& property) {
  static const std::map<std::string, std::string> names = {{"overlap_in_head_coordinates", "own"},
                                                           {"overlap_in_stream", "stream"},
                                                           {"dimension", "TwoNN"},
                                                           {"ratio", "R"}};
  const auto found = names.find(property);
  return found == names.end() ? property : found->second;
}

/// Of each layer and head of a text, the length of what it writes.
std::map<std::pair<std::string, std::string>, double> norms_of(const json& text) {
  std::map<std::pair<std::string, std::string>, double> out;
  for (const json& layer : member(text, {"layers"})) {
    std::size_t head = 0;
    for (const json& one : member(layer, {"heads"}))
      out[{member(layer, {"layer"}).dump(), std::to_string(head++)}] = real_member(one, {"norm"});
  }
  return out;
}

/// A rise of the loss and its interval, in thousandths of a nat.
void add_rise(const json& rise, std::vector<json>& row) {
  for (const char* key : {"value", "lower", "upper"})
    row.push_back(number(1000 * real_member(rise, {key})));
}

std::vector<reading> worth_readings(const report_results& results) {
  std::map<std::string, std::vector<double>> rises;
  std::vector<atlas::finding> agree;
  for (const command_result* r : results.of("redundancy")) {
    for (const json& one : member(r->content, {"text", "left_out"}))
      if (const double x = 1000 * real_member(one, {"rise", "value"}); std::isfinite(x))
        rises[text_member(one, {"way"})].push_back(x);
    const json& ways = member(r->content, {"texts_agree"});
    if (!ways.is_object()) continue;
    for (const auto& [way, one] : ways.items())
      agree.push_back(compared(real_member(one, {"coefficient"}), 0, NAN, real_member(one, {"p"})));
  }
  std::vector<std::string> parts;
  for (auto& [way, of_way] : rises) {
    std::sort(of_way.begin(), of_way.end());
    parts.push_back(fmt::format("{} ({}; half of them {:.1f} or less)", values_text(of_way, 1), way,
                                of_way[(of_way.size() - 1) / 2]));
  }
  std::vector<reading> out;
  if (!parts.empty())
    out.push_back({standing::fact,
                   fmt::format("Without one head the loss rises by, in thousandths of a nat: {}.",
                               fmt::join(parts, "; "))});
  for (reading& r : read_family(
           std::move(agree),
           {"What heads are worth on one text and on the other is, by rank, among heads that are "
            "compared,",
            "alike", "opposite", "no more alike than shuffled heads", "way", "ways"}))
    out.push_back(std::move(r));
  return out;
}

}  // namespace

std::vector<figure> worth_of_heads(const report_results& results) {
  number_table numbers{
      {"panel", "way", "layer", "head", "norm", "rise", "lower", "upper", "no change"}, {}};
  for (const command_result* r : results.of("redundancy"))
    for (const auto& [key, name] : texts_of_redundancy) {
      const json& text = member(r->content, {key});
      const auto norms = norms_of(text);
      for (const json& one : member(text, {"left_out"})) {
        const json& heads = member(one, {"heads"});
        if (!heads.is_array() || heads.size() != 1) continue;
        const auto norm = norms.find({member(one, {"layer"}).dump(), heads[0].dump()});
        if (norm == norms.end() || !std::isfinite(norm->second)) continue;
        std::vector<json> row = {fmt::format("{}, {}", r->source, name), member(one, {"way"}),
                                 member(one, {"layer"}), heads[0], number(norm->second)};
        add_rise(member(one, {"rise"}), row);
        row.push_back(0);
        numbers.rows.push_back(std::move(row));
      }
    }
  if (numbers.rows.empty()) return {};
  return {{"head-worth", redundancy_section,
           "What a head is worth, against the length of what it writes",
           "Each point is a head: by how much the mean loss rises without it, with a 95 % interval "
           "over passages, against the root mean square length of what it adds to the residual "
           "stream. In its place stand zeros, its mean, or what it hands on in another passage "
           "(resample). Grey: no change.",
           "Points of the rise of the loss against the length of what a head writes, one for each "
           "head and way.",
           curve_spec({"panel",
                       if_several("way", numbers),
                       "norm",
                       "rise",
                       "lower",
                       "upper",
                       "no change",
                       "",
                       "",
                       "",
                       {"layer", "head"}},
                      {.x_title = "length of what the head writes",
                       .y_title = "rise of the loss, 0.001 nat",
                       .lines = false}),
           std::move(numbers), worth_readings(results)}};
}

namespace {

/// One prediction of a text, alone or given head norm; null where there is none.
const json& prediction_of(const json& row, const char* text, bool given_norm) {
  return given_norm ? member(row, {text, "beyond_norm"}) : member(row, {text});
}

std::vector<reading> predictor_readings(const report_results& results) {
  std::vector<reading> out;
  for (const bool given_norm : {false, true}) {
    std::array<std::vector<atlas::finding>, 2> of_text;
    for (const command_result* r : results.of("redundancy"))
      for (const json& row : member(r->content, {"predictions"}))
        for (std::size_t t = 0; t < 2; ++t) {
          const json& p = prediction_of(row, texts_of_redundancy[t].first, given_norm);
          of_text[t].push_back(
              compared(real_member(p, {"coefficient"}), 0, NAN, real_member(p, {"p"})));
        }
    reading_words words{
        given_norm
            ? "Given head norm, the ranks of what heads are worth and of their properties are, on "
              "both texts,"
            : "The ranks of what heads are worth and of their properties are, on both texts,",
        "correlated",
        "correlated the other way",
        "as shuffled heads have it",
        "pair of property and way",
        "pairs of property and way"};
    words.open = "undecided, or not alike on both,";
    for (reading& r : read_both(std::move(of_text[0]), std::move(of_text[1]), words))
      out.push_back(std::move(r));
  }
  return out;
}

}  // namespace

std::vector<figure> predictors_of_worth(const report_results& results) {
  number_table numbers{{"panel", "of", "property", "r", "lower", "upper", "null", "null lower",
                        "null upper", "heads", "p", "p Holm"},
                       {}};
  for (const command_result* r : results.of("redundancy"))
    for (const bool given_norm : {false, true})
      for (const json& row : member(r->content, {"predictions"}))
        for (const auto& [key, name] : texts_of_redundancy) {
          const json& p = prediction_of(row, key, given_norm);
          const double value = real_member(p, {"coefficient"}),
                       error = real_member(p, {"standard_error"}),
                       bound = real_member(p, {"null_bound"});
          if (!std::isfinite(value)) continue;
          numbers.rows.push_back(
              {fmt::format("{}, {}{}", r->source, text_member(row, {"way"}),
                           given_norm ? ", given norm" : ""),
               name, name_below_axis(text_member(row, {"predictor"})), number(value),
               number(value - 1.96 * error), number(value + 1.96 * error),
               std::isfinite(bound) ? json(0) : json(nullptr), number(-bound), number(bound),
               member(p, {"heads"}), member(p, {"p"}), member(p, {"p_holm"})});
        }
  if (numbers.rows.empty()) return {};
  return {{"worth-predictors", redundancy_section, "What predicts what a head is worth",
           "Rank correlation of a property of heads with what they are worth, over heads of one "
           "layer, or of those that share keys and values; bars: 1.96 standard errors, of the "
           "choice of passages. Bands: 95 % of the coefficients of shuffled heads. Properties: "
           "length of what the head writes (norm), mean overlap with others in head coordinates "
           "(own) and in the residual stream (stream), dimension (TwoNN), purity, R, margin and "
           "share of the sink. Given norm: partial correlations.",
           "Points of rank correlations for each property of heads, beside the band that shuffled "
           "heads give.",
           curve_spec({"panel",
                       "of",
                       "property",
                       "r",
                       "lower",
                       "upper",
                       "null",
                       "null lower",
                       "null upper",
                       "",
                       {"heads", "p Holm"}},
                      {.x_title = "property",
                       .y_title = "rank correlation",
                       .x_scale = "point",
                       .lines = false,
                       .own_nulls = true}),
           std::move(numbers), predictor_readings(results)}};
}

namespace {

std::vector<reading> pair_readings(const report_results& results) {
  std::array<std::vector<atlas::finding>, 2> of_text;
  for (const command_result* r : results.of("redundancy")) {
    const json& ways = member(r->content, {"overlap_with_interaction"});
    if (!ways.is_object()) continue;
    for (const auto& [way, one] : ways.items())
      for (std::size_t t = 0; t < 2; ++t) {
        const json& c = member(one, {texts_of_redundancy[t].first});
        of_text[t].push_back(
            compared(real_member(c, {"coefficient"}), 0, NAN, real_member(c, {"p"})));
      }
  }
  reading_words words{
      "The ranks of the overlap of two heads and of their interaction are, on both "
      "texts,",
      "correlated",
      "correlated the other way",
      "as shuffled heads have it",
      "way",
      "ways"};
  words.then = "Where they are correlated, heads that overlap stand in for each other.";
  words.open = "undecided, or not alike on both,";
  return read_both(std::move(of_text[0]), std::move(of_text[1]), words);
}

}  // namespace

std::vector<figure> pairs_left_out(const report_results& results) {
  number_table numbers{{"panel", "way", "layer", "heads", "overlap", "interaction", "lower",
                        "upper", "sum of both", "ceiling"},
                       {}};
  for (const command_result* r : results.of("redundancy"))
    for (const auto& [key, name] : texts_of_redundancy)
      for (const json& pair : member(r->content, {key, "pairs"})) {
        const json& heads = member(pair, {"heads"});
        const double overlap = real_member(pair, {"overlap_in_stream"});
        if (!heads.is_array() || heads.size() != 2 || !std::isfinite(overlap)) continue;
        std::vector<json> row = {
            fmt::format("{}, {}", r->source, name), member(pair, {"way"}), member(pair, {"layer"}),
            fmt::format("{} and {}", heads[0].dump(), heads[1].dump()), number(overlap)};
        add_rise(member(pair, {"interaction"}), row);
        row.insert(row.end(), {json(0), member(pair, {"ceiling"})});
        numbers.rows.push_back(std::move(row));
      }
  if (numbers.rows.empty()) return {};
  return {{"pairs-left-out", redundancy_section, "Two heads left out together",
           "Each point is a pair of heads: by how much more the loss rises without both than the "
           "two rises without each of them, with a 95 % interval over passages, against the "
           "overlap of the subspaces that they write to. Above 0 each stands in for the other. "
           "Grey: the sum of both.",
           "Points of the interaction of two heads against their overlap.",
           curve_spec({"panel",
                       if_several("way", numbers),
                       "overlap",
                       "interaction",
                       "lower",
                       "upper",
                       "sum of both",
                       "",
                       "",
                       "",
                       {"layer", "heads", "ceiling"}},
                      {.x_title = "overlap in the residual stream",
                       .y_title = "interaction, 0.001 nat",
                       .lines = false}),
           std::move(numbers), pair_readings(results)}};
}

}  // namespace atlas_program
