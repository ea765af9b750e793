// SPDX-License-Identifier: MIT
/// \file
/// Interrupts and progress of the program: every stage stops within a second, and none is silent.

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"
#include "atlas/io/npy.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;

namespace {

using words = std::vector<std::string>;
using seconds = std::chrono::duration<double>;

/// Work goes on for half a second at most, then the program ends; the rest is for machines that do
/// other things beside, and for sanitizers. Work that did not end by itself would take longer.
const seconds soon(sanitized ? 20.0 : 4.0);
/// What is shown is drawn twice a second.
const seconds silence(sanitized ? 20.0 : 4.0);
/// Longest wait for what must come.
const seconds patience(sanitized ? 600.0 : 120.0);

seconds since(std::chrono::steady_clock::time_point then) {
  return std::chrono::steady_clock::now() - then;
}

void wait(seconds time) {
  std::this_thread::sleep_for(time);
}

/// The terminal that a program believes to write to; not there where the system has none to give.
class terminal {
 public:
  terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (!there()) return;
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    name_ = ::ptsname(master_);
    held_ = ::open(name_.c_str(), O_RDWR | O_NOCTTY);
  }
  ~terminal() {
    if (!there()) return;
    ::close(held_);
    ::close(master_);
  }
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  bool there() const { return master_ >= 0; }
  const std::string& name() const { return name_; }
  /// What is written within some time; empty for nothing.
  std::string read(seconds within) const {
    pollfd ready{master_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(1000 * within.count())) < 1) return {};
    char text[4096];
    const auto count = ::read(master_, text, sizeof text);
    return {text, count > 0 ? static_cast<std::size_t>(count) : 0};
  }

 private:
  int master_ = -1, held_ = -1;
  std::string name_;
};

/// A pipe that is full: who writes to it waits until it is read.
class full_pipe {
 public:
  explicit full_pipe(const std::filesystem::path& file) {
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    pipe_ = ::open(file.c_str(), O_RDWR | O_NONBLOCK);
    REQUIRE(pipe_ >= 0);
    const std::string filling(4096, '.');
    while (::write(pipe_, filling.data(), filling.size()) > 0) {
    }
  }
  ~full_pipe() { ::close(pipe_); }
  full_pipe(const full_pipe&) = delete;
  full_pipe& operator=(const full_pipe&) = delete;

  /// What is in it now.
  std::string read() const {
    std::string text(std::size_t{1} << 20, ' ');
    const auto count = ::read(pipe_, text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }

 private:
  int pipe_ = -1;
};

/// A program that runs beside the test.
class started_program {
 public:
  /// \param output a file of the folder where it is empty
  started_program(const temporary_folder& folder, words arguments, const std::string& errors,
                  const std::string& output = "") {
    arguments.insert(arguments.begin(), ATLAS_PROGRAM);
    std::vector<char*> list;
    for (std::string& a : arguments) list.push_back(a.data());
    list.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    const std::string out = output.empty() ? (folder / "stdout").string() : output;
    constexpr int how = O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY;
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), how, 0600);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(), how, 0600);
    const int failure =
        ::posix_spawn(&pid_, ATLAS_PROGRAM, &actions, nullptr, list.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    REQUIRE(failure == 0);
  }
  ~started_program() {
    if (ended()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
  }
  started_program(const started_program&) = delete;
  started_program& operator=(const started_program&) = delete;

  bool ended() {
    if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return ended_;
  }
  /// Waits until an interrupt is no longer the system's: until the program has its own handler.
  void begun() {
    const std::string file = "/proc/" + std::to_string(pid_) + "/status";
    const std::string key = "SigCgt:";
    const auto began = std::chrono::steady_clock::now();
    while (!ended() && since(began) < patience) {
      std::ifstream status(file);
      if (!status) return wait(seconds(0.3));  // not on this system
      const std::string text{std::istreambuf_iterator<char>(status), {}};
      const std::size_t at = text.find(key);
      REQUIRE(at != std::string::npos);
      const auto caught = std::stoull(text.substr(at + key.size()), nullptr, 16);
      if ((caught >> (SIGINT - 1) & 1U) != 0) return;
      wait(seconds(0.001));
    }
    FAIL("no handler of interrupts");
  }
  void send(int signal) const { ::kill(pid_, signal); }
  pid_t pid() const { return pid_; }
  /// How long it takes to end, at most a minute.
  seconds end_after() {
    const auto began = std::chrono::steady_clock::now();
    while (!ended() && since(began) < seconds(60)) wait(seconds(0.005));
    return since(began);
  }
  int status() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

/// Not more than a million different numbers, over and over: these take the time.
template <std::size_t Rank>
std::string normal_npy(const temporary_folder& folder, const std::string& name,
                       const atlas::shape<Rank>& extents) {
  atlas::owned_tensor<float, Rank> x(extents);
  atlas::random_stream random(5);
  float* to = x.mutable_view().data();
  constexpr atlas::index_t different = 999983;
  for (atlas::index_t i = 0; i < x.size(); ++i)
    to[i] = i < different ? static_cast<float>(random.normal()) : to[i - different];
  const auto file = folder / name;
  atlas::io::write_npy(file, static_cast<const atlas::tensor_view<const float, Rank>&>(x));
  return file.string();
}

/// Arguments of which those that begin with OUT: are files in a folder.
words placed(words arguments, const temporary_folder& folder) {
  for (std::string& a : arguments)
    if (a.starts_with("OUT:")) a = (folder / a.substr(4)).string();
  return arguments;
}

/// Interrupts a command at some moments from its beginning. It must stop, say so, and leave
/// nothing.
void stops(const words& command, const std::vector<double>& moments,
           const std::string& message = "interrupted; no result was written",
           bool leaves_folder = false, bool twice = false) {
  for (const double moment : moments) {
    const temporary_folder folder;
    words arguments = placed(command, folder);
    const auto json = folder / "result.json", errors = folder / "stderr";
    arguments.insert(arguments.end(), {"--json", json.string()});
    started_program program(folder, arguments, errors.string());
    program.begun();
    wait(seconds(moment));
    INFO(command[0] << " after " << moment << " s");
    REQUIRE_FALSE(program.ended());
    program.send(SIGINT);
    if (twice) {
      wait(seconds(0.02));
      program.send(SIGINT);
    }
    CHECK(program.end_after() < soon);
    CHECK(program.status() == 130);
    const std::string said = atlas::io::read_text(errors);
    CHECK(said.starts_with("atlas: " + message));
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);
    std::filesystem::remove(errors);
    std::filesystem::remove(folder / "stdout");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "")) {
      INFO(entry.path());
      CHECK_FALSE(has(entry.path().filename().string(), ".tmp-"));
      CHECK(leaves_folder);
    }
    CHECK_FALSE(std::filesystem::exists(json));
  }
}

/// Watches a command until it has shown all stages, but at least some seconds: from its first word
/// on it must not be silent for long.
void shows(const words& command, const std::vector<std::string>& stages, double at_least) {
  const temporary_folder folder;
  const terminal screen;
  if (!screen.there()) {
    WARN("no terminal to be had: what is shown on one is not tested");
    return;
  }
  started_program program(folder, placed(command, folder), screen.name());
  const auto began = std::chrono::steady_clock::now();
  auto last = began;
  seconds longest(0);
  std::string text;
  const auto all = [&] {
    return std::all_of(stages.begin(), stages.end(), [&](const auto& s) { return has(text, s); });
  };
  while (!program.ended() && since(began) < patience &&
         !(all() && since(began) > seconds(at_least))) {
    const std::string more = screen.read(seconds(0.05));
    if (!text.empty()) longest = std::max(longest, since(last));
    if (!more.empty()) last = std::chrono::steady_clock::now();
    text += more;
  }
  for (std::string more = screen.read(seconds(0)); !more.empty(); more = screen.read(seconds(0)))
    text += more;
  program.send(SIGINT);
  program.end_after();
  INFO(text);
  CHECK(longest < silence);
  for (const std::string& stage : stages) CHECK(has(text, stage));
}

}  // namespace

TEST_CASE("commands that read a model stop within a second of an interrupt, at any moment") {
  stops({"thermo", "--permutations", "100000000"}, {0.3, 1, 2.5});
  stops({"quantize"}, {0.3, 0.8, 2});
  stops({"measure", "--surrogates", "2000"}, {0.3, 1.2});
  stops({"crystallize", "--progressive"}, {0.3, 1});
  stops({"autoencode"}, {0.3, 1.5});
  stops({"uncertainty", "--draws", "100000"}, {0.3, 1.5});
  stops({"pareto", "--steps", "20000"}, {0.3, 1.5});
  stops({"redundancy"}, {0.3, 1.5});
  stops({"redundancy", "--out", "OUT:heads"}, {2.5}, "interrupted; run it", true);
  stops({"compare", "tiny-gpt2", "tiny-gpt2"}, {0.3, 1.5});
}

TEST_CASE(
    "a study, a quantization and an ablation stop within a second of an interrupt, and can go on",
    "[alone]") {
  stops({"study", "--out", "OUT:study"}, {0.8, 2}, "interrupted; ", true);
  stops({"quantize", "--out", "OUT:quantized"}, {0.8, 2}, "interrupted; run it", true);
  stops({"ablate", "--out", "OUT:ablation"}, {0.5, 2}, "interrupted; no result was written", true);
  stops({"ablate", "--factors", "d_head,rms", "--out", "OUT:design"}, {0.8, 2},
        "interrupted; run it", true);
}

TEST_CASE("commands that read arrays stop within a second of an interrupt", "[alone]") {
  const temporary_folder inputs;
  const std::string cloud = normal_npy<2>(inputs, "cloud.npy", {6000, 24});
  const std::string wide = normal_npy<2>(inputs, "wide.npy", {1500, 2500});
  const std::string logits = normal_npy<2>(inputs, "logits.npy", {8000, 4000});
  const std::string clouds = normal_npy<3>(inputs, "clouds.npy", {6, 2000, 64});
  stops({"haar", "--dim", "512", "--local-dim", "40", "--draws", "100000000"}, {0.3, 0.6});
  stops({"two-nn", cloud, "--surrogates", "100000"}, {0.3, 0.6});
  stops({"dimension", cloud, "--surrogates", "100000"}, {0.3, 0.6});
  stops({"estimators", "--points", "1000", "--repeats", "100000"}, {0.3, 0.8});
  stops({"estimators", "--repeats", "100000", "--out", "OUT:estimators"}, {0.8},
        "interrupted; run it", true);
  stops({"calibrate"}, {0.3, 0.8});
  stops({"rank", wide}, {0.1});
  stops({"quantize-matrix", wide, "--activations", wide, "--basis", "gptq", "--out", "OUT:w.npy"},
        {0.3, 0.6});
  stops({"boltzmann", logits}, {0});
  stops({"overlap", clouds, "--local-dim", "30"}, {0.1});
}

TEST_CASE("two interrupts that come together are one") {
  stops({"quantize"}, {0.5}, "interrupted; no result was written", false, true);
}

TEST_CASE("a report stops after its first part too, and keeps no page") {
  const temporary_folder folder;
  const auto errors = folder / "stderr", out = folder / "report";
  started_program program(folder,
                          {"report", "--out", out.string(), "--parts", "measure,autoencode",
                           "--blocks", "20", "--deepest", "1", "--surrogates", "10"},
                          errors.string());
  const auto began = std::chrono::steady_clock::now();
  while (!std::filesystem::exists(out / "unfinished" / "measure.json") && since(began) < patience)
    wait(seconds(0.01));
  wait(seconds(0.2));
  REQUIRE_FALSE(program.ended());
  program.send(SIGINT);
  CHECK(program.end_after() < soon);
  CHECK(program.status() == 130);
  CHECK(has(atlas::io::read_text(errors), "atlas: interrupted"));
  CHECK_FALSE(std::filesystem::exists(out / "report.html"));
}

TEST_CASE("the system's request to end and a terminal that closes are interrupts") {
  for (const int signal : {SIGTERM, SIGHUP}) {
    const temporary_folder folder;
    const auto errors = folder / "stderr";
    started_program program(folder, {"quantize"}, errors.string());
    program.begun();
    wait(seconds(0.3));
    program.send(signal);
    CHECK(program.end_after() < soon);
    CHECK(program.status() == 130);
    CHECK(has(atlas::io::read_text(errors), "atlas: interrupted"));
  }
  // Not where nohup says that it is not.
  const temporary_folder folder;
  const auto before = std::signal(SIGHUP, SIG_IGN);
  started_program program(folder, {"quantize"}, (folder / "stderr").string());
  std::signal(SIGHUP, before);
  program.begun();
  program.send(SIGHUP);
  wait(seconds(1));
  CHECK_FALSE(program.ended());
}

/// A command that goes on for long and keeps what it has in a folder.
words long_run(const std::filesystem::path& out, const words& more = {}) {
  words all = {"estimators", "--manifolds", "torus_2", "--estimators", "mom:k=5",   "--points",
               "500",        "--repeats",   "1000000", "--out",        out.string()};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Waits until some parts are there.
void wait_for_parts(const std::filesystem::path& out) {
  const auto began = std::chrono::steady_clock::now();
  while (!std::filesystem::exists(out / "parts" / "torus_2-1.json") && since(began) < patience)
    wait(seconds(0.01));
}

TEST_CASE("two runs do not write to one folder, and a run that was killed holds none") {
  struct kept_run {
    words command;
    const char *lock, *begun;  ///< below its folder
  };
  const std::vector<kept_run> runs = {
      {long_run("OUT"), "parts/lock", "parts/torus_2-1.json"},
      {{"ablate", "--out", "OUT", "--head-dims", "8"}, "lock", "options.json"},
      {{"report", "--out", "OUT", "--parts", "measure"}, "unfinished/lock", "unfinished/lock"}};
  for (const kept_run& kept : runs) {
    const temporary_folder folder;
    const auto out = folder / "kept";
    words command = kept.command;
    std::replace(command.begin(), command.end(), std::string("OUT"), out.string());
    INFO(command[0]);
    /// Whether it has the folder; what it ended with otherwise.
    const auto holds = [&](started_program& program) {
      const auto began = std::chrono::steady_clock::now();
      const std::string holder = "process " + std::to_string(program.pid()) + " of ";
      while (!program.ended() && since(began) < patience) {
        if (std::filesystem::exists(out / kept.begun) &&
            has(atlas::io::read_text(out / kept.lock), holder))
          return true;
        wait(seconds(0.01));
      }
      return false;
    };
    started_program first(folder, command, (folder / "first").string());
    REQUIRE(holds(first));
    started_program second(folder, command, (folder / "second").string());
    CHECK_FALSE(holds(second));
    CHECK(second.status() == 2);
    const std::string said = atlas::io::read_text(folder / "second");
    CHECK(has(said, "kept: expected a folder that no other run writes to"));
    CHECK(has(said, "(process " + std::to_string(first.pid()) + " of "));
    REQUIRE_FALSE(first.ended());
    first.send(SIGKILL);
    first.end_after();
    started_program third(folder, command, (folder / "third").string());
    CHECK(holds(third));
  }
}

TEST_CASE("a folder that vanishes is told by its name") {
  const temporary_folder folder;
  const auto out = folder / "kept", errors = folder / "stderr";
  started_program program(folder, long_run(out), errors.string());
  wait_for_parts(out);
  std::error_code ignored;
  while (std::filesystem::exists(out)) std::filesystem::remove_all(out, ignored);
  program.end_after();
  CHECK(program.status() == 2);
  const std::string said = atlas::io::read_text(errors);
  CHECK(has(said, "No such file or directory"));
  CHECK(has(said, "kept/"));
  CHECK(std::count(said.begin(), said.end(), '\n') == 1);
}

TEST_CASE("weights that are written to while they are read end the run", "[alone]") {
  const temporary_folder folder;
  const auto model = folder / "model", weights = model / "model.safetensors";
  std::filesystem::copy(std::string(ATLAS_EXAMPLE_DATA) + "/tiny-llama", model);
  // Another file in the place of this one is none of the run's.
  const auto runs = [&](const char* surrogates, const auto& change) {
    const auto json = folder / "x.json", errors = folder / "stderr";
    std::filesystem::remove(json);
    started_program program(folder,
                            {"measure", "--model", model.string(), "--blocks", "12", "--layers",
                             "5", "--surrogates", surrogates, "--json", json.string()},
                            errors.string());
    const auto began = std::chrono::steady_clock::now();
    const auto has_opened = [&] {
      std::ifstream maps("/proc/" + std::to_string(program.pid()) + "/maps");
      const std::string text{std::istreambuf_iterator<char>(maps), {}};
      return has(text, "model.safetensors") || (!maps.is_open() && since(began) > seconds(0.5));
    };
    while (!program.ended() && !has_opened() && since(began) < patience) wait(seconds(0.002));
    change();
    while (!program.ended() && since(began) < patience) wait(seconds(0.01));
    CHECK(std::filesystem::exists(json) == (program.status() == 0));
    return atlas::io::read_text(errors);
  };
  CHECK(runs("0", [&] { atlas::io::write_file(weights, atlas::io::read_text(weights)); }).empty());
  const std::string said = runs("20", [&] { std::ofstream(weights, std::ios::app) << "x"; });
  CHECK(has(said, "model.safetensors: expected a file that stays as it is while it is read"));
}

TEST_CASE("an interrupt comes too late once the result is there", "[alone]") {
  const temporary_folder folder;
  const auto json = folder / "result.json", errors = folder / "stderr";
  const full_pipe out(folder / "stdout");
  started_program program(
      folder,
      {"haar", "--dim", "16", "--local-dim", "3", "--draws", "100", "--json", json.string()},
      errors.string());
  const auto began = std::chrono::steady_clock::now();
  while (!std::filesystem::exists(json) && since(began) < patience) wait(seconds(0.01));
  wait(seconds(0.5));  // it goes on to its table, which has no room
  REQUIRE_FALSE(program.ended());
  program.send(SIGINT);
  wait(seconds(1));  // long enough to be ended, were there no result
  REQUIRE_FALSE(program.ended());
  std::string said;
  while (!program.ended() && since(began) < patience) {
    said += out.read();
    wait(seconds(0.01));
  }
  said += out.read();
  CHECK(program.status() == 0);
  CHECK(has(said, "mean cosine"));
  CHECK(atlas::io::read_text(errors).empty());
}

/// Less work where all takes ten times as long.
words with_less_if_sanitized(words command, const words& less) {
  if (sanitized) command.insert(command.end(), less.begin(), less.end());
  return command;
}

TEST_CASE("what takes longer than a second says on a terminal what it does, and goes on doing so",
          "[alone]") {
  const words small = {"--layers", "3", "--blocks", "2", "--block-size", "64"};
  shows({"calibrate"}, {"two-nn: torus d 2, N 300"}, 1);
  shows({"estimators", "--repeats", "2000"}, {"clouds", " %"}, 1);
  shows({"haar", "--dim", "512", "--local-dim", "40", "--draws", "100000000"},
        {"random subspaces", " %"}, 2);
  shows(with_less_if_sanitized({"thermo", "--permutations", "20000"}, small),
        {"reading the model", "forward", "correlations"}, 2);
  words quantize = with_less_if_sanitized({"quantize", "--bits", "3"}, small);
  quantize = with_less_if_sanitized(quantize, {"--calibration-blocks", "2"});
  shows(quantize, {"reading the model", "gradients", "eigenbases", "quantizing"}, 2);
  shows(with_less_if_sanitized({"autoencode"}, {"--layers", "3", "--blocks", "6"}),
        {"reading the model", "forward", "autoencoders", " %"}, 2);
  shows({"redundancy"}, {"reading the model", "forward", "heads left out", " %"}, 2);
  shows({"study", "--out", "OUT:study"}, {"reading the models", "part 1 of ", ": forward"}, 2);
}

TEST_CASE("tables have styles on a terminal, unless NO_COLOR is set") {
  const words command = {"measure",  "--blocks", "12",           "--layers", "5",
                         "--points", "200",      "--surrogates", "10"};
  const auto shown = [&](bool plain) {
    const temporary_folder folder;
    const terminal screen;
    if (!screen.there()) return std::string();
    ::setenv("TERM", "xterm", 1);
    ::setenv("NO_COLOR", plain ? "1" : "", 1);
    started_program program(folder, command, (folder / "stderr").string(), screen.name());
    std::string text;
    const auto began = std::chrono::steady_clock::now();
    while (!program.ended() && since(began) < patience) text += screen.read(seconds(0.05));
    for (std::string more = screen.read(seconds(0)); !more.empty(); more = screen.read(seconds(0)))
      text += more;
    ::unsetenv("NO_COLOR");
    CHECK(program.status() == 0);
    CHECK(has(text, "surrogates (sd)"));
    return text;
  };
  const std::string styled = shown(false);
  if (styled.empty()) {
    WARN("no terminal to be had: tables on one are not tested");
    return;
  }
  CHECK(has(styled, "\x1b[2m"));
  CHECK_FALSE(has(shown(true), "\x1b["));
}
