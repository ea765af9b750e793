// SPDX-License-Identifier: MIT
/// \file
/// The program under mpirun: the same bytes for every number of ranks, errors that are told once,
/// and what is kept when a rank is killed.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/io/npy.hpp"
#include "program_for_tests.hpp"

namespace ranks_test {

namespace {

using atlas::index_t, atlas::owned_tensor;
using atlas_test::entry, atlas_test::has, atlas_test::normal_cloud, atlas_test::program_run,
    atlas_test::quoted, atlas_test::run, atlas_test::temporary_folder;
namespace fs = std::filesystem;

/// Open MPI in a container, as root, with more ranks than processors.
const std::string mpirun =
    "env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
    "OMPI_MCA_rmaps_base_oversubscribe=1 "
    "OMPI_MCA_btl_vader_single_copy_mechanism=none " ATLAS_MPIRUN " ";

std::string on(int ranks) {
  return mpirun + "-np " + std::to_string(ranks);
}

std::string text_of(const fs::path& file) {
  return atlas::io::read_text(file);
}

/// Runs a command as one process and as some ranks, with all that it can write.
void same_for_ranks(const std::string& arguments, const std::vector<int>& ranks, bool table) {
  const temporary_folder folder;
  const auto files = [&](const std::string& name) {
    return " --json " + quoted(folder / (name + ".json")) + " --csv " +
           quoted(folder / (name + ".csv"));
  };
  const program_run one = run(folder, arguments + files("one"));
  REQUIRE(one.status == 0);
  for (const int count : ranks) {
    CAPTURE(arguments, count);
    const program_run several = run(folder, arguments + files("several"), on(count));
    INFO(several.err);
    CHECK(several.status == 0);
    CHECK(several.err.empty());
    if (table) CHECK(several.out == one.out);
    CHECK(text_of(folder / "several.json") == text_of(folder / "one.json"));
    CHECK(text_of(folder / "several.csv") == text_of(folder / "one.csv"));
  }
}

template <class T, std::size_t Rank>
void write_npy(const fs::path& file, const owned_tensor<T, Rank>& x) {
  atlas::io::write_npy(file, static_cast<const atlas::tensor_view<const T, Rank>&>(x));
}

owned_tensor<float, 2> cloud(index_t n, index_t d, bool whole, std::uint64_t seed = 3) {
  const Eigen::MatrixXd normal = normal_cloud(n, d, seed);
  owned_tensor<float, 2> out({n, d});
  for (index_t i = 0; i < n; ++i)
    for (index_t c = 0; c < d; ++c)
      out.mutable_view()(i, c) =
          static_cast<float>(whole ? std::round(8 * normal(i, c)) : normal(i, c));
  return out;
}

TEST_CASE("layers are measured by ranks as by one process, and heads where layers are fewer",
          "[bytes]") {
  const std::string small =
      "measure --model tiny-llama --blocks 10 --block-size 48 --points 90 "
      "--surrogates 10 --local-dim auto --ranks 2 --perplexity ";
  same_for_ranks(small, {2, 4}, true);
  same_for_ranks(small + "--profile --layers 2,4 ", {3, 5}, true);
  same_for_ranks(
      "measure --blocks 10 --block-size 48 --points 200 --surrogates 10 --local-dim 4 "
      "--deepest 2 --without-sinks --sink-weight 0.1 --sink-norm 1000 ",
      {3}, true);
}

TEST_CASE("clouds of manifolds are measured by ranks as by one process", "[bytes]") {
  same_for_ranks(
      "estimators --manifolds torus_2,cube_3 --estimators mom:k=5,two_nn --points 80 "
      "--repeats 5",
      {2, 4}, true);
}

TEST_CASE("simulations are divided among ranks", "[bytes]") {
  const temporary_folder folder;
  const std::string command = "calibrate --what contexts --clouds 20 --json -";
  const program_run one = run(folder, command);
  REQUIRE(one.status == 0);
  CHECK(run(folder, command, on(3)).out == one.out);
}

TEST_CASE("models of a design are divided among ranks, and a sweep is refused", "[bytes]") {
  const std::string small =
      "ablate --model-dim 32 --steps 3 --batch 2 --block-size 32 --held-out 0.02 --points 60 "
      "--surrogates 10 ";
  same_for_ranks(small +
                     "--factors d_head,rms,gated --design half --head-dims 4,8 --seeds 2 "
                     "--passages 6 ",
                 {2, 3}, true);
  const temporary_folder folder;
  const program_run sweep = run(folder, small + "--head-dims 8", on(2));
  CHECK(sweep.status == 2);
  CHECK(has(sweep.err, "mpirun: expected --factors"));
}

TEST_CASE("neighbours of one cloud are found by ranks as by one process", "[bytes]") {
  const temporary_folder folder;
  write_npy(folder / "cloud.npy", cloud(701, 6, false));
  write_npy(folder / "whole.npy", cloud(500, 3, true));  // many rows coincide or are as far
  write_npy(folder / "few.npy", cloud(3, 2, false));     // fewer than ranks
  for (const char* name : {"context", "position"}) {
    owned_tensor<index_t, 1> labels({701});
    for (index_t i = 0; i < 701; ++i)
      labels.mutable_view()[i] = std::string(name) == "context" ? i / 12 : i % 12;
    write_npy(folder / (std::string(name) + ".npy"), labels);
  }
  const std::string context = " --context " + quoted(folder / "context.npy");
  const std::string position = " --position " + quoted(folder / "position.npy");
  const std::string several = " --estimators two_nn,mle:k=10,mom:k=10,local_pca ";
  for (const std::string& options :
       {quoted(folder / "cloud.npy") + several, quoted(folder / "cloud.npy") + several + context,
        quoted(folder / "cloud.npy") + several + context + position + " --exclude 3",
        quoted(folder / "whole.npy") + several + " --by-scale",
        quoted(folder / "few.npy") + " --estimators two_nn"})
    same_for_ranks("dimension " + options, {2, 4}, false);
}

using file_times = std::map<std::string, fs::file_time_type>;

file_times parts_of(const fs::path& folder) {
  file_times out;
  std::error_code ignored;
  for (const auto& part : fs::directory_iterator(folder / "parts", ignored))
    if (part.path().extension() == ".json") out[part.path().filename()] = part.last_write_time();
  return out;
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& file : fs::recursive_directory_iterator(folder))
    if (file.is_regular_file())
      files[fs::relative(file.path(), folder).string()] = text_of(file.path());
  return files;
}

/// Starts a command and kills its last rank once some parts are there.
/// \return what mpirun ended with
int kill_a_rank(const temporary_folder& folder, const std::string& arguments, int ranks, int parts,
                const fs::path& out) {
  const fs::path script = folder.write(
      "kill.sh", "exec 2>" + quoted(folder / "kill.err") + "\n" + on(ranks) +
                     " '" ATLAS_PROGRAM "' " + arguments +
                     " &\nlauncher=$!\n"
                     "for i in $(seq 600); do\n"
                     "  [ $(ls " +
                     quoted(out / "parts") + "/*.json 2>/dev/null | wc -l) -gt " +
                     std::to_string(parts) +
                     " ] && break\n  sleep 0.05\ndone\n"
                     "kill -KILL $(cat /proc/$launcher/task/*/children | awk '{print $NF}')\n"
                     "wait $launcher\n");
  const int status = std::system(("bash " + quoted(script) + " >/dev/null").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// What was finished before a rank was killed is not measured again, by any number of ranks.
void loses_nothing(const std::string& arguments, int parts) {
  const temporary_folder folder;
  const auto into = [&](const char* name) { return arguments + " --out " + quoted(folder / name); };
  const program_run one = run(folder, into("one"));
  REQUIRE(one.status == 0);
  CHECK(kill_a_rank(folder, into("killed"), 2, parts, folder / "killed") != 0);
  CHECK(has(text_of(folder / "kill.err"), "signal 9"));
  const file_times before = parts_of(folder / "killed");
  REQUIRE(static_cast<int>(before.size()) > parts);
  REQUIRE(before.size() < parts_of(folder / "one").size());
  const program_run again = run(folder, into("killed"), on(4));
  CHECK(again.status == 0);
  CHECK(again.out == one.out);
  const file_times after = parts_of(folder / "killed");
  for (const auto& [name, time] : before) {
    CAPTURE(name);
    CHECK(after.at(name) == time);
  }
  CHECK(contents(folder / "killed") == contents(folder / "one"));
}

TEST_CASE("a rank that is killed loses nothing that is finished", "[bytes]") {
  loses_nothing(
      "study --model tiny-llama --text moby-dick --blocks 5 --block-size 48 --points 90 "
      "--surrogates 10 --manifold-draws 10 --epochs 3 --local-dim 4",
      3);
  loses_nothing(
      "estimators --manifolds torus_2,cube_3 --estimators two_nn,mom:k=20 --points 1500 "
      "--repeats 40",
      8);
}

TEST_CASE("an error on one rank is told once, with its shard, and ends all ranks", "[bytes]") {
  const temporary_folder folder;
  const owned_tensor<float, 2> good = cloud(80, 4, false), narrow = cloud(80, 2, false);
  const auto view = [](const owned_tensor<float, 2>& x) {
    return static_cast<const atlas::tensor_view<const float, 2>&>(x);
  };
  atlas::io::write_safetensors(
      folder / "clouds.safetensors",
      {entry("layer.0.head.0", view(good)), entry("layer.0.head.1", view(good)),
       entry("layer.1.head.0", view(narrow)), entry("layer.1.head.1", view(narrow))},
      {});
  // Layer 1 has no room for subspaces of 3 dimensions.
  const std::string command =
      "measure --surrogates 0 --local-dim 3 --clouds " + quoted(folder / "clouds.safetensors");
  const program_run one = run(folder, command);
  CHECK(one.status == 2);
  REQUIRE(one.one_line_of_error());
  for (const int count : {2, 4}) {
    const program_run several = run(folder, command, on(count));
    INFO(several.err);
    CHECK(several.status == one.status);
    CHECK(several.out.empty());
    const std::size_t at = several.err.find("atlas: ");
    REQUIRE(at != std::string::npos);
    CHECK(several.err.find("atlas: ", at + 1) == std::string::npos);
    CHECK(has(several.err, one.err.substr(7, one.err.size() - 8)));
    CHECK(has(several.err, "layer.1: "));
    CHECK(has(several.err, "(on rank 1)\n"));
  }
}

TEST_CASE("a rank that cannot start a thread ends all, whichever it is", "[bytes]") {
  const temporary_folder folder;
  for (const char* rank : {"0", "1"}) {
    CAPTURE(rank);
    const program_run r =
        run(folder, "measure --blocks 2 --block-size 64 --layers 0 --points 60 --surrogates 0",
            "timeout 60 " + on(2) + " env ATLAS_FAILING_RANK=" + rank +
                " LD_PRELOAD='" ATLAS_FAILING_THREADS "'");
    CHECK(r.status == 2);
    CHECK(r.out.empty());
    CHECK(has(r.err, "atlas: a thread that waits for interrupts cannot be started: "));
    CHECK(has(r.err, "(on rank " + std::string(rank) + ")\n"));
  }
}

TEST_CASE("what all ranks refuse is told as by one process", "[bytes]") {
  const temporary_folder folder;
  const std::string command = "measure --blocks none";
  const program_run one = run(folder, command), several = run(folder, command, on(2));
  CHECK(several.status == one.status);
  CHECK(has(several.err, one.err));
  CHECK(several.err.find("atlas: ") == several.err.rfind("atlas: "));
}

TEST_CASE("commands that do not divide their work are refused under mpirun", "[bytes]") {
  const temporary_folder folder;
  const program_run r = run(folder, "haar --dim 8 --local-dim 2", on(2));
  CHECK(r.status == 2);
  CHECK(r.out.empty());
  CHECK(has(r.err, "atlas: mpirun: expected one of ablate --factors, calibrate, dimension"));
  CHECK(run(folder, "--version", on(2)).out == run(folder, "--version").out);
  CHECK(run(folder, "haar --dim 8 --local-dim 2", on(1)).status == 0);
}

}  // namespace

}  // namespace ranks_test
