// SPDX-License-Identifier: MIT
/// \file
/// Archives of NumPy: each kind that it writes is read, and what is wrong with others is named.

#include <cstdint>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../io/files_for_tests.hpp"
#include "array_file.hpp"
#include "zip_for_tests.hpp"

using namespace atlas_test;
using atlas_program::array_file;

namespace {

const std::string npz_archives = std::string(ATLAS_TEST_DATA) + "/activations/";

/// One archive in a folder that goes away.
class archive_maker {
 public:
  std::string file(const std::string& bytes) const {
    return folder_.write("arrays.npz", bytes).string();
  }
  /// What opening it, or reading all of it, says.
  std::string said(const std::string& bytes) const {
    const std::string name = file(bytes);
    return message_of<atlas::format_error>([&] {
      const array_file arrays(name);
      for (const std::string& array : arrays.names()) {
        (void)arrays.extents(array);
        (void)arrays.at(array);
      }
    });
  }

 private:
  temporary_folder folder_;
};

std::vector<double> elements_of(const atlas_program::stored_array& x) {
  std::size_t count = 1;
  for (const atlas::index_t e : x.extents) count *= static_cast<std::size_t>(e);
  std::vector<double> out(count);
  atlas_program::read_elements(x, 0, std::span(out));
  return out;
}

const std::string two_floats = std::string("\0\0\x80\x3F\0\0\0\x40", 8);  // 1 and 2

}  // namespace

TEST_CASE("NumPy's archives, stored and deflated, of any order and type, have the same arrays") {
  const array_file stored(npz_archives + "stored.npz"), mixed(npz_archives + "mixed.npz");
  CHECK(stored.is_npz());
  CHECK(stored.names().size() == 15);
  CHECK(mixed.names().size() == 9);
  for (const std::string& name : mixed.names()) {
    INFO(name);
    CHECK(stored.extents(name) == mixed.extents(name));
    CHECK(elements_of(stored.at(name)) == elements_of(mixed.at(name)));
  }
  CHECK(mixed.at("blocks.0.attn.hook_pattern").type == atlas::io::dtype::f64);
  CHECK(mixed.at("blocks.0.attn.hook_pattern").swapped);
  CHECK(mixed.metadata().empty());
  CHECK(elements_of(stored.at("tokens"))[0] < 50);
  CHECK_REFUSED(atlas::format_error, stored.at("token"), "stored.npz: expected a tensor \"token\"",
                "none of that name");
  CHECK_REFUSED(atlas::format_error, stored.extents("token"), "a tensor \"token\"", "none");
}

TEST_CASE("an array of an archive, and elements from a place on") {
  const archive_maker maker;
  const array_file arrays(maker.file(zip_bytes(
      {{"x.npy", npy_bytes("(1, 2)", two_floats)}, {"none.npy", npy_bytes("(0, 3)", "")}})));
  const auto x = arrays.at("x");
  CHECK(x.extents == std::vector<atlas::index_t>{1, 2});
  CHECK(elements_of(x) == std::vector<double>{1, 2});
  float last[1];
  atlas_program::read_elements(x, 1, std::span<float>(last));
  CHECK(last[0] == 2);
  CHECK(arrays.at("none").extents == std::vector<atlas::index_t>{0, 3});
  CHECK(array_file(maker.file(zip_bytes({}))).names().empty());
}

TEST_CASE("archives that are damaged, or none of NumPy's, are refused") {
  const archive_maker maker;
  const zip_entry good{"x.npy", npy_bytes("(1, 2)", two_floats)};
  CHECK(maker.said(zip_bytes({good})) == "nothing was thrown");

  const std::string whole = zip_bytes({good});
  CHECK(has(maker.said(whole.substr(0, whole.size() - 30)), "arrays.npz: expected an npz file"));
  std::string other = whole;
  other[other.find("x.npy")] = 'y';  // not as the directory has it
  CHECK(has(maker.said(other), "arrays.npz: expected an npz file"));

  zip_entry changed = good;
  changed.crc ^= 1;
  CHECK(has(maker.said(zip_bytes({changed})), "\"x\": expected an entry that is whole, got CRC"));
  changed = good;
  changed.flags = 1;
  CHECK(
      has(maker.said(zip_bytes({changed})), "\"x.npy\": expected an entry that is not encrypted"));
  CHECK(has(message_of<atlas::format_error>([] { array_file(npz_archives + "bzip2.npz"); }),
            "stored or deflated (numpy.savez or savez_compressed), got compression method 12"));

  CHECK(has(maker.said(zip_bytes({good, good})), "two entries of one name"));
  CHECK(has(maker.said(zip_bytes({{"x.txt", "text"}})), "arrays, entries that end with .npy"));
  CHECK(has(maker.said(zip_bytes({{".npy", "text"}})), "got \".npy\""));
  CHECK(has(maker.said(zip_bytes({{"archive/data.pkl", "pickle"}})),
            "(a file of PyTorch: write its tensors as safetensors)"));
}

TEST_CASE("sizes that an archive cannot have are refused before anything is as large") {
  const archive_maker maker;
  zip_entry claims{"x.npy", npy_bytes("(1, 2)", two_floats)};
  claims.method = 8;
  claims.size = 0xFFFF'FFF0;
  CHECK(has(maker.said(zip_bytes({claims})),
            "\"x.npy\": expected a size that its bytes can have, got 4294967280 bytes of 136"));
  claims.method = 0;
  CHECK(has(maker.said(zip_bytes({claims})), "a size that its bytes can have"));
  // Stored, and said to be deflated.
  claims.method = 8;
  claims.size = 200;
  CHECK(has(maker.said(zip_bytes({claims})), "\"x\": expected an entry that is whole"));
}

TEST_CASE("entries of an archive that are no arrays of numbers are refused by name") {
  const archive_maker maker;
  const auto said = [&](const std::string& bytes) {
    return maker.said(zip_bytes({{"x.npy", bytes}}));
  };
  CHECK(has(said("no array at all"), "arrays.npz: tensor \"x\": expected a .npy file"));
  CHECK(has(said(npy_bytes("(1, 3)", two_floats)), "\"x\": expected 12 bytes of elements"));
  CHECK(has(said(npy_bytes("(1, 1)", two_floats)), "trailing bytes: 8"));
  CHECK(has(said(npy_bytes("(1, 2)", two_floats, "|V2")), "a dtype of numbers"));
  CHECK(has(said(npy_bytes("(4611686018427387904, 4)", two_floats)), "fits into 63 bits"));
}
