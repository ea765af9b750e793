// SPDX-License-Identifier: MIT
#include "atlas/io/checkpoint.hpp"

#include <string>
#include <vector>

#include "../catch.hpp"
#include "files_for_tests.hpp"

using atlas::format_error;
using atlas::io::checkpoint;
using atlas::io::write_safetensors;
using atlas_test::temporary_folder;

namespace {

const std::vector<float> three_numbers = {1, 2, 3};

void write_tensor(const std::filesystem::path& file, const std::string& name) {
  write_safetensors(file,
                    {{name, atlas::io::dtype::f32, {3}, std::as_bytes(std::span(three_numbers))}});
}

void refused_index(const std::string& index_text, const std::string& part,
                   const std::string& other) {
  const temporary_folder folder;
  write_tensor(folder / "one.safetensors", "a");
  folder.write("model.safetensors.index.json", index_text);
  CHECK_REFUSED(format_error, checkpoint::open(folder.path()), part, other);
}

std::string weight_map(const std::string& entries) {
  return R"({"weight_map":{)" + entries + "}}";
}

}  // namespace

TEST_CASE("a folder with one file", "[io][checkpoint]") {
  const temporary_folder folder;
  write_tensor(folder / "model.safetensors", "a");
  for (const auto& path : {folder.path(), folder / "model.safetensors"}) {
    const auto all = checkpoint::open(path);
    CHECK(all.names() == std::vector<std::string>{"a"});
    CHECK(all.contains("a"));
    CHECK_FALSE(all.contains("b"));
    CHECK(all.at("a").extents == std::vector<atlas::index_t>{3});
    CHECK(all.read<double, 1>("a")(2) == 3);
    CHECK_REFUSED(format_error, all.at("b"), folder.path().string(), "\"b\"");
    CHECK_REFUSED(atlas::shape_error, (all.read<float, 1>("a", {4})), "model.safetensors", "[4]");
  }
}

TEST_CASE("a folder with shards", "[io][checkpoint]") {
  const temporary_folder folder;
  std::filesystem::create_directories(folder / "more");
  write_tensor(folder / "one.safetensors", "a");
  write_tensor(folder / "more" / "two.safetensors", "b");
  folder.write("model.safetensors.index.json",
               R"({"metadata":{"total_size":24},)" +
                   weight_map(R"("b":"more/two.safetensors","a":"one.safetensors")").substr(1));
  const auto all = checkpoint::open(folder.path());
  CHECK(all.names() == std::vector<std::string>{"a", "b"});
  CHECK(all.read<float, 1>("b", {3})(0) == 1);
  CHECK(all.read<int, 1>("a")(1) == 2);
}

TEST_CASE("a checkpoint in memory", "[io][checkpoint]") {
  const temporary_folder folder;
  write_tensor(folder / "x", "a");
  const std::string bytes = atlas::io::read_text(folder / "x");
  const auto all = checkpoint::from_memory(atlas_test::bytes_of(bytes), "embedded");
  CHECK(all.read<float, 1>("a")(1) == 2);
  CHECK_REFUSED(format_error, all.at("b"), "embedded", "\"b\"");
  CHECK_REFUSED(format_error, checkpoint::from_memory({}, "embedded"), "embedded", "8 bytes");
}

TEST_CASE("folders that make no checkpoint are refused", "[io][checkpoint]") {
  const temporary_folder folder;
  CHECK_REFUSED(format_error, checkpoint::open(folder.path()), folder.path().string(),
                "model.safetensors");
  CHECK_REFUSED(format_error, checkpoint::open(folder / "none"), "none", "nothing at this path");
}

TEST_CASE("broken indexes are refused", "[io][checkpoint]") {
  refused_index("{", "index.json", "JSON");
  refused_index("[]", "index.json", "an object");
  refused_index(weight_map(R"("a":"one.safetensors")") + std::string("\0 {", 3), "index.json",
                "NUL");
  refused_index("{}", "index.json", "weight_map");
  refused_index(R"({"weight_map":[]})", "index.json", "weight_map");
  refused_index(weight_map(""), "index.json", "weight_map");
  refused_index(weight_map(R"("a":1)"), "tensor \"a\"", "number");
  refused_index(weight_map(R"("a":"one.safetensors","a":"x")"), "index.json", "each key once");
  refused_index(weight_map(R"("a":"two.safetensors")"), "two.safetensors", "nothing at this path");
  refused_index(weight_map(R"("b":"one.safetensors")"), "one.safetensors", "tensor \"b\"");
  for (const std::string shard : {"", "../one.safetensors", "x/../../one.safetensors",
                                  "/one.safetensors", "..\\\\one.safetensors", "a\\u0000b"})
    refused_index(weight_map("\"a\":\"" + shard + "\""), "tensor \"a\"", "inside the checkpoint");
}
