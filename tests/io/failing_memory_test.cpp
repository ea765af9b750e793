// SPDX-License-Identifier: MIT
/// \file
/// Reading and writing where an allocation fails. Each case is a process of its own, so that one
/// that ends it is seen as that.
#ifndef ATLAS_SANITIZED  // sanitizers have their own memory

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../memory/failing_memory.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/io/save_model.hpp"
#include "atlas/io/training_checkpoint.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "files_for_tests.hpp"

namespace failing_memory_io_test {

using namespace atlas_test;
namespace io = atlas::io;

/// How a process of one case ended.
enum ending { right, leaked, half_written, wrong_afterwards, ended_early, endings };

struct io_case {
  std::string name;
  std::function<void()> call;
  std::function<bool()> whole;  ///< whether what is on the disk is the old or the new, whole
  std::function<bool()> done;   ///< whether it is the new
  /// Whether other libraries end or leak on the way where there is no memory (docs/reliability.md):
  /// constructors and destructors of the JSON library's lists, and ICU's of expressions.
  bool of_libraries = false;
};

[[noreturn]] void end_early() {
  ::_exit(ended_early);
}

ending run_case(const io_case& one, long number) {
  const long before = memory::live;
  const memory::refusal r = memory::refuse(number, one.call);
  if (memory::live != before && r.came != memory::outcome::other_error) return leaked;
  if (!one.whole() || (r.came == memory::outcome::returned && !one.done())) return half_written;
  one.call();
  return one.done() ? right : wrong_afterwards;
}

/// How many cases ended in each way.
std::vector<long> endings_of(const io_case& one) {
  one.call();  // what is made once is made
  const long all = memory::allocations_of(one.call);
  std::vector<long> out(endings, 0);
  for (const long number : memory::refused_of(all)) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::set_terminate(end_early);
      std::signal(SIGSEGV, SIG_DFL);  // not reported as a failure of this test
      ::_exit(run_case(one, number));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    INFO(one.name << ", allocation " << number << " of " << all);
    const ending came = WIFEXITED(status) ? static_cast<ending>(WEXITSTATUS(status)) : ended_early;
    CAPTURE(came);
    REQUIRE(came < endings);
    const bool excused = one.of_libraries && (came == ended_early || came == leaked);
    CHECK((came == right || excused));
    ++out.at(came);
  }
  std::printf("%s: %ld allocations, %ld refused; in other libraries %ld ended and %ld leaked\n",
              one.name.c_str(), all, out[right], out[ended_early], out[leaked]);
  return out;
}

std::string data(const std::string& name) {
  return std::string(ATLAS_TEST_DATA) + "/" + name;
}

bool yes() {
  return true;
}

std::vector<io_case> readers() {
  std::vector<io_case> out;
  for (const std::string name : {"micro-gpt2", "micro-llama"})
    out.push_back(
        {"open_transformer " + name, [=] { (void)io::open_transformer(data(name)); }, yes, yes});
  for (const std::string name : {"tiny-gpt2", "tiny-llama"})
    out.push_back({"open_tokenizer " + name,
                   [=] { (void)io::open_tokenizer(std::string(ATLAS_EXAMPLE_DATA) + "/" + name); },
                   yes, yes, true});
  out.push_back({"open_model gguf/llama.gguf",
                 [] { (void)io::open_model(data("gguf/llama.gguf")); }, yes, yes, true});
  return out;
}

std::string bytes_at(const std::filesystem::path& file) {
  return std::filesystem::exists(file) ? io::read_text(file) : std::string();
}

atlas::transformer_config small_config() {
  atlas::transformer_config c;
  c.layers = 1;
  c.model_dimension = 8;
  c.heads = c.key_value_heads = 2;
  c.head_dimension = 4;
  c.mlp_dimension = 16;
  c.vocabulary = 30;
  c.positions = 16;
  return c;
}

TEST_CASE("readers that run out of memory say so, leak nothing, and read the next time") {
  for (const io_case& one : readers()) (void)endings_of(one);
}

TEST_CASE("writers that run out of memory leave the old file or the new one, whole") {
  const temporary_folder folder;
  const std::vector<double> numbers = {1, 2, 3, 4, 5, 6};
  const auto x = folder / "x.npy", t = folder / "x.safetensors", run = folder / "run.safetensors";
  const atlas::tensor_view<const double, 2> view(numbers.data(), {2, 3});
  const auto write_tensor = [&] {
    io::write_safetensors(t, {{"x", io::dtype::f64, {2, 3}, std::as_bytes(std::span(numbers))}},
                          {{"of", "test"}});
  };
  const auto model = atlas::random_transformer(small_config(), {.seed = 5});
  std::vector<atlas::index_t> tokens(300);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<atlas::index_t>(i * i % 30);
  atlas::trainer training(model, tokens, {.batch = 2, .threads = 1});
  training.step();
  const auto saved = folder / "model";
  const auto save = [&] {
    std::filesystem::remove_all(saved);
    io::save_transformer(saved, model);
  };
  const auto nothing_beside = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      if (has(entry.path().string(), ".tmp-")) return false;
    return true;
  };
  // What is written is what was there, so that half of it would be seen.
  const auto writes = [&](const std::string& name, const std::filesystem::path& file, auto call,
                          bool of_lists) {
    call();
    const auto same = [file, wanted = bytes_at(file)] { return bytes_at(file) == wanted; };
    return io_case{name, call, [=] { return same() && nothing_beside(); }, same, of_lists};
  };
  for (const io_case& one :
       {writes(
            "write_npy", x, [&] { io::write_npy(x, view); }, false),
        writes("write_safetensors", t, write_tensor, false),
        writes(
            "save_training", run, [&] { io::save_training(run, training); }, true)})
    (void)endings_of(one);
  save();
  const std::string config = bytes_at(saved / "config.json");
  const std::string weights = bytes_at(saved / "model.safetensors");
  const auto done = [&] {
    return bytes_at(saved / "config.json") == config &&
           bytes_at(saved / "model.safetensors") == weights && nothing_beside();
  };
  (void)endings_of({"save_transformer", save,
                    [&] { return std::filesystem::exists(saved) ? done() : nothing_beside(); },
                    done, true});
}

}  // namespace failing_memory_io_test

#endif
