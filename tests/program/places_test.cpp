// SPDX-License-Identifier: MIT
/// \file
/// Where results go: links, pipes, standard output, places that cannot be written, disks that are
/// full, and files that change while they are read.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "../catch.hpp"
#include "atlas/io/npy.hpp"
#include "lost_file.hpp"
#include "program_for_tests.hpp"

namespace places_test {

namespace {

using atlas_test::has, atlas_test::program_run, atlas_test::quoted, atlas_test::run,
    atlas_test::temporary_folder;
namespace fs = std::filesystem;

const std::string quick = "haar --dim 8 --local-dim 2 --draws 100 ";
const std::string clouds =
    "estimators --manifolds torus_2 --estimators mom:k=5,mom:k=10 --points 60 --repeats 3 ";

std::string text_of(const fs::path& file) {
  return atlas::io::read_text(file);
}

/// Runs the program in a shell that has done something before.
std::string after(const std::string& preparation, const std::string& redirections = "") {
  return "sh -c '" + preparation + "; exec \"$@\" " + redirections + "' sh";
}

/// What makes the program a user without rights, where the tests have all; empty where they have
/// not.
std::string as_nobody() {
  return ::geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : "";
}

/// Whether that user can run the program at all.
bool nobody_can_run(const temporary_folder& folder) {
  return run(folder, "--version", as_nobody()).status == 0;
}

/// A small array of numbers that count.
fs::path array(const temporary_folder& folder, const std::string& name, atlas::index_t rows,
               atlas::index_t columns) {
  atlas::owned_tensor<double, 2> x({rows, columns});
  for (atlas::index_t i = 0; i < x.size(); ++i)
    x.mutable_view().data()[i] = static_cast<double>((i * i * 7 + i * 3) % 101);
  const atlas::tensor_view<const double, 2> view = x;
  atlas::io::write_npy(folder / name, view);
  return folder / name;
}

/// \returns what was said against it
std::string refused(const program_run& r) {
  INFO(r.out << r.err);
  CHECK(r.status == 2);
  CHECK(r.one_line_of_error());
  CHECK(r.out.empty());
  return r.err;
}

}  // namespace

TEST_CASE("a link stays, and what it leads to is written") {
  const temporary_folder folder;
  const std::string expected = run(folder, quick + "--json -").out;
  folder.write("file", "before");
  fs::create_symlink("file", folder / "link");
  fs::create_symlink(folder / "link", folder / "link of a link");
  for (const char* name : {"link", "link of a link"}) {
    CHECK(run(folder, quick + "--json " + quoted(folder / name)).status == 0);
    CHECK(fs::is_symlink(folder / name));
    CHECK(text_of(folder / "file") == expected);
    folder.write("file", "before");
  }
  fs::create_symlink("not there yet", folder / "dangling");
  CHECK(run(folder, quick + "--json " + quoted(folder / "dangling")).status == 0);
  CHECK(fs::is_symlink(folder / "dangling"));
  CHECK(text_of(folder / "not there yet") == expected);
  fs::create_symlink("round", folder / "round");
  CHECK(has(refused(run(folder, quick + "--json " + quoted(folder / "round"))), "round"));
  fs::create_directory(folder / "inside");
  fs::create_symlink("inside", folder / "to a folder");
  CHECK(has(refused(run(folder, quick + "--json " + quoted(folder / "to a folder"))),
            "--json: expected a file, got"));
  fs::create_symlink("nowhere/file", folder / "into nowhere");
  CHECK(has(refused(run(folder, quick + "--json " + quoted(folder / "into nowhere"))),
            "--json: expected a file in a folder that is there"));
  // A folder of results may be a link too.
  CHECK(run(folder, clouds + "--out " + quoted(folder / "to a folder")).status == 0);
  CHECK(fs::is_symlink(folder / "to a folder"));
  CHECK(fs::exists(folder / "inside" / "result.json"));
}

TEST_CASE("the permissions of a file that is written again stay") {
  const temporary_folder folder;
  folder.write("secret", "before");
  ::chmod((folder / "secret").c_str(), 0600);
  CHECK(run(folder, quick + "--json " + quoted(folder / "secret")).status == 0);
  CHECK(fs::status(folder / "secret").permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a pipe is written to as it is") {
  const temporary_folder folder;
  const std::string expected = run(folder, quick + "--json -").out;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const std::string pipe = quoted(folder / "pipe"), got = quoted(folder / "got");
  CHECK(run(folder, quick + "--json " + pipe,
            "timeout 60 sh -c 'cat " + (folder / "pipe").string() + " >" +
                (folder / "got").string() + " & \"$@\"; s=$?; wait; exit $s' sh")
            .status == 0);
  CHECK(fs::is_fifo(folder / "pipe"));
  CHECK(text_of(folder / "got") == expected);
}

TEST_CASE("standard output may be named") {
  const temporary_folder folder;
  const std::string json = run(folder, quick + "--json -").out;
  CHECK(run(folder, quick + "--json /dev/stdout").out == json);
  // The file that standard output goes to is written once.
  const fs::path both = folder / "both";
  CHECK(run(folder, quick + "--json " + quoted(both), after(":", ">" + both.string())).status == 0);
  CHECK(text_of(both) == json);

  CHECK(run(folder, clouds + "--csv " + quoted(folder / "table.csv")).status == 0);
  const program_run csv = run(folder, clouds + "--csv -");
  CHECK(csv.status == 0);
  CHECK(csv.out == text_of(folder / "table.csv"));
  CHECK(run(folder, clouds + "--csv - --quiet").out == csv.out);
  CHECK(run(folder, clouds + "--csv - --json " + quoted(folder / "x.json")).out == csv.out);
  CHECK_FALSE(fs::exists("-"));
  CHECK(has(refused(run(folder, clouds + "--json - --csv -")),
            "--csv: expected a file, as standard output has what --json writes"));
  CHECK(has(refused(run(folder, clouds + "--out -")), "--out: expected a name"));
}

TEST_CASE("two results are not written to one file") {
  const temporary_folder folder;
  const std::string file = quoted(folder / "x");
  CHECK(has(refused(run(folder, clouds + "--json " + file + " --csv " + file)),
            "--csv: expected another file than --json writes"));
  CHECK(
      has(refused(run(folder, clouds + "--json " + file + " --csv " + quoted(folder / "." / "x"))),
          "--csv: expected another file than --json writes"));
  CHECK_FALSE(fs::exists(folder / "x"));
}

TEST_CASE("what is read is not written over") {
  const temporary_folder folder;
  const fs::path cloud = array(folder, "cloud.npy", 60, 3);
  const std::string bytes = text_of(cloud);
  fs::create_symlink("cloud.npy", folder / "link.npy");
  for (const char* name : {"cloud.npy", "link.npy"})
    CHECK(has(refused(run(folder, "two-nn " + quoted(cloud) + " --json " + quoted(folder / name))),
              "--json: expected another file than those that are read"));
  CHECK(has(refused(run(folder, "quantize-matrix " + quoted(cloud) + " --activations " +
                                    quoted(cloud) + " --out " + quoted(cloud))),
            "--out: expected another file than those that are read"));
  CHECK(text_of(cloud) == bytes);
  fs::copy(std::string(ATLAS_EXAMPLE_DATA) + "/tiny-llama", folder / "model");
  CHECK(has(refused(run(folder, "measure --model " + quoted(folder / "model") + " --json " +
                                    quoted(folder / "model" / "config.json"))),
            "--json: expected another file than those that are read"));
}

TEST_CASE("a place that cannot be written is told before the work") {
  const temporary_folder folder;
  folder.write("file", "");
  const std::string long_work = "haar --dim 512 --local-dim 40 --draws 100000000 --json ";
  CHECK(has(refused(run(folder, long_work + quoted(folder / "no" / "x"))),
            "--json: expected a file in a folder that is there"));
  CHECK(has(refused(run(folder, long_work + quoted(folder / "file" / "x"))),
            "--json: expected a file in a folder that is there"));
  CHECK(
      has(refused(run(folder, long_work + quoted(folder.path()))), "--json: expected a file, got"));
  const fs::path cloud = array(folder, "cloud.npy", 60, 3);
  CHECK(has(refused(run(folder, "quantize-matrix " + quoted(cloud) + " --activations " +
                                    quoted(cloud) + " --out " + quoted(folder / "no" / "w.npy"))),
            "--out: expected a file in a folder that is there"));
  for (const char* command : {"estimators", "redundancy", "quantize", "study", "ablate", "report"})
    CHECK(has(refused(run(folder, std::string(command) + " --out " + quoted(folder / "file"))),
              "file"));
}

TEST_CASE("a folder or a file that may not be written is told before the work") {
  const temporary_folder folder;
  if (!nobody_can_run(folder)) {
    WARN("no other user can run the program: what may not be written is not tested");
    return;
  }
  folder.write("read only", "before");
  ::chmod((folder / "read only").c_str(), 0444);
  fs::create_directory(folder / "open");
  ::chmod((folder / "open").c_str(), 0777);
  if (::geteuid() != 0) ::chmod(folder.path().c_str(), 0555);
  // Nothing can be written beside: the shell that reads what was said writes elsewhere.
  const temporary_folder other;
  const std::string long_work = "haar --dim 512 --local-dim 40 --draws 100000000 --json ";
  CHECK(has(refused(run(other, long_work + quoted(folder / "x"), as_nobody())),
            "--json: expected a file in a folder that can be written to"));
  CHECK(has(refused(run(other, long_work + quoted(folder / "read only"), as_nobody())),
            "--json: expected a file that can be written to"));
  CHECK(has(refused(run(other, clouds + "--out " + quoted(folder / "x"), as_nobody())),
            "Permission denied"));
  CHECK(run(other, quick + "--json " + quoted(folder / "open" / "x"), as_nobody()).status == 0);
  // As root a program that renames would take away the device.
  CHECK(
      has(refused(run(other, quick + "--json /dev/full", as_nobody())), "No space left on device"));
  if (::geteuid() != 0) ::chmod(folder.path().c_str(), 0755);
  CHECK(text_of(folder / "read only") == "before");
}

TEST_CASE("a full disk is an error that names the file, and a run goes on once there is room") {
  const temporary_folder folder;
  const std::string no_room = after("ulimit -f 1");
  folder.write("x.json", "before");
  const std::string said =
      refused(run(folder, clouds + "--json " + quoted(folder / "x.json"), no_room));
  CHECK(has(said, "x.json: expected a path that can be written, got File too large"));
  CHECK(text_of(folder / "x.json") == "before");
  CHECK(folder.size() == 1);

  CHECK(has(refused(run(folder, clouds + "--out " + quoted(folder / "kept"), no_room)),
            "File too large"));
  for (const auto& entry : fs::recursive_directory_iterator(folder / "kept"))
    CHECK_FALSE(has(entry.path().string(), ".tmp-"));
  CHECK(run(folder, clouds + "--out " + quoted(folder / "kept")).status == 0);
  CHECK(text_of(folder / "kept" / "result.json") == run(folder, clouds + "--json -").out);

  if (std::system("test -c /dev/full") == 0)
    CHECK(has(run(folder, quick, after(":", ">/dev/full")).err, "standard output"));
}

TEST_CASE("standard streams that are closed are no files of the program") {
  const temporary_folder folder;
  const std::string json = run(folder, quick + "--json -").out;
  for (const char* closed : {"<&-", "2>&-", "<&- 2>&-"}) {
    INFO(closed);
    const fs::path file = folder / "x.json";
    CHECK(run(folder, quick + "--json " + quoted(file), after(":", closed)).status == 0);
    CHECK(text_of(file) == json);
    fs::remove(file);
  }
  const program_run r =
      run(folder, quick + "--json " + quoted(folder / "x.json"), after(":", ">&-"));
  CHECK(has(refused(r), "standard output: expected room for the result"));
  CHECK(text_of(folder / "x.json") == json);
  CHECK(has(refused(run(folder, quick, after(":", "<&- >&-"))), "standard output"));
}

TEST_CASE("who reads the table may stop, and files are there all the same") {
  const temporary_folder folder;
  const std::string file = (folder / "x.json").string();
  CHECK(run(folder, quick + "--json " + quoted(folder / "x.json"), "sh -c '\"$@\" | head -c 1' sh")
            .out.size() == 1);
  CHECK(text_of(file) == run(folder, quick + "--json -").out);
}

TEST_CASE("what a killed run left beside a file is removed once nobody can be writing to it") {
  const temporary_folder folder;
  const std::string old = "x.json.tmp-0123456789abcdef", fresh = "x.json.tmp-fedcba9876543210";
  const std::string others = "y.json.tmp-0123456789abcdef", similar = "x.json.tmp-notes";
  for (const std::string& name : {old, fresh, others, similar}) {
    folder.write(name, "half");
    if (name != fresh)
      fs::last_write_time(folder / name, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  CHECK(run(folder, quick + "--json " + quoted(folder / "x.json")).status == 0);
  CHECK_FALSE(fs::exists(folder / old));
  for (const std::string& name : {fresh, others, similar}) CHECK(fs::exists(folder / name));
}

TEST_CASE("a file that is made shorter while it is read is told by its name") {
  const temporary_folder folder;
  folder.write("model.safetensors", std::string(20000, 'x'));
  const std::string errors = (folder / "stderr").string();
  const pid_t child = ::fork();
  if (child == 0) {
    if (std::freopen(errors.c_str(), "w", stderr) == nullptr) ::_exit(1);
    atlas_program::name_lost_files();
    const atlas::io::mapped_file mapped(folder / "model.safetensors");
    fs::resize_file(folder / "model.safetensors", 100);
    const volatile std::byte* lost = &mapped.bytes()[19000];
    ::_exit(*lost == std::byte{'x'} ? 3 : 4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 2);
  const std::string said = text_of(errors);
  CHECK(said.starts_with("atlas: /"));
  CHECK(has(said, "model.safetensors: expected a file that stays as it is while it is read"));
}

}  // namespace places_test
