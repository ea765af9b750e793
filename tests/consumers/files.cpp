// SPDX-License-Identifier: MIT
// A user's program that reads files: a model's folder, its tokenizer, an npy file that it writes.
// files MODEL_FOLDER FOLDER_TO_WRITE_TO
#include <cstdio>
#include <filesystem>
#include <string>

#include "atlas/io/model.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/io/safetensors.hpp"
#include "atlas/io/tokenizer.hpp"

int main(int, char** arguments) {
  const std::filesystem::path folder = arguments[1], written = arguments[2];
  const auto model = atlas::io::open_model(folder);
  const std::string text = "Call me Ishmael.";
  const auto ids = model.tokenizer.encode(text);
  const auto tensors = atlas::io::safetensors::open(folder / "model.safetensors");
  const auto wte = tensors.read<float, 2>("transformer.wte.weight");
  atlas::io::write_npy(written / "wte.npy", atlas::as_view<2>(wte));
  const auto again = atlas::io::read_npy<float, 2>(written / "wte.npy");
  std::string said;
  try {
    (void)atlas::io::tokenizer::from_text("{\"x\": 1e999}", "text");
  } catch (const atlas::format_error& wrong) {
    said = wrong.what();
  }
  const bool right = model.tokenizer.decode(ids) == text && again(1, 2) == wte(1, 2) &&
                     again.extents() == wte.extents() &&
                     said == "text: expected JSON, got a number that is out of range";
  std::printf(right ? "read\n" : "wrong: %s\n", said.c_str());
}
