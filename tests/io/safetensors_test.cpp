// SPDX-License-Identifier: MIT
#include "atlas/io/safetensors.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "files_for_tests.hpp"

using atlas::format_error;
using atlas::shape_error;
using atlas::value_error;
using atlas::io::dtype;
using atlas::io::safetensors;
using atlas::io::tensor_entry;
using atlas::io::write_safetensors;
using atlas_test::bytes_of;
using atlas_test::temporary_folder;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

/// The one element of a file.
template <class T>
T read_one(const std::string& type, const std::string& data) {
  const std::string bytes = file_of(
      R"({"x":)" + entry(type, "[1]", "[0," + std::to_string(data.size()) + "]") + "}", data);
  return safetensors::from_memory(bytes_of(bytes), "memory").read<T, 1>("x")(0);
}

template <class T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
tensor_entry entry_of(const std::string& name, const std::vector<T>& values,
                      std::vector<atlas::index_t> extents) {
  return {name, atlas::io::dtype_of<T>(), std::move(extents), std::as_bytes(std::span(values))};
}

void refused(const std::string& bytes, const std::string& part, const std::string& other) {
  CHECK_REFUSED(format_error, safetensors::from_memory(bytes_of(bytes), "bad.safetensors"), part,
                other);
  CHECK_REFUSED(format_error, safetensors::from_memory(bytes_of(bytes), "bad.safetensors"),
                "bad.safetensors", "expected");
}

/// A header with one tensor "x".
void refused_entry(const std::string& fields, const std::string& data, const std::string& part) {
  refused(file_of("{\"x\":" + fields + "}", data), part, "tensor \"x\"");
}

}  // namespace

TEST_CASE("tensors come back as they were written", "[io][safetensors]") {
  const temporary_folder folder;
  const auto path = folder / "x.safetensors";
  const std::vector<float> a = {1.5F, -2, 3, 4, 5, 6};
  const std::vector<std::uint8_t> b = {7, 8, 9};
  const std::vector<double> c = {0.1};
  const std::vector<std::int16_t> none;
  write_safetensors(path,
                    {entry_of("b", b, {3}), entry_of("a \"q\" \xC3\xA9", a, {2, 3}),
                     entry_of("scalar", c, {}), entry_of("none", none, {0, 4})},
                    {{"format", "pt"}});
  CHECK(folder.size() == 1);
  const auto file = safetensors::open(path);
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.names() == std::vector<std::string>{"a \"q\" \xC3\xA9", "b", "none", "scalar"});
  CHECK(file.contains("b"));
  CHECK_FALSE(file.contains("c"));
  CHECK(file.at("b").type == dtype::u8);
  CHECK(file.at("none").extents == std::vector<atlas::index_t>{0, 4});
  const auto matrix = file.read<double, 2>("a \"q\" \xC3\xA9", {2, 3});
  CHECK(matrix(0, 0) == 1.5);
  CHECK(matrix(1, 2) == 6);
  CHECK(file.read<int, 1>("b")(2) == 9);
  CHECK(file.read<double, 1>("scalar")(0) == 0.1);
  CHECK(file.read<float, 2>("none").empty());
  CHECK(file.read<float, 2>("none", {std::size_t{0}, 4U}).empty());
  // The data begin at a multiple of 8 bytes, and each tensor at one of its elements' size.
  const std::string text = atlas::io::read_text(path);
  CHECK((8 + static_cast<unsigned char>(text[0])) % 8 == 0);
  for (const auto& name : file.names()) {
    const auto at = reinterpret_cast<std::uintptr_t>(file.at(name).bytes.data());
    CHECK(at % atlas::io::dtype_size(file.at(name).type) == 0);
  }
}

TEST_CASE("tensors outlive the object that opened the file", "[io][safetensors]") {
  const temporary_folder folder;
  const std::vector<float> a = {1, 2};
  write_safetensors(folder / "x", {entry_of("a", a, {2})});
  auto copy = [&] {
    const auto opened = safetensors::open(folder / "x");
    return opened;
  }();
  CHECK(copy.read<float, 1>("a")(1) == 2);
  CHECK(copy.metadata().empty());
}

TEST_CASE("elements of every type are converted", "[io][safetensors]") {
  CHECK(read_one<float>("F64", raw(1.5)) == 1.5F);
  CHECK(read_one<double>("F32", raw(1.5F)) == 1.5);
  CHECK(read_one<float>("F16", raw(Eigen::half(-0.5F))) == -0.5F);
  CHECK(read_one<float>("BF16", raw(Eigen::bfloat16(-0.5F))) == -0.5F);
  CHECK(read_one<Eigen::half>("F32", raw(0.25F)) == Eigen::half(0.25F));
  CHECK(read_one<Eigen::bfloat16>("I8", "\x02") == Eigen::bfloat16(2.F));
  CHECK(read_one<float>("I64", raw(std::int64_t{-3})) == -3);
  CHECK(read_one<double>("I32", raw(std::int32_t{-3})) == -3);
  CHECK(read_one<int>("I16", raw(std::int16_t{-3})) == -3);
  CHECK(read_one<int>("I8", "\xFD") == -3);
  CHECK(read_one<double>("U64", raw(std::uint64_t{1} << 63)) == std::ldexp(1.0, 63));
  CHECK(read_one<std::int64_t>("U32", raw(0xFFFFFFFFU)) == 0xFFFFFFFF);
  CHECK(read_one<std::int64_t>("U16", "\xFF\xFF") == 0xFFFF);
  CHECK(read_one<std::int64_t>("U8", "\xFF") == 0xFF);
  CHECK(read_one<float>("BOOL", "\x01") == 1);
  CHECK(read_one<bool>("BOOL", "\x01"));
  CHECK(std::isnan(read_one<double>("F32", raw(std::nanf("")))));
}

TEST_CASE("integers take exact values only", "[io][safetensors]") {
  const double two_63 = std::ldexp(1.0, 63);
  CHECK(read_one<std::int64_t>("F64", raw(-two_63)) == std::numeric_limits<std::int64_t>::min());
  CHECK(read_one<std::uint64_t>("F64", raw(two_63)) == std::uint64_t{1} << 63);
  CHECK(read_one<int>("F16", raw(Eigen::half(-2.F))) == -2);
  for (const double value : {two_63, 0.5, std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK_REFUSED(format_error, read_one<std::int64_t>("F64", raw(value)), "tensor \"x\"",
                  "element 0");
  CHECK_REFUSED(format_error, read_one<std::uint8_t>("F32", raw(-1.F)), "U8", "element 0");
  CHECK_REFUSED(format_error, read_one<std::int8_t>("U8", "\x80"), "I8", "element 0");
  CHECK_REFUSED(format_error, read_one<std::uint32_t>("I64", raw(std::int64_t{-1})), "U32",
                "element 0");
  CHECK_REFUSED(format_error, read_one<bool>("I8", "\xFF"), "BOOL", "element 0");
}

TEST_CASE("tensors of types that are not read leave the others readable", "[io][safetensors]") {
  struct unread {
    std::string type;
    std::string shape;
    std::size_t bytes;
  };
  for (const unread& row :
       {unread{"F8_E4M3", "[2]", 2}, unread{"F8_E5M2", "[2]", 2}, unread{"F8_E8M0", "[2]", 2},
        unread{"F8_E4M3FNUZ", "[2]", 2}, unread{"F8_E5M2FNUZ", "[2]", 2}, unread{"C64", "[2]", 16},
        unread{"F6_E2M3", "[4]", 3}, unread{"F6_E3M2", "[2,2]", 3}, unread{"F4", "[2,2]", 2},
        unread{"F4", "[0]", 0}}) {
    const std::string type = row.type, shape = row.shape;
    const std::size_t bytes = row.bytes;
    CAPTURE(type);
    const std::string end = std::to_string(bytes), last = std::to_string(bytes + 8);
    const std::string file_bytes =
        file_of(R"({"x":)" + entry(type, shape, "[0," + end + "]") + R"(,"y":)" +
                    entry("F64", "[1]", "[" + end + "," + last + "]") + "}",
                std::string(bytes, '\1') + raw(2.5));
    const auto file = safetensors::from_memory(bytes_of(file_bytes), "some.safetensors");
    CHECK(file.read<double, 1>("y")(0) == 2.5);
    CHECK(file.at("x").bytes.size() == bytes);
    const auto read = [&] {
      if (shape.find(',') == std::string::npos) (void)file.read<float, 1>("x");
      (void)file.read<float, 2>("x");
    };
    CHECK_REFUSED(format_error, (read(), 0), "some.safetensors: tensor \"x\"", type);
    // Both can be written again.
    const temporary_folder folder;
    write_safetensors(folder / "copy", {file.at("x"), file.at("y")});
    CHECK(safetensors::open(folder / "copy").at("x").type == file.at("x").type);
  }
}

TEST_CASE("metadata may be null, and nothing but blanks may follow the header",
          "[io][safetensors]") {
  using namespace std::string_literals;
  const std::string header = R"({"__metadata__":null,"x":)" + entry("U8", "[1]", "[0,1]") + "}";
  for (const std::string& blanks : {""s, "   "s, "\n"s}) {
    const std::string bytes = file_of(header + blanks, "7");
    const auto file = safetensors::from_memory(bytes_of(bytes), "memory");
    CHECK(file.metadata().empty());
    CHECK(file.read<int, 1>("x")(0) == '7');
  }
  refused(file_of(header + "\0"s, "7"), "JSON", "NUL");
  refused(file_of(header + "\0 hidden"s, "7"), "JSON", "NUL");
  refused(file_of(header + "}", "7"), "JSON", "mistake");
}

TEST_CASE("unaligned data are read", "[io][safetensors]") {
  const std::string bytes = file_of(
      R"({"a":)" + entry("U8", "[1]", "[0,1]") + R"(,"b":)" + entry("F64", "[1]", "[1,9]") + "}  ",
      "\x05" + raw(2.5));
  CHECK(safetensors::from_memory(bytes_of(bytes), "memory").read<double, 1>("b")(0) == 2.5);
}

TEST_CASE("what is asked for must be there", "[io][safetensors]") {
  const std::string bytes =
      file_of(R"({"x":)" + entry("F32", "[1,2]", "[0,8]") + "}", std::string(8, '\0'));
  const auto file = safetensors::from_memory(bytes_of(bytes), "some.safetensors");
  CHECK_REFUSED(format_error, file.at("y"), "some.safetensors", "tensor \"y\"");
  CHECK_REFUSED(format_error, (file.read<float, 2>("a\nb")), "some.safetensors", "a\\nb");
  CHECK_REFUSED(shape_error, (file.read<float, 1>("x")), "some.safetensors: tensor \"x\"",
                "shape [1, 2]");
  CHECK_REFUSED(shape_error, (file.read<float, 2>("x", {2, 1})), "shape [2, 1]", "got [1, 2]");
}

TEST_CASE("broken headers are refused", "[io][safetensors]") {
  refused("", "8 bytes", "got 0 bytes");
  refused("1234567", "8 bytes", "got 7 bytes");
  refused(file_of("{}", "").substr(0, 9), "a header of 2 bytes", "truncated");
  refused(std::string("\x01\xE1\xF5\x05\0\0\0\0", 8), "at most 100000000", "100000001");
  refused(std::string(8, '\xFF') + "{}", "at most 100000000", "18446744073709551615");
  refused(std::string("GGUF\3\0\0\0\1\0", 10), "at most 100000000", "a GGUF file");
  refused(std::string("PK\3\4\0\0\b\b\0\0", 10), "at most 100000000", "of PyTorch");
  refused(std::string("\x80\2}q\0X\3\0\0", 9), "at most 100000000", "of PyTorch");
  refused(std::string("\x93NUMPY\1\0v\0", 10), "at most 100000000", "an npy file");
  refused(file_of("", ""), "JSON", "byte 1");
  refused(file_of("{\"x\":", ""), "JSON", "mistake at byte");
  refused(file_of("{} {}", ""), "JSON", "mistake at byte");
  refused(file_of("{\"x\":1e999}", ""), "JSON", "out of range");
  refused(file_of("{\"\xFF\":1}", ""), "UTF-8", "offset 2");
  refused(file_of("[]", ""), "an object", "array");
  refused(file_of("{\"x\":1}", ""), "tensor \"x\"", "number");
  refused(file_of(std::string(100, '[') + std::string(100, ']'), ""), "at most 64 levels",
          "header");
  refused(file_of("{}", "abc"), "3 trailing bytes", "last byte");
  refused(file_of(R"({"__metadata__":[]})", ""), "__metadata__", "array");
  refused(file_of(R"({"__metadata__":{"a":1}})", ""), "__metadata__", "\"a\"");
  const std::string x = entry("U8", "[1]", "[0,1]");
  refused(file_of("{\"x\":" + x + ",\"x\":" + x + "}", "1"), "each key once", "second \"x\"");
}

TEST_CASE("broken tensors are refused", "[io][safetensors]") {
  refused_entry(R"({"shape":[1],"data_offsets":[0,1]})", "1", "\"dtype\"");
  refused_entry(R"({"dtype":5,"shape":[1],"data_offsets":[0,1]})", "1", "string");
  refused_entry(R"({"dtype":"U8","data_offsets":[0,1]})", "1", "\"shape\"");
  refused_entry(R"({"dtype":"U8","shape":[1]})", "1", "\"data_offsets\"");
  refused_entry(entry("F33", "[1]", "[0,1]"), "1", "\"F33\"");
  refused_entry(entry("F8_E4M3", "[2]", "[0,1]"), "1", "2 bytes for F8_E4M3");
  refused_entry(entry("C64", "[1]", "[0,4]"), "1234", "8 bytes for C64");
  refused_entry(entry("F4", "[3]", "[0,2]"), "12", "whole bytes");
  refused_entry(entry("F6_E2M3", "[2]", "[0,2]"), "12", "whole bytes");
  refused_entry(entry("F6_E3M2", "[4]", "[0,4]"), "1234", "3 bytes for F6_E3M2");
  refused_entry(entry("F4", "[9223372036854775806]", "[0,1]"), "1", "63 bits");
  refused_entry(entry("U8", "1", "[0,1]"), "1", "shape array");
  refused_entry(entry("U8", "[-1]", "[0,1]"), "1", "negative");
  refused_entry(entry("U8", "[1.0]", "[0,1]"), "1", "integers");
  refused_entry(entry("U8", "[[1]]", "[0,1]"), "1", "integers");
  refused_entry(entry("U8", "[9223372036854775808]", "[0,1]"), "1", "63 bits");
  refused_entry(entry("U8", "[4294967296,4294967296]", "[0,1]"), "1", "63 bits");
  refused_entry(entry("F64", "[2305843009213693952]", "[0,1]"), "1", "63 bits");
  refused_entry(entry("U8", "[0,4294967296,4294967296]", "[0,0]"), "", "63 bits");
  refused_entry(entry("U8", "[1]", "[0]"), "1", "data_offsets");
  refused_entry(entry("U8", "[1]", "[-1,0]"), "1", "data_offsets");
  refused_entry(entry("U8", "[1]", "[0,1.0]"), "1", "data_offsets");
  refused_entry(entry("U8", "[1]", "{}"), "1", "data_offsets");
  refused_entry(entry("U8", "[1]", "[1,0]"), "1", "begin <= end");
  refused_entry(entry("U8", "[2]", "[0,2]"), "1", "within 1 bytes");
  refused_entry(entry("U8", "[1]", "[18446744073709551615,18446744073709551615]"), "1", "within");
  refused_entry(entry("F32", "[2]", "[0,7]"), "1234567", "8 bytes for F32");
  refused_entry(entry("U8", "[1]", "[1,2]"), "12", "no hole after byte 0");
  const std::string twice = entry("U8", "[1]", "[0,1]").insert(1, "\"dtype\":\"U8\",");
  refused(file_of("{\"x\":" + twice + "}", "1"), "each key once", "second \"dtype\"");
}

TEST_CASE("tensors that overlap or leave holes are refused", "[io][safetensors]") {
  const auto two = [](const std::string& second, const std::string& data) {
    return file_of(R"({"a":)" + entry("U8", "[2]", "[0,2]") + R"(,"b":)" + second + "}", data);
  };
  refused(two(entry("U8", "[2]", "[1,3]"), "123"), "tensor \"b\"", "no overlap");
  refused(two(entry("U8", "[2]", "[0,2]"), "12"), "tensor \"b\"", "no overlap");
  refused(two(entry("U8", "[2]", "[3,5]"), "12345"), "tensor \"b\"", "no hole after byte 2");
  refused(two(entry("U8", "[2]", "[2,4]"), "12345"), "last byte", "1 trailing bytes");
}

TEST_CASE("refused to open", "[io][safetensors]") {
  const temporary_folder folder;
  CHECK_REFUSED(format_error, safetensors::open(folder / "none"), "none", "nothing at this path");
  CHECK_REFUSED(format_error, safetensors::open(folder.write("empty", "")), "empty", "0 bytes");
}

TEST_CASE("what cannot be written is refused and leaves nothing", "[io][safetensors]") {
  const temporary_folder folder;
  const std::vector<float> a = {1, 2};
  const auto path = folder / "x";
  const auto ok = entry_of("a", a, {2});
  CHECK_REFUSED(value_error, write_safetensors(path, {ok, ok}), "\"a\"", "each name once");
  CHECK_REFUSED(shape_error, write_safetensors(path, {entry_of("a", a, {3})}), "\"a\"", "[3]");
  CHECK_REFUSED(shape_error, write_safetensors(path, {entry_of("a", a, {-2})}), "\"a\"", "63 bits");
  CHECK_REFUSED(value_error, write_safetensors(path, {entry_of("__metadata__", a, {2})}),
                "__metadata__", "name");
  CHECK_REFUSED(value_error, write_safetensors(path, {entry_of("\xFF", a, {2})}), "UTF-8", "name");
  CHECK_REFUSED(value_error, write_safetensors(path, {ok}, {{"k", "\xFF"}}), "metadata", "UTF-8");
  CHECK(folder.size() == 0);
}
