// SPDX-License-Identifier: MIT
/// \file
/// Models whose weights stay as they are stored, beside the same models with floats of their own.

#include <Eigen/Core>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/safetensors.hpp"
#include "atlas/reference/gradients.hpp"
#include "files_for_tests.hpp"
#include "gguf_for_tests.hpp"

namespace stored_weights_tests {

using namespace atlas_test;
namespace io = atlas::io;
using atlas::index_t;

namespace {

std::string test_model(const std::string& name) {
  return std::string(ATLAS_TEST_DATA) + "/" + name;
}

atlas::owned_tensor<index_t, 2> blocks_of(const atlas::transformer& model, index_t count,
                                          index_t size) {
  atlas::owned_tensor<index_t, 2> blocks({count, size});
  atlas::random_stream random(3);
  for (index_t i = 0; i < blocks.size(); ++i)
    blocks.mutable_view().data()[i] = random.uniform_index(model.config().vocabulary);
  return blocks;
}

/// The bits of all logits.
std::vector<std::uint32_t> logit_bits(const atlas::transformer& model, index_t count, index_t size,
                                      int threads) {
  std::vector<std::uint32_t> bits;
  const auto look = [&](index_t, const atlas::tensor_view<const float, 2>& rows) {
    for (index_t i = 0; i < rows.size(); ++i)
      bits.push_back(std::bit_cast<std::uint32_t>(rows.data()[i]));
  };
  model.forward(blocks_of(model, count, size), {.logits_observer = look, .threads = threads});
  return bits;
}

/// The bits of the gradients of all parameters.
std::vector<std::uint32_t> gradient_bits(const atlas::transformer& model, int threads) {
  std::vector<std::uint32_t> bits;
  const auto result = atlas::loss_gradients(model, blocks_of(model, 2, 15), {.threads = threads});
  for (const atlas::parameter& p : result.gradients)
    for (const float x : p.values) bits.push_back(std::bit_cast<std::uint32_t>(x));
  return bits;
}

/// The model with all weights as floats of its own.
atlas::transformer widened(atlas::transformer model) {
  model.for_each_parameter([](const auto&, const auto&, std::span<float>) {});
  for (const atlas::parameter& p : model.weights().parameters) CHECK_FALSE(p.stored);
  return model;
}

/// Positions of one row more than tiles have, a row alone, and several blocks.
void check_same_bits(const atlas::transformer& stored) {
  const atlas::transformer own = widened(stored);
  for (const auto& [count, size] : {std::pair<index_t, index_t>{5, 13}, {1, 1}, {3, 7}}) {
    const auto wanted = logit_bits(own, count, size, 1);
    for (const int threads : {1, 2, 5}) CHECK(logit_bits(stored, count, size, threads) == wanted);
  }
  const auto wanted = gradient_bits(own, 1);
  for (const int threads : {1, 3}) CHECK(gradient_bits(stored, threads) == wanted);
}

/// The tensors of a test model as they are to be written.
struct changed_weights {
  std::vector<std::string> names;
  std::vector<std::vector<index_t>> extents;
  std::vector<std::vector<float>> values;

  explicit changed_weights(const std::string& model) {
    io::open_transformer(test_model(model))
        .for_each_parameter([&](const auto& name, const auto& its_extents, const auto& its_values) {
          names.push_back(name);
          extents.push_back(its_extents);
          values.emplace_back(its_values.begin(), its_values.end());
        });
  }
  std::vector<float>& of(const std::string& name) {
    for (std::size_t k = 0; k < names.size(); ++k)
      if (names[k] == name) return values[k];
    throw std::runtime_error(name);
  }
  template <class Stored>
  void write(const std::filesystem::path& file) const {
    std::vector<std::vector<Stored>> memory;
    std::vector<io::tensor_entry> entries;
    for (const auto& x : values) memory.emplace_back(x.begin(), x.end());
    for (std::size_t k = 0; k < names.size(); ++k)
      entries.push_back(
          {names[k], io::dtype_of<Stored>(), extents[k], std::as_bytes(std::span(memory[k]))});
    io::write_safetensors(file, entries);
  }
};

atlas::transformer opened(const std::string& like, const std::filesystem::path& file) {
  return io::read_transformer(io::open_transformer_config(test_model(like)),
                              io::checkpoint::open(file));
}

template <class Stored>
void check_stored_as(const std::string& model) {
  CAPTURE(model, io::dtype_name(io::dtype_of<Stored>()));
  const temporary_folder folder;
  changed_weights(model).write<Stored>(folder / "x.safetensors");
  const auto mapped = opened(model, folder / "x.safetensors");
  for (const atlas::parameter& p : mapped.weights().parameters) CHECK(p.stored);
  check_same_bits(mapped);
  // The mapping lives as long as the model; from memory, the bytes are copied.
  std::string bytes = io::read_text(folder / "x.safetensors");
  const auto in_memory =
      io::read_transformer(io::open_transformer_config(test_model(model)),
                           io::checkpoint::from_memory(bytes_of(bytes), "x.safetensors"));
  bytes.assign(bytes.size(), '\xff');
#ifdef __linux__
  std::filesystem::remove(folder / "x.safetensors");
#endif
  CHECK(logit_bits(in_memory, 3, 7, 2) == logit_bits(mapped, 3, 7, 1));
}

#if defined(__linux__) && !defined(ATLAS_SANITIZED)  // sanitizers take memory themselves
/// Memory of the process that is no file's, in MB.
long anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stol(line.substr(8)) / 1024;
  return -1;
}
#endif

}  // namespace

TEST_CASE("stored weights give the bits of the same weights as floats", "[io]") {
  for (const std::string model : {"micro-llama", "micro-gpt2", "micro-qwen2"}) {
    check_stored_as<float>(model);
    check_stored_as<double>(model);
    check_stored_as<Eigen::half>(model);
    check_stored_as<Eigen::bfloat16>(model);
  }
  for (const char* file : {"llama.gguf", "llama-biased.gguf", "qwen2.gguf", "gpt2.gguf"}) {
    CAPTURE(file);
    const auto stored = io::open_transformer(gguf_data(file));
    const auto own = widened(stored);
    for (const int threads : {1, 3})
      CHECK(logit_bits(stored, 3, 9, threads) == logit_bits(own, 3, 9, 1));
    CHECK(gradient_bits(stored, 2) == gradient_bits(own, 1));
  }
}

TEST_CASE("products with quantized blocks give the bits of their floats", "[io][gguf]") {
  using namespace atlas::detail;
  using atlas::row_matrix;
  const auto file = io::gguf::open(gguf_data("blocks.gguf"));
  const row_matrix<float> rows = row_matrix<float>::Random(70, 256), few = rows.leftCols(2);
  for (const std::string& name : file.names()) {
    CAPTURE(name);
    const std::vector<index_t> extents = file.at(name).extents;
    atlas::parameter stored{name, extents, {}, io::detail::gguf_values(file, name, extents)};
    atlas::parameter own = stored;
    const std::vector<float>& values = owned_values(own);
    const auto exact = file.read<2>(name);
    CHECK(std::memcmp(values.data(), exact.data(), values.size() * sizeof(float)) == 0);
    tile_memory memory;
    for (const bool input_major : {false, true}) {
      row_matrix<float> got(70, input_major ? 256 : 2), wanted = got;
      const auto& x = input_major ? few : rows;
      apply_linear<float>(x, weight_matrix<float>(stored, memory), input_major, nullptr,
                          product::assign, {2}, got);
      apply_linear<float>(x, weight_matrix<float>(own, memory), input_major, nullptr,
                          product::assign, {1}, wanted);
      CHECK(got == wanted);
    }
  }
}

TEST_CASE("a single row gives the same bits however far the rows of a matrix are apart", "[io]") {
  using namespace atlas::detail;
  using atlas::row_matrix;
  const row_matrix<float> weights = row_matrix<float>::Random(300, 8200);
  const row_matrix<float> x = row_matrix<float>::Random(1, 300);
  atlas::parameter own{"w", {300, 8200}, {weights.data(), weights.data() + weights.size()}};
  std::string bytes(1 + 4 * own.values.size(), '\0');  // not aligned, so that it is widened
  std::memcpy(bytes.data() + 1, own.values.data(), bytes.size() - 1);
  atlas::parameter stored{"w", {300, 8200}, {}};
  stored.stored =
      io::detail::stored_tensor("w", stored.extents, io::detail::format_of(io::dtype::f32),
                                bytes_of(bytes).subspan(1), std::make_shared<int>());
  REQUIRE(stored.stored->floats() == nullptr);
  tile_memory memory;
  row_matrix<float> got(1, 8200), wanted(1, 8200);
  apply_linear<float>(x, weight_matrix<float>(stored, memory), true, nullptr, product::assign, {1},
                      got);
  apply_linear<float>(x, weight_matrix<float>(own, memory), true, nullptr, product::assign, {1},
                      wanted);
  CHECK(got == wanted);
}

TEST_CASE("any tile of a stored matrix is that part of it", "[io][gguf]") {
  atlas::random_stream random(4);
  const auto check_tiles = [&](const atlas::stored_weight& w) {
    CAPTURE(w.place());
    const std::vector<float> all = atlas::detail::read_whole(w);
    for (int i = 0; i < 40; ++i) {
      atlas::weight_tile t;
      t.row = random.uniform_index(w.rows());
      t.rows = 1 + random.uniform_index(w.rows() - t.row);
      t.column = random.uniform_index(w.columns());
      t.columns = 1 + random.uniform_index(w.columns() - t.column);
      std::vector<float> tile(static_cast<std::size_t>(t.rows * t.columns));
      w.read(t, tile.data());
      bool same = true;
      for (index_t r = 0; r < t.rows; ++r)
        for (index_t c = 0; c < t.columns; ++c)
          same =
              same && tile[static_cast<std::size_t>(r * t.columns + c)] ==
                          all[static_cast<std::size_t>((t.row + r) * w.columns() + t.column + c)];
      CHECK(same);
    }
  };
  for (const char* file : {"llama.gguf", "llama-biased.gguf", "gpt2.gguf"}) {
    const atlas::transformer model = io::open_transformer(gguf_data(file));
    for (const atlas::parameter& p : model.weights().parameters) check_tiles(*p.stored);
  }
  const auto blocks = io::gguf::open(gguf_data("blocks.gguf"));
  for (const std::string& name : blocks.names())
    check_tiles(*io::detail::gguf_values(blocks, name, blocks.at(name).extents));
}

TEST_CASE("half precision is widened exactly", "[io]") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto word = static_cast<std::uint16_t>(bits);
    const std::string bytes = little_bytes(word);
    const float got = io::detail::half_at(bytes_of(bytes).data());
    const float wanted = static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(word));
    const bool same = std::isnan(wanted) ? std::isnan(got)
                                         : std::bit_cast<std::uint32_t>(got) ==
                                               std::bit_cast<std::uint32_t>(wanted);
    wrong += same ? 0 : 1;
    const float upper = io::detail::bfloat_at(bytes_of(bytes).data());
    wrong += std::bit_cast<std::uint32_t>(upper) == bits << 16 ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("floats of a file are used where they lie, if they are aligned", "[io]") {
  const auto source = io::checkpoint::open(test_model("micro-llama"));
  const temporary_folder folder;
  changed_weights("micro-llama").write<float>(folder / "even.safetensors");
  // One space more behind the header moves all tensors by a byte.
  std::string bytes = io::read_text(folder / "even.safetensors");
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes.insert(8 + static_cast<std::size_t>(header), " ");
  bytes.replace(0, 8, little_bytes(header + 1));
  folder.write("odd.safetensors", bytes);
  const auto even = opened("micro-llama", folder / "even.safetensors");
  const auto odd = opened("micro-llama", folder / "odd.safetensors");
  if (std::endian::native == std::endian::little)
    CHECK(even.weights().parameters[0].stored->floats() != nullptr);
  CHECK(odd.weights().parameters[0].stored->floats() == nullptr);
  CHECK(logit_bits(odd, 3, 11, 2) == logit_bits(even, 3, 11, 1));
  // Without its last byte, a file is not opened.
  bytes.pop_back();
  folder.write("short.safetensors", bytes);
  CHECK_REFUSED(atlas::format_error, opened("micro-llama", folder / "short.safetensors"),
                "short.safetensors", "bytes");
}

TEST_CASE("a weight that is not finite is an error where it is used, and only there", "[io]") {
  const auto after = [](const std::string& tensor, std::size_t place) {
    changed_weights weights("micro-llama");
    weights.of(tensor)[place] = std::numeric_limits<float>::quiet_NaN();
    return weights;
  };
  const auto used = [](const changed_weights& weights, const auto& use) {
    for (const int type : {0, 1}) {
      const temporary_folder folder;
      if (type == 0)
        weights.write<float>(folder / "x.safetensors");
      else
        weights.write<Eigen::half>(folder / "x.safetensors");
      use(opened("micro-llama", folder / "x.safetensors"));
    }
  };
  const auto observe_first = [](const atlas::transformer& model) {
    model.forward(blocks_of(model, 2, 8),
                  {.observed_layers = {0}, .observer = [](const atlas::head_capture&) {}});
  };
  const std::string deep = "model.layers.1.mlp.down_proj.weight";
  used(after(deep, 70), [&](const atlas::transformer& model) {
    CHECK_NOTHROW(observe_first(model));
    const index_t columns = model.config().mlp_dimension;
    const std::string place =
        "[" + std::to_string(70 / columns) + ", " + std::to_string(70 % columns) + "]";
    for (const int threads : {1, 3})
      CHECK_REFUSED(atlas::value_error, logit_bits(model, 2, 8, threads), "tensor \"" + deep + "\"",
                    "NaN at " + place);
    CHECK_REFUSED(atlas::value_error, gradient_bits(model, 2), deep, place);
    CHECK_REFUSED(atlas::value_error, widened(model), deep, place);
  });
  used(after("model.layers.1.input_layernorm.weight", 5), [&](const atlas::transformer& model) {
    CHECK_NOTHROW(observe_first(model));
    CHECK_REFUSED(atlas::value_error, logit_bits(model, 2, 8, 1), "layers.1.input_layernorm",
                  "NaN at [5]");
  });
  used(after("model.layers.1.self_attn.o_proj.weight", 0), [](const atlas::transformer& model) {
    CHECK_NOTHROW(model.output_projection(0));
    CHECK_REFUSED(atlas::value_error, model.output_projection(1), "o_proj", "[0, 0]");
  });
  // Of the embedding, rows of tokens that occur.
  const auto d = static_cast<std::size_t>(
      io::open_transformer_config(test_model("micro-llama")).model_dimension);
  used(after("model.embed_tokens.weight", 9 * d + 2), [&](const atlas::transformer& model) {
    atlas::owned_tensor<index_t, 2> block({1, 4});
    const atlas::forward_options look{.observed_layers = {0},
                                      .observer = [](const atlas::head_capture&) {}};
    CHECK_NOTHROW(model.forward(block, look));
    block.mutable_view()(0, 3) = 9;
    CHECK_REFUSED(atlas::value_error, model.forward(block, look), "embed_tokens", "[9, 2]");
  });
}

TEST_CASE("changing a stored tensor makes it the model's own, and no other", "[io]") {
  auto model = io::open_transformer(test_model("micro-gpt2"));
  const atlas::transformer before = model;
  model.for_each_parameter([](const std::string& name, const auto&, const auto& values) {
    if (name == "transformer.ln_f.bias") values[0] += 1;
  });
  index_t own = 0;
  for (const atlas::parameter& p : model.weights().parameters) own += p.stored ? 0 : 1;
  CHECK(own == 1);
  CHECK(logit_bits(model, 2, 9, 1) != logit_bits(before, 2, 9, 1));
  CHECK(logit_bits(before, 2, 9, 1) ==
        logit_bits(io::open_transformer(test_model("micro-gpt2")), 2, 9, 1));
}

#if defined(__linux__) && !defined(ATLAS_SANITIZED)  // sanitizers take memory themselves
TEST_CASE("a model of a large file takes little memory of its own", "[io]") {
  // 6 layers of 25 M weights in F16, 300 MB of zeros that the disk does not hold.
  atlas::transformer_config c = atlas::llama_config();
  c.layers = 6;
  c.model_dimension = 1024;
  c.heads = c.key_value_heads = 8;
  c.head_dimension = 64;
  c.mlp_dimension = 7680;
  c.vocabulary = 100;
  c.positions = 64;
  std::string header = "{";
  std::uint64_t at = 0;
  (void)atlas::transformer(c, [&](const std::string& name, const std::vector<index_t>& extents) {
    const auto count = static_cast<std::uint64_t>(atlas::detail::element_count(extents));
    header += "\"" + name + "\":{\"dtype\":\"F16\",\"shape\":" + nlohmann::json(extents).dump() +
              ",\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(at + 2 * count) +
              "]},";
    at += 2 * count;
    return io::detail::stored_tensor(name, extents, {}, {}, std::make_shared<int>());
  });
  header.back() = '}';
  const temporary_folder folder;
  const auto file =
      folder.write("x.safetensors", little_bytes<std::uint64_t>(header.size()) + header);
  std::filesystem::resize_file(file, 8 + header.size() + at);
  CHECK(at > 290'000'000);
  const long before = anonymous_memory();
  const auto model = io::read_transformer(c, io::checkpoint::open(file));
  CHECK(anonymous_memory() - before < 4);
  const auto bits = logit_bits(model, 1, 4, 2);
  CHECK(bits.size() == 400);
  CHECK(anonymous_memory() - before < 64);
}
#endif

}  // namespace stored_weights_tests
