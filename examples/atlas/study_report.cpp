/// \file
/// What a study ends with: study.json, tables in CSV, and summary.md.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
using atlas::verdict;

/// A field of a CSV row (RFC 4180).
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

/// All digits of a number, as in the JSON; nothing for null.
std::string field(const json& j) {
  if (j.is_null()) return "";
  return j.is_string() ? quoted(j.get<std::string>()) : j.dump();
}

std::string row(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& f : fields) line += (line.empty() ? "" : ",") + f;
  return line + "\n";
}

std::string findings_csv(const std::vector<study_claim>& claims) {
  std::string text = "claim,label,value,null_mean,null_sd,z,p,adjusted_p,verdict\n";
  for (const study_claim& claim : claims)
    for (const atlas::finding& f : claim.findings) {
      std::vector<std::string> fields = {claim.id};
      const json members = finding_json(f);
      for (const auto& [key, value] : members.items()) fields.push_back(field(value));
      text += row(fields);
    }
  return text;
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

std::string heads_csv(const study_session& session, const json& parts) {
  std::string text =
      "model,text,layer,head,dimension,lower,upper,dimension_other_passages,lower_other_passages,"
      "upper_other_passages,truncated,same_passage_neighbors,pca_rank,participation_ratio\n";
  for_each_layer(
      session, parts, [&](const std::string& model, const std::string& name, const json& layer) {
        for (const json& h : layer["heads"]) {
          const json &none = h["none"], &whole = h["whole"];
          text += row({quoted(model), quoted(name), field(layer["layer"]), field(h["head"]),
                       field(none["dimension"]), field(none["lower"]), field(none["upper"]),
                       field(whole["dimension"]), field(whole["lower"]), field(whole["upper"]),
                       field(h["truncated"]), field(h["same_context_neighbors"]),
                       field(h["pca_rank"]), field(h["participation_ratio"])});
        }
      });
  return text;
}

std::string overlaps_csv(const study_session& session, const json& parts) {
  std::string text =
      "model,text,layer,space,pairs_of,overlap,lower,upper,pairs,haar_mean,haar_sd,haar_z,"
      "pushed_mean,pushed_sd,pushed_z\n";
  for_each_layer(
      session, parts, [&](const std::string& model, const std::string& name, const json& layer) {
        for (const char* space : {"head_coordinates", "residual_stream"})
          for (const char* group : {"global", "intra", "inter"}) {
            const json& e = layer["overlap"][space][group];
            if (e["pairs"] == 0) continue;
            const auto pushed = [&](const char* key) {
              return e.contains(key) ? field(e[key]) : "";
            };
            text += row({quoted(model), quoted(name), field(layer["layer"]), space, group,
                         field(e["mean"]), field(e["lower"]), field(e["upper"]), field(e["pairs"]),
                         field(e["null_mean"]), field(e["null_sd"]), field(e["z"]),
                         pushed("pushed_null_mean"), pushed("pushed_null_sd"), pushed("pushed_z")});
          }
      });
  return text;
}

std::string autoencoders_csv(const study_session& session, const json& parts) {
  std::string text;
  for (std::size_t m = 0; m < session.models().size(); ++m)
    for (std::size_t t = 0; t < session.texts(); ++t)
      for (const json& h : parts[part_name(m, t, "autoencoders")]["heads"]) {
        std::vector<std::string> names = {"model", "text"};
        std::vector<std::string> fields = {quoted(session.models()[m].name),
                                           quoted(session.options().texts[t])};
        for (const auto& [key, value] : h.items()) {
          names.push_back(key);
          fields.push_back(field(value));
        }
        text += (text.empty() ? row(names) : "") + row(fields);
      }
  return text;
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
      "{} blocks of {} tokens, positions from {} on, {} points a head, k = {}, seed {}.\n\n{}\n"
      "## Claims\n\n"
      "Each row is one family of comparisons (layers, models, texts). Values and nulls are the\n"
      "smallest and largest of the family. Above and below: p after Holm's correction for the\n"
      "family is 0.05 at most. Undecided: only without the correction. Every comparison is in\n"
      "findings.csv.\n\n{}\n## Notes\n\n{}",
      o.blocks, o.block_size, o.min_context, o.points, o.local_dimension, o.common.seed,
      perplexity_rows(session, parts), claim_rows(claims), notes_text(claims));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> study_files(
    const study_session& session, const json& parts, const std::vector<study_claim>& claims) {
  const json all = {
      {"study", session.description()}, {"claims", claims_json(claims)}, {"parts", parts}};
  return {{"study.json", all.dump(2) + "\n"},
          {"findings.csv", findings_csv(claims)},
          {"heads.csv", heads_csv(session, parts)},
          {"overlaps.csv", overlaps_csv(session, parts)},
          {"autoencoders.csv", autoencoders_csv(session, parts)},
          {"summary.md", summary(session, parts, claims)}};
}

}  // namespace atlas_program
