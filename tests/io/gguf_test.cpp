// SPDX-License-Identifier: MIT
#include "atlas/io/gguf.hpp"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/safetensors.hpp"
#include "files_for_tests.hpp"
#include "gguf_for_tests.hpp"

namespace gguf_file_tests {

using namespace atlas_test;
namespace io = atlas::io;

namespace {

io::gguf opened(const std::string& bytes) {
  return io::gguf::from_memory(bytes_of(bytes), "x.gguf");
}

void refused_file(const std::string& bytes, const char* part, const char* other) {
  CHECK_REFUSED(atlas::format_error, opened(bytes), part, other);
}
void refused_file(const gguf_for_tests& file, const char* part, const char* other) {
  refused_file(file.bytes(), part, other);
}

/// Two matrices of floats, [2, 3] and [1, 8].
gguf_for_tests small_file() {
  gguf_for_tests file;
  file.key("general.architecture") = gguf_text("none");
  std::string six, eight;
  for (int i = 0; i < 6; ++i) six += little_bytes(static_cast<float>(i));
  for (int i = 0; i < 8; ++i) eight += little_bytes(static_cast<float>(10 + i));
  file.tensors = {{"six", {3, 2}, 0, six, -1}, {"eight", {8, 1}, 0, eight, -1}};
  return file;
}

const char* const block_types[] = {"F32",  "F16",  "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1",
                                   "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"};

}  // namespace

TEST_CASE("weights of all types that are read have the bits of ggml's own package", "[io][gguf]") {
  const auto file = io::gguf::open(gguf_data("blocks.gguf"));
  const auto expected = io::safetensors::open(gguf_data("blocks.safetensors"));
  REQUIRE(file.names() == expected.names());
  REQUIRE(file.names().size() == std::size(block_types));
  for (const std::string name : block_types) {
    INFO(name);
    const auto weights = file.read<2>(name);
    const auto wanted = expected.read<float, 2>(name, {2, 256});
    REQUIRE(weights.extents() == wanted.extents());
    CHECK(std::memcmp(weights.data(), wanted.data(), 512 * sizeof(float)) == 0);
    const auto second = file.read_rows(name, 1, 1);
    REQUIRE(second.extents() == atlas::shape<2>{1, 256});
    CHECK(std::memcmp(second.data(), wanted.data() + 256, 256 * sizeof(float)) == 0);
  }
}

TEST_CASE("rows of a matrix are read alone", "[io][gguf]") {
  const std::string bytes = small_file().bytes();
  const auto file = opened(bytes);
  CHECK(file.version() == 3);
  CHECK(file.name() == "x.gguf");
  CHECK(file.contains("six"));
  CHECK_FALSE(file.contains("seven"));
  CHECK(file.place_of("six") == "x.gguf: tensor \"six\"");
  const auto whole = file.read<2>("six", {2, 3});
  CHECK(whole(1, 2) == 5);
  CHECK(file.read_rows("six", 1, 1)(0, 0) == 3);
  CHECK(file.read_rows("six", 2, 0).empty());
  CHECK_REFUSED(atlas::value_error, file.read_rows("six", 3, 0), "first", "3");
  CHECK_REFUSED(atlas::value_error, file.read_rows("six", 1, 2), "count", "2");
  CHECK_REFUSED(atlas::shape_error, file.read<1>("six"), "\"six\"", "1 dimensions");
  CHECK_REFUSED(atlas::shape_error, (file.read<2>("six", {3, 2})), "\"six\"", "[3, 2]");
  CHECK_REFUSED(atlas::format_error, file.read<2>("seven"), "x.gguf", "\"seven\"");
}

TEST_CASE("metadata of all types are read, and arrays where they lie", "[io][gguf]") {
  gguf_for_tests file;
  const auto number = [](std::uint32_t type, auto x) {
    return little_bytes(type) + little_bytes(x);
  };
  file.key("u8") = number(0, std::uint8_t{200});
  file.key("i8") = number(1, std::int8_t{-100});
  file.key("u16") = number(2, std::uint16_t{60000});
  file.key("i16") = number(3, std::int16_t{-30000});
  file.key("u32") = gguf_u32(4000000000U);
  file.key("i32") = number(5, std::int32_t{-2000000000});
  file.key("f32") = gguf_f32(0.1F);
  file.key("true") = gguf_flag(1);
  file.key("false") = gguf_flag(0);
  file.key("text") = gguf_text("κόσμε");
  file.key("u64") = number(10, (std::numeric_limits<std::uint64_t>::max)());
  file.key("i64") = number(11, (std::numeric_limits<std::int64_t>::min)());
  file.key("f64") = number(12, 0.1);
  file.key("texts") = gguf_texts({"one", "", "three"});
  file.key("numbers") = gguf_i32s({-1, 7});
  for (const std::uint32_t version : {2U, 3U}) {
    file.version = version;
    const std::string bytes = file.bytes();
    const auto read = opened(bytes);
    const auto& values = read.metadata();
    CHECK(read.version() == version);
    CHECK(values.at("u8").whole() == 200);
    CHECK(values.at("i8").whole() == -100);
    CHECK(values.at("u16").whole() == 60000);
    CHECK(values.at("i16").whole() == -30000);
    CHECK(values.at("u32").whole() == 4000000000);
    CHECK(values.at("i32").whole() == -2000000000);
    CHECK(values.at("i64").whole() == (std::numeric_limits<std::int64_t>::min)());
    CHECK_FALSE(values.at("u64").whole());  // more than 63 bits
    CHECK(values.at("u64").number() == 18446744073709551616.0);
    CHECK(values.at("f32").number() == static_cast<double>(0.1F));
    CHECK(values.at("f64").number() == 0.1);
    CHECK(values.at("true").flag() == true);
    CHECK(values.at("false").flag() == false);
    CHECK(values.at("text").text() == "κόσμε");
    CHECK_FALSE(values.at("text").number());
    CHECK_FALSE(values.at("true").whole());
    CHECK_FALSE(values.at("texts").text());
    std::vector<std::string> texts;
    values.at("texts").for_each([&]<class Value>(const Value& x) {
      if constexpr (std::is_same_v<Value, std::string_view>) texts.emplace_back(x);
    });
    CHECK(texts == std::vector<std::string>{"one", "", "three"});
    std::vector<std::int64_t> numbers;
    values.at("numbers").for_each([&]<class Value>(const Value& x) {
      if constexpr (std::is_same_v<Value, std::int64_t>) numbers.push_back(x);
    });
    CHECK(numbers == std::vector<std::int64_t>{-1, 7});
  }
}

TEST_CASE("tensors lie at multiples of the alignment that the file names", "[io][gguf]") {
  gguf_for_tests file = small_file();
  file.alignment = 64;
  file.key("general.alignment") = gguf_u32(64);
  const std::string bytes = file.bytes();
  CHECK(opened(bytes).read<2>("eight")(0, 7) == 17);
  file.key("general.alignment") = gguf_u32(12);
  refused_file(file, "general.alignment", "12");
  file.key("general.alignment") = gguf_u32(0);
  refused_file(file, "general.alignment", "multiple of 8");
  file.key("general.alignment") = gguf_text("32");
  refused_file(file, "general.alignment", "STRING");
  file.key("general.alignment") = gguf_array(4, 1, little_bytes(32U));
  refused_file(file, "general.alignment", "ARRAY of UINT32");
  file.key("general.alignment") = gguf_u32(128);
  refused_file(file, "\"eight\"", "a multiple of 128");
}

TEST_CASE("another format, byte order or version of GGUF is refused by name", "[io][gguf]") {
  gguf_for_tests file = small_file();
  for (const std::uint32_t version : {0U, 1U, 4U}) {
    file.version = version;
    refused_file(file, "version 2 or 3", ("version " + std::to_string(version)).c_str());
  }
  file.version = 3U << 24;  // 3 with its highest byte first
  refused_file(file, "little-endian", "big-endian");
  file.magic = "GGJT";
  refused_file(file, "begins with GGUF", "GGJT");
  refused_file(std::string("GGU"), "4 bytes", "3 left");
  const temporary_folder folder;
  CHECK_REFUSED(atlas::format_error, io::gguf::open(folder / "none.gguf"), "none.gguf", "nothing");
  CHECK_REFUSED(atlas::format_error, io::gguf::open(folder.write("empty.gguf", "")), "empty.gguf",
                "0 bytes");
  CHECK_REFUSED(
      atlas::format_error,
      io::gguf::open(folder.write("lfs.gguf", "version https://git-lfs.github.com/spec/v1\n")),
      "lfs.gguf", "git lfs pull");
}

TEST_CASE("a file cut off anywhere is refused", "[io][gguf]") {
  gguf_for_tests file = small_file();
  file.key("texts") = gguf_texts({"one", "two"});
  file.key("flag") = gguf_flag(1);
  const std::string whole = file.bytes();
  // The last tensor fills its last bytes.
  REQUIRE(whole.size() % 32 == 0);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    const std::string cut = whole.substr(0, size);
    CHECK_THROWS_AS(opened(cut), atlas::format_error);
  }
  CHECK_NOTHROW(opened(whole + std::string(100, 'x')));
}

TEST_CASE("counts and lengths that the file has no room for are refused", "[io][gguf]") {
  gguf_for_tests file = small_file();
  for (const std::int64_t count :
       {std::int64_t{1} << 20, (std::numeric_limits<std::int64_t>::max)()}) {
    file = small_file();
    file.tensor_count = count;
    refused_file(file, "x.gguf: tensors", "at most");
    file = small_file();
    file.key_count = count;
    refused_file(file, "x.gguf: keys", "at most");
    file = small_file();
    file.key("array") = gguf_array(8, static_cast<std::uint64_t>(count), "");
    refused_file(file, "\"array\"", "at most");
    file.key("array") = gguf_array(12, static_cast<std::uint64_t>(count), "");
    refused_file(file, "\"array\"", "at most");
    file.key("array") = little_bytes(8U) + little_bytes(count);
    refused_file(file, "\"array\"", "left");
  }
  // A count that is too large by one finds something else in the place of the entry.
  file = small_file();
  file.key_count = 2;
  refused_file(file, "x.gguf", "expected");
}

TEST_CASE("a sparse file of 2 GB whose counts lie is refused before memory is taken",
          "[io][gguf]") {
  const temporary_folder folder;
  for (const bool tensors : {false, true}) {
    gguf_for_tests file;
    (tensors ? file.tensor_count : file.key_count) = 40'000'000;
    const auto path = folder.write("sparse.gguf", file.bytes());
    std::filesystem::resize_file(path, std::uintmax_t{2} << 30);
    CHECK_REFUSED(atlas::format_error, io::gguf::open(path), tensors ? "tensor 0" : "key 0",
                  "an empty one");
  }
  gguf_for_tests file;
  file.key("texts") = gguf_array(8, 100'000'000, little_bytes(std::uint64_t{1} << 40));
  const auto path = folder.write("sparse.gguf", file.bytes());
  std::filesystem::resize_file(path, std::uintmax_t{2} << 30);
  CHECK_REFUSED(atlas::format_error, io::gguf::open(path), "\"texts\"", "1099511627776 bytes");
}

TEST_CASE("malformed metadata are refused by the key", "[io][gguf]") {
  const auto with = [](const std::string& value) {
    gguf_for_tests file = small_file();
    file.key("bad") = value;
    return file;
  };
  refused_file(with(little_bytes(13U)), "\"bad\"", "13");
  refused_file(with(gguf_array(13, 0, "")), "\"bad\"", "13");
  refused_file(with(gguf_array(9, 1, gguf_i32s({1}))), "\"bad\"", "one of arrays");
  refused_file(with(gguf_flag(2)), "\"bad\"", "0 or 1");
  refused_file(with(gguf_array(7, 3, std::string("\0\1\3", 3))), "\"bad\"", "3");
  gguf_for_tests file = small_file();
  file.keys.emplace_back("general.architecture", gguf_text("twice"));
  refused_file(file, "each key once", "\"general.architecture\"");
  file = small_file();
  file.keys.emplace_back("", gguf_text("no name"));
  refused_file(file, "key 1", "empty");
  file = small_file();
  file.keys.emplace_back("k\xff", gguf_text("no name"));
  refused_file(file, "key 1", "malformed byte at 1");
}

TEST_CASE("malformed tensors are refused by their names", "[io][gguf]") {
  const auto with = [](auto&& change) {
    gguf_for_tests file = small_file();
    change(file.tensors[1]);
    return file;
  };
  using tensor = tensor_for_tests;
  refused_file(with([](tensor& t) { t.name = "six"; }), "\"six\"", "a second one");
  refused_file(with([](tensor& t) { t.name = ""; }), "tensor 1", "empty");
  refused_file(with([](tensor& t) { t.name = "\xc0"; }), "tensor 1", "UTF-8");
  refused_file(with([](tensor& t) { t.extents = {}; }), "\"eight\"", "1 to 4 dimensions");
  refused_file(with([](tensor& t) { t.extents = {1, 2, 2, 2, 1}; }), "\"eight\"", "got 5");
  refused_file(with([](tensor& t) {
                 t.extents = {8, std::uint64_t{1} << 63};
               }),
               "\"eight\"", "fit into 63 bits");
  refused_file(with([](tensor& t) {
                 t.extents = {1U << 31, 1U << 30, 4};
               }),
               "\"eight\"", "fits into 63 bits");
  // An extent of zero does not excuse the others.
  refused_file(with([](tensor& t) {
                 t.extents = {1U << 31, 1U << 30, 0, 4};
               }),
               "\"eight\"", "fits into 63 bits");
  refused_file(with([](tensor& t) { t.type = 42; }), "\"eight\"", "42");
  refused_file(with([](tensor& t) { t.type = 4; }), "\"eight\"", "Q4_2");
  refused_file(with([](tensor& t) { t.type = 31; }), "\"eight\"", "Q4_0_4_4");
  refused_file(with([](tensor& t) { t.type = 8; }), "\"eight\"",
               "a multiple of 32 weights for Q8_0");
  refused_file(with([](tensor& t) { t.type = 12; }), "\"eight\"",
               "a multiple of 256 weights for Q4_K");
  refused_file(with([](tensor& t) { t.offset = 4; }), "\"eight\"", "a multiple of 32");
  refused_file(with([](tensor& t) { t.offset = 0; }), "\"eight\"", "overlap");
  refused_file(with([](tensor& t) { t.offset = 64; }), "\"eight\"", "32 bytes at 64");
  refused_file(with([](tensor& t) { t.offset = (std::numeric_limits<std::int64_t>::max)() - 31; }),
               "\"eight\"", "within the 64 bytes");
  refused_file(with([](tensor& t) { t.extents = {16, 1}; }), "\"eight\"", "64 bytes at 32");
  const gguf_for_tests empty = with([](tensor& t) { t.extents = {8, 0}; });
  const std::string bytes = empty.bytes();
  CHECK(opened(bytes).read<2>("eight").empty());
  CHECK(opened(bytes).read_rows("eight", 0, 0).empty());
}

TEST_CASE("tensors of types that are not read do not keep the others from being read",
          "[io][gguf]") {
  gguf_for_tests file = small_file();
  file.tensors.push_back({"codes", {256}, 16, std::string(66, '\0'), -1});
  const std::string bytes = file.bytes();
  const auto read = opened(bytes);
  CHECK(read.at("codes").type.name == "IQ2_XXS");
  CHECK(read.read<2>("eight")(0, 0) == 10);
  CHECK_REFUSED(atlas::format_error, read.read<1>("codes"), "\"codes\"", "got IQ2_XXS");
  CHECK_REFUSED(atlas::format_error, read.read_rows("codes", 0, 1), "Q2_K to Q6_K", "IQ2_XXS");
}

TEST_CASE("a copy of a file outlives it", "[io][gguf]") {
  const temporary_folder folder;
  const auto path = folder.write("small.gguf", small_file().bytes());
  const auto copy = [&] {
    const auto file = io::gguf::open(path);
    return io::gguf(file);
  }();
  CHECK(copy.read<2>("six")(0, 1) == 1);
  CHECK(copy.metadata().at("general.architecture").text() == "none");
}

}  // namespace gguf_file_tests
