#include "atlas/io/model.hpp"

#include <Eigen/Core>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "files_for_tests.hpp"

using namespace atlas_test;
namespace io = atlas::io;

namespace {

const std::string micro = std::string(ATLAS_TEST_DATA) + "/micro-llama";
const std::string tiny = std::string(ATLAS_EXAMPLE_DATA) + "/tiny-gpt2";

/// Values of all parameters, one after the other.
std::vector<float> values_of(const atlas::transformer& model) {
  std::vector<float> all;
  model.for_each_parameter([&](const auto&, const auto&, auto values) {
    all.insert(all.end(), values.begin(), values.end());
  });
  return all;
}

/// A copy of the micro model whose tensors pass through `change(name, values)` and are stored as
/// `Stored` in `shards` files.
template <class Stored>
void write_copy(const temporary_folder& folder, std::size_t shards, const std::string& strip = "") {
  std::filesystem::copy(micro + "/config.json", folder / "config.json");
  const auto source = io::checkpoint::open(micro);
  std::vector<std::vector<Stored>> memory;
  std::vector<std::vector<io::tensor_entry>> files(shards);
  nlohmann::json map;
  for (const std::string& name : source.names()) {
    const auto& entry = source.at(name);
    const auto* values = reinterpret_cast<const float*>(entry.bytes.data());
    memory.emplace_back(values, values + entry.bytes.size() / sizeof(float));
    const std::size_t shard = memory.size() % shards;
    const std::string stored = name.starts_with(strip) ? name.substr(strip.size()) : name;
    files[shard].push_back({stored, sizeof(Stored) == 4 ? io::dtype::f32 : io::dtype::bf16,
                            entry.extents, std::as_bytes(std::span(memory.back()))});
    map["weight_map"][stored] = "part-" + std::to_string(shard) + ".safetensors";
  }
  if (shards == 1) return io::write_safetensors(folder / "model.safetensors", files[0]);
  for (std::size_t s = 0; s < shards; ++s)
    io::write_safetensors(folder / ("part-" + std::to_string(s) + ".safetensors"), files[s]);
  folder.write("model.safetensors.index.json", map.dump());
}

}  // namespace

TEST_CASE("shards and names without a prefix give the same model") {
  const auto wanted = values_of(io::open_transformer(micro));
  const temporary_folder sharded, bare;
  write_copy<float>(sharded, 3);
  CHECK(values_of(io::open_transformer(sharded.path())) == wanted);
  write_copy<float>(bare, 1, "model.");
  CHECK(values_of(io::open_transformer(bare.path())) == wanted);
}

TEST_CASE("bfloat16 weights are widened") {
  const temporary_folder folder;
  write_copy<Eigen::bfloat16>(folder, 1);
  const auto wanted = values_of(io::open_transformer(micro)),
             got = values_of(io::open_transformer(folder.path()));
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); i += 97)
    CHECK(got[i] == static_cast<float>(static_cast<Eigen::bfloat16>(wanted[i])));
}

TEST_CASE("a model in memory is the one in the folder") {
  const std::string config = io::read_text(tiny + "/config.json"),
                    words = io::read_text(tiny + "/tokenizer.json"),
                    tensors = io::read_text(tiny + "/model.safetensors");
  const auto lm = io::model_from_memory({config, words, bytes_of(tensors)}, "embedded");
  CHECK(values_of(lm.model) == values_of(io::open_transformer(tiny)));
  CHECK(lm.tokenizer.vocabulary_size() == 2048);
  CHECK_REFUSED(atlas::format_error,
                (io::model_from_memory({config, "{}", bytes_of(tensors)}, "embedded")),
                "embedded/tokenizer.json", "pre_tokenizer");
}

TEST_CASE("blocks of a text are its first tokens") {
  const auto words = io::tokenizer::open(tiny + "/tokenizer.json");
  const std::string text = "Call me Ishmael. Some years ago, never mind how long precisely.";
  const auto ids = words.encode(text);
  const auto blocks = io::text_blocks(words, text, 2, 5);
  for (atlas::index_t i = 0; i < 10; ++i)
    CHECK(blocks(i / 5, i % 5) == ids[static_cast<std::size_t>(i)]);
  CHECK(io::text_blocks(words, text, 0, 5).extent(0) ==
        static_cast<atlas::index_t>(ids.size()) / 5);
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, "", 1, 5), "text", "empty");
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, text, 0, 5000), "text", "5000 tokens");
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, text, 99, 5), "495 tokens", "99 blocks");
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, text, 1, 0), "block_size", "0");
}

TEST_CASE("folders that hold no model are refused") {
  const temporary_folder folder;
  CHECK_REFUSED(atlas::format_error, io::open_model(folder / "nowhere"), "nowhere",
                "nothing there");
  folder.write("file", "x");
  CHECK_REFUSED(atlas::format_error, io::open_model(folder / "file"), "file", "a file");
  CHECK_REFUSED(atlas::error, io::open_model(folder.path()), "config.json", "file");
  folder.write("config.json", io::read_text(micro + "/config.json"));
  CHECK_REFUSED(atlas::format_error, io::open_transformer(folder.path()), "model.safetensors",
                "neither");
}
