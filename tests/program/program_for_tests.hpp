// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Runs the program and keeps what it wrote.

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "../io/files_for_tests.hpp"
#include "../sanitized.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/safetensors.hpp"

namespace atlas_test {

struct program_run {
  int status = -1;
  std::string out, err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
  bool one_line_of_error() const {
    return err.starts_with("atlas: ") && std::count(err.begin(), err.end(), '\n') == 1 &&
           err.ends_with('\n');
  }
};

/// The embedded models; one of them is enough for what takes minutes under sanitizers.
inline const std::vector<std::string> models =
    sanitized ? std::vector<std::string>{"tiny-llama"}
              : std::vector<std::string>{"tiny-gpt2", "tiny-llama"};

/// In quotes, for the shell.
inline std::string quoted(const std::filesystem::path& file) {
  std::string out(1, '\'');
  out += file.string();
  return out += '\'';
}

/// \param arguments as in a shell
/// \param by        what runs it, such as timeout
inline program_run run(const temporary_folder& folder, const std::string& arguments,
                       const std::string& by = "") {
  const auto out = folder / "stdout", err = folder / "stderr";
  const std::string command = by + " '" + std::string(ATLAS_PROGRAM) + "' " + arguments + " >'" +
                              out.string() + "' 2>'" + err.string() + "'";
  const int status = std::system(command.c_str());
  program_run r{WIFEXITED(status) ? WEXITSTATUS(status) : -1, atlas::io::read_text(out),
                atlas::io::read_text(err)};
  std::filesystem::remove(out);
  std::filesystem::remove(err);
  return r;
}

/// A tensor as safetensors files take it.
template <class T, std::size_t Rank>
atlas::io::tensor_entry entry(const std::string& name, const atlas::tensor_view<const T, Rank>& x) {
  return {name, atlas::io::dtype_of<T>(),
          std::vector<atlas::index_t>(x.extents().begin(), x.extents().end()),
          std::as_bytes(std::span(x.data(), static_cast<std::size_t>(x.size())))};
}

}  // namespace atlas_test
