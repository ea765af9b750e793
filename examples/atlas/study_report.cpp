// SPDX-License-Identifier: MIT
/// \file
/// What a study ends with: study.json, tables in CSV, and summary.md.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "atlas/version.hpp"
#include "study.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
using atlas::verdict;

/// All digits of a number, as in the JSON; nothing for null.
std::string field(const json& j) {
  if (j.is_null()) return "";
  return j.is_string() ? csv_field(j.get<std::string>()) : j.dump();
}

/// Columns that every table ends with: what made it.
std::string header(const std::string& columns) {
  return fmt::format("{},points,{}\n", columns, run_columns);
}

/// Rows of one table.
class study_table {
 public:
  study_table(const study_session& session, std::string columns)
      : text_(header(columns)), run_(run_text(session)) {}
  void add(const std::vector<std::string>& fields) {
    text_ += fmt::format("{},{}\n", fmt::join(fields, ","), run_);
  }
  const std::string& text() const { return text_; }

 private:
  static std::string run_text(const study_session& session) {
    return fmt::format("{},{}", session.points(), run_fields(session.options().common));
  }
  std::string text_, run_;
};

std::string findings_csv(const study_session& session, const std::vector<study_claim>& claims) {
  study_table table(session, "claim,label,value,null_mean,null_sd,z,p,adjusted_p,verdict");
  for (const study_claim& claim : claims)
    for (const atlas::finding& f : claim.findings) {
      std::vector<std::string> fields = {claim.id};
      const json members = finding_json(f);
      for (const auto& [key, value] : members.items()) fields.push_back(field(value));
      table.add(fields);
    }
  return table.text();
}

/// Calls `visit(model name, text name, part)` for parts of all pairs.
template <class Visit>
void for_each_layer(const study_session& session, const json& parts, Visit&& visit) {
  for (std::size_t m = 0; m < session.models().size(); ++m)
    for (std::size_t t = 0; t < session.texts(); ++t)
      for (index_t l = 0; l < session.models()[m].config.layers; ++l)
        visit(session.models()[m].name, session.options().texts[t],
              parts[layer_part(m, t, "layer", l)]);
}

/// Gaussian surrogates beside one of the two estimates of a head; empty where there are none.
std::vector<std::string> surrogate_fields(const json& estimate) {
  const json& null = estimate["surrogate"];
  return {field(null["mean"]), field(null["sd"]), field(null["z"]), field(null["p"])};
}

std::string heads_csv(const study_session& session, const json& parts) {
  study_table table(
      session,
      "model,text,layer,head,dimension,lower,upper,surrogate_mean,surrogate_sd,surrogate_z,"
      "surrogate_p,dimension_distinct_passages,lower_distinct_passages,upper_distinct_passages,"
      "surrogate_mean_distinct_passages,surrogate_sd_distinct_passages,surrogate_z_distinct_"
      "passages,"
      "surrogate_p_distinct_passages,fault,truncated,same_passage_neighbors,pca_rank,participation_"
      "ratio");
  for_each_layer(
      session, parts, [&](const std::string& model, const std::string& name, const json& layer) {
        for (const json& h : layer["heads"]) {
          std::vector<std::string> fields = {csv_field(model), csv_field(name),
                                             field(layer["layer"]), field(h["head"])};
          for (const char* kind : {"none", "distinct"}) {
            const json& estimate = h[kind];
            for (const char* key : {"dimension", "lower", "upper"})
              fields.push_back(field(estimate[key]));
            for (std::string& f : surrogate_fields(estimate)) fields.push_back(std::move(f));
          }
          fields.push_back(
              field(h["none"]["fault"].is_null() ? h["distinct"]["fault"] : h["none"]["fault"]));
          for (const char* key :
               {"truncated", "same_context_neighbors", "pca_rank", "participation_ratio"})
            fields.push_back(field(h[key]));
          table.add(fields);
        }
      });
  return table.text();
}

std::string overlaps_csv(const study_session& session, const json& parts) {
  study_table table(session,
                    "model,text,layer,space,pairs_of,overlap,lower,upper,pairs,haar_mean,haar_sd,"
                    "haar_z,haar_p,turned_mean,turned_sd,turned_z,turned_p,turned_rank_p");
  for_each_layer(
      session, parts, [&](const std::string& model, const std::string& name, const json& layer) {
        for (const char* space : {"head_coordinates", "residual_stream"})
          for (const char* group : {"global", "intra", "inter"}) {
            const json& e = layer["overlap"][space][group];
            if (e["pairs"] == 0) continue;
            std::vector<std::string> fields = {csv_field(model), csv_field(name),
                                               field(layer["layer"]), space, group};
            for (const char* key :
                 {"mean", "lower", "upper", "pairs", "null_mean", "null_sd", "z", "p",
                  "turned_null_mean", "turned_null_sd", "turned_z", "turned_p", "turned_rank_p"})
              fields.push_back(e.contains(key) ? field(e[key]) : "");
            table.add(fields);
          }
      });
  return table.text();
}

/// Names of the members of an object.
std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

std::string autoencoders_csv(const study_session& session, const json& parts) {
  std::optional<study_table> table;
  for (std::size_t m = 0; m < session.models().size(); ++m)
    for (std::size_t t = 0; t < session.texts(); ++t)
      for (const json& h : parts[part_name(m, t, "autoencoders")]["heads"]) {
        if (!table)
          table.emplace(session, fmt::format("model,text,{}", fmt::join(keys_of(h), ",")));
        std::vector<std::string> fields = {csv_field(session.models()[m].name),
                                           csv_field(session.options().texts[t])};
        for (const auto& [key, value] : h.items()) fields.push_back(field(value));
        table->add(fields);
      }
  return table ? table->text() : "";
}

json claims_json(const std::vector<study_claim>& claims) {
  json out = json::array();
  for (const study_claim& c : claims)
    out.push_back({{"id", c.id},
                   {"claim", c.title},
                   {"measured", c.measured},
                   {"null", c.null},
                   {"note", c.note},
                   {"findings", findings_json(c.findings)}});
  return out;
}

/// "0.38 to 0.45", or one number.
std::string span_text(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const int decimals = std::max(std::abs(*low), std::abs(*high)) < 10 ? 3 : 1;
  const std::string from = digits(*low, decimals), to = digits(*high, decimals);
  return from == to ? from : from + " to " + to;
}

std::string range_of(const std::vector<atlas::finding>& all, double atlas::finding::*member) {
  std::vector<double> values;
  for (const atlas::finding& f : all)
    if (!std::isnan(f.*member)) values.push_back(f.*member);
  return values.empty() ? "-" : span_text(values);
}

/// "above in 3 of 24, consistent with chance in 21"
std::string verdict_text(const std::vector<atlas::finding>& all) {
  if (all.empty()) return "not measured";
  std::string text;
  for (const verdict v :
       {verdict::above, verdict::below, verdict::consistent_with_chance, verdict::undecided}) {
    const auto count = std::count_if(all.begin(), all.end(),
                                     [&](const atlas::finding& f) { return f.verdict == v; });
    if (count == 0) continue;
    text += fmt::format("{}{} in {}", text.empty() ? "" : ", ", atlas::name_of(v), count);
    if (text.find(" of ") == std::string::npos) text += fmt::format(" of {}", all.size());
  }
  return text;
}

std::string claim_rows(const std::vector<study_claim>& claims) {
  std::string text = "| claim | measured | null | verdict |\n|---|---|---|---|\n";
  for (const study_claim& c : claims) {
    text += fmt::format("| {} | {}: {} | {}: {} | {} |\n", c.title, c.measured,
                        range_of(c.findings, &atlas::finding::value), c.null,
                        range_of(c.findings, &atlas::finding::null_mean), verdict_text(c.findings));
  }
  return text;
}

std::string notes_text(const std::vector<study_claim>& claims) {
  std::string text;
  for (const study_claim& c : claims)
    if (!c.note.empty()) text += fmt::format("- {}: {}\n", c.title, c.note);
  return text;
}

std::string perplexity_rows(const study_session& session, const json& parts) {
  std::string text =
      "| model | parameters | text | perplexity (standard error) |\n|---|---|---|---|\n";
  for (std::size_t m = 0; m < session.models().size(); ++m)
    for (std::size_t t = 0; t < session.texts(); ++t) {
      const json& p = parts[part_name(m, t, "perplexity")];
      text +=
          fmt::format("| {} | {} | {} | {} ({}) |\n", session.models()[m].name,
                      p["parameters"].dump(), session.options().texts[t],
                      digits(p["value"].get<double>()), digits(p["standard_error"].get<double>()));
    }
  return text;
}

std::string summary(const study_session& session, const json& parts,
                    const std::vector<study_claim>& claims) {
  const study_options& o = session.options();
  return fmt::format(
      "# Study\n\n"
      "atlas {}: {} blocks of {} tokens, positions from {} on, {} points a head, k = {}, seed "
      "{}.\n\n"
      "{}\n"
      "## Claims\n\n"
      "Each row is one family of comparisons (layers, models, texts). Values and nulls are the\n"
      "smallest and largest of the family. Above and below: p after Holm's correction for the\n"
      "family is 0.05 at most. Undecided: only without the correction. Every comparison is in\n"
      "findings.csv.\n\n{}\n## Notes\n\n{}",
      atlas::version, o.blocks, o.tokens_per_block, o.min_context, session.points(),
      o.local_dimension, o.common.seed, perplexity_rows(session, parts), claim_rows(claims),
      notes_text(claims));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> study_files(
    const study_session& session, const json& parts, const std::vector<study_claim>& claims) {
  const json all = with_run(session.options().common, {{"study", session.description()},
                                                       {"points", session.points()},
                                                       {"claims", claims_json(claims)},
                                                       {"parts", parts}});
  return {{"study.json", all.dump(2) + "\n"},
          {"findings.csv", findings_csv(session, claims)},
          {"heads.csv", heads_csv(session, parts)},
          {"overlaps.csv", overlaps_csv(session, parts)},
          {"autoencoders.csv", autoencoders_csv(session, parts)},
          {"summary.md", summary(session, parts, claims)}};
}

}  // namespace atlas_program
