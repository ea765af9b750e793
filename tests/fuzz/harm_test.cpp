// SPDX-License-Identifier: MIT
/// \file
/// Inputs that mean harm: sizes that are not there, nesting without an end, links, and texts that
/// would be more than texts where they are shown.

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../io/files_for_tests.hpp"
#include "../program/zip_for_tests.hpp"
#include "atlas/io/checkpoint.hpp"
#include "atlas/io/model.hpp"
#include "common.hpp"
#include "report/figures.hpp"
#include "report/page.hpp"
#include "target.hpp"

namespace {

namespace fs = std::filesystem;
namespace io = atlas::io;
using atlas_test::little;
using atlas_test::message_of;
using atlas_test::temporary_folder;

const atlas_fuzz::target& target(std::string_view name) {
  for (const atlas_fuzz::target& t : atlas_fuzz::targets())
    if (t.name == name) return t;
  throw std::logic_error("no target " + std::string(name));
}

bool refuses(std::string_view name, const std::string& input) {
  return !atlas_fuzz::takes(target(name), atlas_test::bytes_of(input));
}

std::string safetensors_bytes(const std::string& header, const std::string& data = "") {
  return little(header.size(), 8) + header + data;
}

/// How a child ends that may take so many bytes of memory more than it has when it begins: 0 where
/// `work` is true and nothing is thrown. Where sanitizers have all addresses to themselves, without
/// a limit.
int child_with(std::size_t bytes, const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) {
#ifndef ATLAS_SANITIZED
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t limit = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + bytes;
    const rlimit both{limit, limit};
    if (pages > 0 && setrlimit(RLIMIT_AS, &both) != 0) _exit(3);
#else
    (void)bytes;
#endif
    int status = 2;
    try {
      status = work() ? 0 : 1;
    } catch (...) {
    }
    _exit(status);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr std::size_t mebibyte = std::size_t{1} << 20;

std::string gguf_begin(std::uint64_t tensors, std::uint64_t entries) {
  return "GGUF" + little(3, 4) + little(tensors, 8) + little(entries, 8);
}
std::string gguf_text(const std::string& text) {
  return little(text.size(), 8) + text;
}

nlohmann::json llama_config() {
  return nlohmann::json::parse(io::read_text(ATLAS_TEST_DATA "/gguf/llama/config.json"));
}
std::string config_with(const char* key, std::uint64_t value) {
  nlohmann::json config = llama_config();
  config[key] = value;
  return config.dump();
}

/// Files that are small and say that they are large.
std::vector<std::pair<std::string, std::string>> claims() {
  constexpr std::uint64_t most = ~std::uint64_t{0}, large = std::uint64_t{1} << 40;
  std::vector<std::pair<std::string, std::string>> all = {
      {"safetensors", little(most, 8) + "{}"},
      {"safetensors", little(99'999'999, 8) + "{}"},
      {"safetensors",
       safetensors_bytes(R"({"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4]}})",
                         "1234")},
      {"safetensors",
       safetensors_bytes(
           R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})")},
      {"safetensors",
       safetensors_bytes(
           R"({"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}})",
           "1234")},
      {"gguf", gguf_begin(most, 0)},
      {"gguf", gguf_begin(large, 0)},
      {"gguf", gguf_begin(0, large)},
      {"gguf", gguf_begin(0, 1) + little(large, 8) + "key"},
      {"gguf", gguf_begin(0, 1) + gguf_text("key") + little(8, 4) + little(large, 8)},
      {"gguf",
       gguf_begin(0, 1) + gguf_text("key") + little(9, 4) + little(0, 4) + little(large, 8)},
      {"gguf", gguf_begin(0, 1) + gguf_text("key") + little(9, 4) + little(8, 4) + little(most, 8)},
      {"gguf", gguf_begin(1, 0) + gguf_text("a") + little(2, 4) + little(large, 8) +
                   little(large, 8) + little(0, 4) + little(0, 8)},
      {"npy", atlas_test::npy_bytes("(1099511627776,)", "1234")},
      {"npy", atlas_test::npy_bytes("(4294967296, 4294967296)", "1234")},
      {"npy", std::string("\x93NUMPY\x02\0", 8) + little(0xFFFFFFFF, 4) + "{"},
      {"npz", atlas_test::zip_bytes({{.name = "a.npy", .bytes = "1234", .size = 4'000'000'000}})},
      {"npz", atlas_test::zip_bytes(
                  {{.name = "a.npy", .bytes = "1234", .size = 4'000'000'000, .method = 8}})},
      {"clouds", safetensors_bytes(R"({"layer.0.head.9223372036854775807":)"
                                   R"({"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}})",
                                   "1234")},
      {"clouds", safetensors_bytes(R"({"layer.0.head.2147483647":)"
                                   R"({"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}})",
                                   "1234")}};
  for (const char* key :
       {"num_hidden_layers", "vocab_size", "hidden_size", "intermediate_size",
        "num_attention_heads", "num_key_value_heads", "max_position_embeddings", "head_dim"})
    for (const std::uint64_t value : {std::uint64_t{1} << 31, large, most >> 1U, most})
      all.emplace_back("config", config_with(key, value));
  return all;
}

/// Names from a file that would do something in a page, a table or a terminal.
const std::vector<std::string> evil_names = {"</script><script>alert(1)</script>",
                                             "<img src=x onerror=alert(2)>\"'&",
                                             "=HYPERLINK(\"http://x\")",
                                             "@SUM(A1)",
                                             "+cmd|' /C calc'!A0",
                                             "\xE2\x80\xAEsj.x\xE2\x80\xACtxt",  // U+202E, U+202C
                                             "a\xE2\x80\xA8"
                                             "b\xE2\x80\xA9"
                                             "c",  // U+2028, U+2029
                                             "\x1B]0;title\x07",
                                             "{{title}}{{{style}}}",
                                             "--><!--"};

/// A study whose findings have these labels.
nlohmann::json study_of(const std::vector<std::string>& labels) {
  nlohmann::json findings = nlohmann::json::array();
  for (const std::string& label : labels)
    findings.push_back(
        {{"label", label}, {"value", 0.5}, {"null_mean", 0.1}, {"null_sd", 0.01}, {"p", 1e-9}});
  return {
      {"run", {{"program", "atlas"}, {"command", "study"}, {"seed", 0}, {"version", labels[0]}}},
      {"study", {{"models", {{{"name", labels[0]}}}}, {"texts", {{{"name", labels[1]}}}}}},
      {"claims",
       {{{"claim", labels[1]},
         {"measured", labels[0]},
         {"null", labels[2]},
         {"findings", findings}}}},
      {"parts", nlohmann::json::object()}};
}

atlas_program::report_content report_of(const fs::path& file) {
  atlas_program::report_content report;
  atlas_program::add_results(file, report.results);
  report.title = "a report";
  report.figures = atlas_program::all_figures(report.results);
  return report;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("sizes that a file only claims are refused before memory is taken for them") {
  for (const auto& claim : claims()) {
    CAPTURE(claim.first, claim.second.substr(0, 600));
    // A configuration may say some large numbers, such as that of positions.
    const auto read = [&] { return refuses(claim.first, claim.second) || claim.first == "config"; };
    CHECK(child_with(64 * mebibyte, read) == 0);
  }
}

TEST_CASE("a limit on memory is one") {
#ifndef ATLAS_SANITIZED
  if (!fs::exists("/proc/self/statm")) return;
  const auto take = [] {
    const std::vector<char> taken(100 * mebibyte, 1);
    const volatile char* last = &taken.back();  // without which compilers need no memory
    return *last == 1;
  };
  CHECK(child_with(300 * mebibyte, take) == 0);
  CHECK(child_with(64 * mebibyte, take) == 2);
#endif
}

TEST_CASE("nesting of a million levels is refused by every reader of JSON") {
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += R"({"a":)";
  const std::string arrays(1'000'000, '[');
  for (const std::string& open : {arrays, objects, R"({"model":)" + arrays}) {
    for (const char* name : {"config", "tokenizer", "shards", "result"}) {
      CAPTURE(name, open.substr(0, 20));
      CHECK(refuses(name, open));
      CHECK(refuses(name, open + "1" + std::string(1'000'000, open[0] == '[' ? ']' : '}')));
    }
    CHECK(refuses("safetensors", safetensors_bytes(open)));
    CHECK(refuses("training", safetensors_bytes(open)));
  }
  CHECK(
      contains(message_of<atlas::format_error>([&] { (void)io::parse_json(arrays, "file.json"); }),
               "file.json: expected at most 64 levels, got more"));
}

TEST_CASE("the little that blocks need of a text is all that is tokenized") {
  const auto words = io::tokenizer::open(ATLAS_EXAMPLE_DATA "/tiny-gpt2/tokenizer.json");
  std::string text;
  while (text.size() < 48 * mebibyte) text += "One word after another, ";
  const auto few = [&] {
    return words.encode_first(text, 1000).size() == 1000 &&
           io::text_blocks(words, text, 4, 250).size() == 1000;
  };
  CHECK(child_with(24 * mebibyte, few) == 0);
}

TEST_CASE("links in a folder are followed, and what is no file is refused without waiting for it") {
  const temporary_folder folder;
  const fs::path real = ATLAS_TEST_DATA "/gguf/llama/model.safetensors";
  const auto tensors = io::checkpoint::open(real);
  nlohmann::json index;
  for (const std::string& name : tensors.names()) index["weight_map"][name] = "a.safetensors";
  folder.write("model.safetensors.index.json", index.dump());
  // As a cache of downloads has it: a link to a file elsewhere.
  fs::create_symlink(fs::absolute(real), folder / "a.safetensors");
  CHECK(io::checkpoint::open(folder.path()).names() == tensors.names());

  const auto refused = [&](const std::string& part) {
    const std::string message =
        message_of<atlas::format_error>([&] { (void)io::checkpoint::open(folder.path()); });
    CAPTURE(message);
    CHECK(contains(message, part));
  };
  fs::remove(folder / "a.safetensors");
  fs::create_symlink(folder / "a.safetensors", folder / "a.safetensors");
  refused("nothing at this path");
  fs::remove(folder / "a.safetensors");
  fs::create_symlink("/dev/zero", folder / "a.safetensors");
  refused("something else");
  fs::remove(folder / "a.safetensors");
  REQUIRE(mkfifo((folder / "a.safetensors").c_str(), 0600) == 0);
  refused("something else");
}

TEST_CASE("an index names shards of its own folder alone, however it is written") {
  for (const char* shard : {"../model.safetensors", "/etc/passwd", "a/../../b", "..", "a\\..\\b",
                            "C:\\x", "", "./../x", "a/./../../../b"}) {
    const temporary_folder folder;
    const nlohmann::json index = {{"weight_map", {{"w", shard}}}};
    folder.write("model.safetensors.index.json", index.dump());
    CAPTURE(shard);
    CHECK(contains(
        message_of<atlas::format_error>([&] { (void)io::checkpoint::open(folder.path()); }),
        "shards inside the checkpoint's folder"));
  }
}

TEST_CASE("names from a result are text in a page, its tables and its specifications") {
  const temporary_folder folder;
  const auto file = folder.write("study.json", study_of(evil_names).dump());
  const auto report = report_of(file);
  REQUIRE(!report.figures.empty());
  const std::string html = atlas_program::page_html(report);
  for (const char* live : {"<script>alert", "<img", "\xE2\x80\xAE", "\xE2\x80\xA8", "\xE2\x80\xA9",
                           "\x1B", "--><!--", "\\u202e", "\\u2028"}) {
    CAPTURE(live);
    CHECK(!contains(html, live));
  }
  CHECK(contains(html, "{{title}}"));  // a template's words are not filled in
  CHECK(contains(html, "&lt;/script&gt;&lt;script&gt;alert(1)"));
  std::string tables;
  for (const auto& f : report.figures) tables += atlas_program::csv_of(f.numbers);
  CHECK(contains(tables, "\"'=HYPERLINK"));
  CHECK(contains(tables, "'@SUM(A1)"));
  CHECK(contains(tables, "'+cmd|"));
  for (const char* formula : {",=", ",@", ",+", "\n=", "\n@", "\n+", ",\"=", ",\"@", ",\"+"}) {
    CAPTURE(formula);
    CHECK(!contains(tables, formula));
  }
}

TEST_CASE("fields of CSV are numbers, or texts that are no formulas") {
  const std::vector<std::pair<std::string, std::string>> cases = {{"-1.5e-3", "-1.5e-3"},
                                                                  {"+2", "+2"},
                                                                  {"-1-1", "'-1-1"},
                                                                  {"=1", "'=1"},
                                                                  {"-", "'-"},
                                                                  {"-x,y", "\"'-x,y\""},
                                                                  {"a=b", "a=b"},
                                                                  {"", ""},
                                                                  {"\t=1", "'\t=1"},
                                                                  {"\r", "\"'\r\""},
                                                                  {"a\"b", "\"a\"\"b\""}};
  for (const auto& [text, field] : cases) CHECK(atlas_program::csv_field(text) == field);
}
