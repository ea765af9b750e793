// SPDX-License-Identifier: MIT
#include "atlas/io/npy.hpp"

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "files_for_tests.hpp"

using atlas::format_error;
using atlas::shape_error;
using atlas::io::dtype;
using atlas::io::npy_header;
using atlas::io::read_npy;
using atlas::io::write_npy;
using atlas_test::temporary_folder;

namespace {

std::string npy(const std::string& dictionary, const std::string& data, char major = 1) {
  const std::string head = dictionary + "\n";
  std::string length = {static_cast<char>(head.size() & 0xFF), static_cast<char>(head.size() >> 8)};
  if (major > 1) length += std::string(2, '\0');
  return std::string("\x93NUMPY") + major + std::string(1, '\0') + length + head + data;
}

std::string described(const std::string& descr, const std::string& shape,
                      const std::string& order = "False") {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

template <class T>
T read_one(const temporary_folder& folder, const std::string& descr, const std::string& data) {
  const auto file = folder.write("one.npy", npy(described("'" + descr + "'", "(1,)"), data));
  return read_npy<T, 1>(file)(0);
}

template <class T>
void round_trip(const std::vector<T>& values, dtype type) {
  const temporary_folder folder;
  const atlas::index_t half = static_cast<atlas::index_t>(values.size()) / 2;
  const atlas::tensor_view<const T, 2> view(values.data(), {2, half});
  write_npy(folder / "x.npy", view);
  const auto header = npy_header(folder / "x.npy");
  CHECK(header.type == type);
  CHECK(header.extents == std::vector<atlas::index_t>{2, half});
  CHECK(header.data_offset % 64 == 0);
  const auto back = read_npy<T, 2>(folder / "x.npy");
  for (atlas::index_t i = 0; i < 2; ++i)
    for (atlas::index_t j = 0; j < half; ++j) CHECK(back(i, j) == view(i, j));
  // Strides: the transpose is written as it looks, not as it lies.
  write_npy(folder / "t.npy", atlas::tensor_view<const T, 2>(values.data(), {half, 2}, {1, half}));
  const auto transposed = read_npy<T, 2>(folder / "t.npy");
  for (atlas::index_t i = 0; i < 2; ++i)
    for (atlas::index_t j = 0; j < half; ++j) CHECK(transposed(j, i) == view(i, j));
}

}  // namespace

TEST_CASE("arrays of every type come back", "[io][npy]") {
  round_trip<double>({1.5, -2.25, 1e300, 0, 5, 6}, dtype::f64);
  round_trip<float>({1.5F, -2.25F, 1e30F, 0, 5, 6}, dtype::f32);
  round_trip<Eigen::half>({Eigen::half(1.5F), Eigen::half(-2.F)}, dtype::f16);
  round_trip<std::int64_t>({1, std::numeric_limits<std::int64_t>::min()}, dtype::i64);
  round_trip<std::int32_t>({1, -2, 3, 4}, dtype::i32);
  round_trip<std::int16_t>({1, -2, 3, 4}, dtype::i16);
  round_trip<std::int8_t>({1, -2, 3, 4}, dtype::i8);
  round_trip<std::uint64_t>({1, std::numeric_limits<std::uint64_t>::max()}, dtype::u64);
  round_trip<std::uint32_t>({1, 0xFFFFFFFF}, dtype::u32);
  round_trip<std::uint16_t>({1, 0xFFFF}, dtype::u16);
  round_trip<std::uint8_t>({1, 0xFF}, dtype::u8);
  const Eigen::bfloat16 value(1.F);
  const temporary_folder folder;
  CHECK_REFUSED(atlas::value_error,
                write_npy(folder / "x", atlas::tensor_view<const Eigen::bfloat16, 1>(&value, {1})),
                "BF16", "NumPy");
  CHECK(folder.size() == 0);
}

TEST_CASE("byte orders, versions and conversions", "[io][npy]") {
  const temporary_folder folder;
  CHECK(read_one<float>(folder, "<f4", std::string("\0\0\xC0\x3F", 4)) == 1.5F);
  CHECK(read_one<float>(folder, ">f4", std::string("\x3F\xC0\0\0", 4)) == 1.5F);
  CHECK(read_one<double>(folder, ">f2", std::string("\x3E\0", 2)) == 1.5);
  CHECK(read_one<int>(folder, ">i2", std::string("\xFF\xFE", 2)) == -2);
  CHECK(read_one<int>(folder, "<i2", std::string("\xFE\xFF", 2)) == -2);
  CHECK(read_one<float>(folder, "|u1", "\xFF") == 255);
  CHECK(read_one<int>(folder, "|b1", "\x07") == 1);
  CHECK(read_one<bool>(folder, "|b1", std::string(1, '\0')) == false);
  CHECK(read_one<int>(folder, "<f4", std::string("\0\0\0\x40", 4)) == 2);
  CHECK_REFUSED(format_error, read_one<int>(folder, "<f4", std::string("\0\0\xC0\x3F", 4)),
                "one.npy", "fit into I32");
  CHECK_REFUSED(format_error, read_one<std::uint8_t>(folder, "|i1", "\xFF"), "element 0", "U8");
  CHECK_REFUSED(format_error, read_one<bool>(folder, "|i1", "\x02"), "element 0", "BOOL");
  for (const char version : {'\1', '\2', '\3'}) {
    const auto file = folder.write("v.npy", npy(described("'|i1'", "(2, 1)"), "\x01\x02", version));
    CHECK(read_npy<int, 2>(file)(1, 0) == 2);
  }
}

// What NumPy 2.4 makes of each; where it refuses, so does the library.
TEST_CASE("element types by every name that NumPy has for them", "[io][npy]") {
  const temporary_folder folder;
  const auto type_of = [&](const std::string& descr) {
    const auto file = folder.write("t.npy", npy(described("'" + descr + "'", "(0,)"), ""));
    return npy_header(file);
  };
  const dtype c_long = sizeof(long) == 8 ? dtype::i64 : dtype::i32;
  const dtype c_ulong = sizeof(long) == 8 ? dtype::u64 : dtype::u32;
  const struct {
    dtype type;
    std::vector<std::string> codes, names;
  } rows[] = {
      {dtype::f64, {"f8", "d"}, {"float64", "double", "float"}},
      {dtype::f32, {"f4", "f"}, {"float32", "single"}},
      {dtype::f16, {"f2", "e"}, {"float16", "half"}},
      {dtype::i64, {"i8", "q", "p", "n"}, {"int64", "longlong", "intp", "int", "int_"}},
      {dtype::i32, {"i4", "i"}, {"int32", "intc"}},
      {dtype::i16, {"i2", "h"}, {"int16", "short"}},
      {dtype::i8, {"i1", "b"}, {"int8", "byte"}},
      {dtype::u64, {"u8", "Q", "P", "N"}, {"uint64", "ulonglong", "uintp", "uint"}},
      {dtype::u32, {"u4", "I"}, {"uint32", "uintc"}},
      {dtype::u16, {"u2", "H"}, {"uint16", "ushort"}},
      {dtype::u8, {"u1", "B"}, {"uint8", "ubyte"}},
      {dtype::boolean, {"b1", "?"}, {"bool", "bool_"}},
      {c_long, {"l"}, {"long"}},
      {c_ulong, {"L"}, {"ulong"}},
  };
  const char foreign = std::endian::native == std::endian::little ? '>' : '<';
  for (const auto& row : rows) {
    for (const std::string& code : row.codes)
      for (const std::string order : {"", "<", ">", "=", "|"}) {
        INFO(order << code);
        const auto header = type_of(order + code);
        CHECK(header.type == row.type);
        CHECK(header.swapped == (atlas::io::dtype_size(row.type) > 1 && order[0] == foreign));
      }
    for (const std::string& name : row.names) {
      INFO(name);
      CHECK(type_of(name).type == row.type);
      CHECK_FALSE(type_of(name).swapped);
      CHECK_REFUSED(format_error, type_of("<" + name), "t.npy", "a dtype of numbers");
    }
  }
  for (const char* other :
       {"B1",  "F8", "d8",  "u",   "?1",         "i3",        " f4", "f4 ",  "Float64",
        "!f4", "g",  "F",   "D",   "longdouble", "complex64", "S1",  "U4",   "V8",
        "m8",  "M8", "2f8", "f8,", "i8,f4",      "O",         "<",   "<<f4", "bfloat16"})
    CHECK_REFUSED(format_error, type_of(other), "t.npy", "a dtype of numbers");
}

TEST_CASE("headers as Python 2 and as other writers spell them", "[io][npy]") {
  const temporary_folder folder;
  const std::string two("\0\0\xC0\x3F\0\0\0\x40", 8);  // 1.5 and 2
  const auto read = [&](const std::string& dictionary) {
    return read_npy<float, 2>(folder.write("h.npy", npy(dictionary, two)));
  };
  for (const char* good : {
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }",
           "{'descr': u'<f4', 'fortran_order': False, 'shape': (2, 1L)}",
           "{u'descr': U\"<f4\", u'fortran_order': False, u'shape': (2, 1), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }    \r",
           "{'descr': '<f4',\r\n 'fortran_order': False,\r 'shape': (2, 1), }\f",
           "\r\n\t {'descr':'<f4','fortran_order':False,'shape':(2,1,)}",
           "{'shape' : ( 2 , 1 ) , 'fortran_order' : True , 'descr' : '<f4' }\n\n",
       }) {
    INFO(good);
    const auto points = read(good);
    CHECK(points.extents() == atlas::shape<2>{2, 1});
    CHECK(points(0, 0) == 1.5F);
    CHECK(points(1, 0) == 2);
  }
  CHECK(npy_header(folder.write("0.npy", npy(described("'<f4'", "(00L, 3)"), ""))).extents[0] == 0);
  for (const char* bad : {
           "{b'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }",
           "{'descr': b'<f4', 'fortran_order': False, 'shape': (2, 1), }",
           "{'descr': u, 'fortran_order': False, 'shape': (2, 1), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2l, 1), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2LL, 1), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (02, 1), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 1), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2, True), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 1], }",
           "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 1), }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1),, }",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1,,), }",
           "{'descr': '<f4',\v 'fortran_order': False, 'shape': (2, 1), }",
           "{'descr': None, 'fortran_order': False, 'shape': (2, 1), }",
       }) {
    INFO(bad);
    CHECK_REFUSED(format_error, read(bad), "h.npy", "header");
  }
}

TEST_CASE("Fortran order, scalars and empty arrays", "[io][npy]") {
  const temporary_folder folder;
  const std::string six = "\x01\x02\x03\x04\x05\x06";
  const auto fortran = folder.write("f.npy", npy(described("'|i1'", "(2, 3)", "True"), six));
  CHECK(npy_header(fortran).fortran_order);
  const auto matrix = read_npy<double, 2>(fortran);
  CHECK(matrix.row_major());
  CHECK(matrix(0, 1) == 3);
  CHECK(matrix(1, 2) == 6);
  CHECK(read_npy<int, 1>(folder.write("s.npy", npy(described("'|i1'", "()"), "\x05")))(0) == 5);
  CHECK(read_npy<int, 2>(folder.write("e.npy", npy(described("'<i4'", "(0, 3)"), ""))).empty());
}

TEST_CASE("what is not a .npy file of numbers is refused", "[io][npy]") {
  const temporary_folder folder;
  const auto refused = [&](const std::string& bytes, const std::string& part) {
    const auto file = folder.write("bad.npy", bytes);
    CHECK_REFUSED(format_error, (read_npy<float, 1>(file)), "bad.npy", part);
  };
  const std::string good = described("'<f4'", "(1,)"), four(4, '\0');
  refused("", "0 bytes");
  refused("PK\x03\x04 and so on", "magic word");
  refused("\x93NUMPY", "truncated");
  refused(std::string("\x93NUMPY\x01\0\x10", 9), "truncated");
  refused(std::string("\x93NUMPY\x01\0\xFF\x00{", 11), "truncated");
  refused(npy(good, four, '\4'), "got 4.0");
  refused(npy(good, "\1\2"), "truncated file with 2");
  refused(npy(good, four + "x"), "trailing bytes: 5");
  refused(npy(described("'|O'", "(1,)"), four), "\"|O\"");
  refused(npy(described("'<U8'", "(1,)"), four), "\"<U8\"");
  refused(npy(described("'<c8'", "(1,)"), four), "\"<c8\"");
  refused(npy(described("'<M8[ns]'", "(1,)"), four), "\"<M8[ns]\"");
  refused(npy(described("''", "(1,)"), four), "\"\"");
  refused(npy(described("[('x', '<f4')]", "(1,)"), four), "structured dtype");
  refused(npy(described("'<f4'", "(-1,)"), four), "at least 0");
  refused(npy(described("'<f4'", "(99999999999999999999,)"), four), "at least 0");
  refused(npy(described("'<f4'", "(9000000000000000000, 9000000000000000000)"), four), "63 bits");
  refused(npy(described("'<f4'", "(0, 9000000000000000000, 9000000000)"), ""), "63 bits");
  refused(npy(described("'<f4'", "(1,"), four), "header");
  refused(npy(described("'<f4'", "(1 2)"), four), "header");
  refused(npy(described("'<f4'", "(1,)", "maybe"), four), "True or False");
  refused(npy(good + "x", four), "nothing after");
  refused(npy("{'descr': '<f4', 'shape': (1,)}", four), "only some");
  refused(npy("{'descr': '<f4', 'descr': '<f4'}", four), "once each");
  refused(npy("{'other': 1}", four), "once each");
  refused(npy("{'descr", four), "closing quote");
  refused(npy("[]", four), "header");
  const auto file = folder.write("rank.npy", npy(described("'|i1'", "(2, 1)"), "\1\2"));
  CHECK_REFUSED(shape_error, (read_npy<float, 3>(file)), "rank.npy", "shape [2, 1]");
}
