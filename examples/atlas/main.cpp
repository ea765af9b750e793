// SPDX-License-Identifier: MIT
/// \file
/// The atlas program: one subcommand a measurement. Exit status 0, or 2 after one line of what was
/// wrong on standard error, or 130 after an interrupt.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "atlas/version.hpp"
#include "common.hpp"
#include "dispatch.hpp"
#include "interrupts.hpp"
#include "lost_file.hpp"
#include "options.hpp"
#include "plain_text.hpp"
#include "ranks.hpp"
#include "standard_streams.hpp"
#include "typing_errors.hpp"

namespace {

/// Errors are one line, whatever is in the name of a file, and are told by rank 0 alone.
int complain(std::string what) {
  std::replace_if(
      what.begin(), what.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  if (atlas_program::rank() == 0)
    fmt::print(stderr, "atlas: {}\n", atlas_program::plain_text(what));
  return 2;
}

/// Where memory runs out in a destructor or in a library that does not expect it, no exception can
/// leave: the run ends here as others do that fail. What was being written stays beside its place,
/// as after a kill.
[[noreturn]] void end_without_memory() {
  try {
    if (const std::exception_ptr reason = std::current_exception()) std::rethrow_exception(reason);
  } catch (const std::bad_alloc&) {
    std::fputs("atlas: not enough memory, not even to stop in order\n", stderr);
    std::_Exit(2);
  } catch (...) {
  }
  std::abort();
}

/// \throws whatever is wrong with what was typed, and with the work
void run(int argc, char** argv) {
  std::set_terminate(end_without_memory);
  CLI::App program(
      "Geometry, thermodynamics and quantization of transformer attention: every estimate with its "
      "interval and its null.",
      "atlas");
  program.set_version_flag("--version", std::string("atlas ") + atlas::version);
  program.require_subcommand(1);
  program.footer("Examples:\n  atlas measure\n  atlas two-nn --help");
  atlas_program::add_commands(program);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0)
      throw atlas::error(
          atlas_program::typing_error(program, e, std::vector<std::string>(argv + 1, argv + argc)));
    if (atlas_program::rank() == 0) program.exit(e);
  }
}

/// An error of this rank, which the others hear of.
int fail(const std::string& what) try {
  const atlas_program::rank_failure failure{-1, what};
  atlas_program::meet(&failure);
  return 2;
} catch (const atlas_program::ranks_failed& e) {
  return complain(e.what());
}

/// The work of this rank, and what became of that of all.
int run_on_ranks(int argc, char** argv) try {
  atlas_program::check_same_on_all_ranks(argc, argv);
  run(argc, argv);
  atlas_program::meet();
  return 0;
} catch (const atlas::cancelled&) {
  throw;
} catch (const atlas_program::ranks_failed& e) {
  return complain(e.what());
} catch (const std::bad_alloc&) {
  return fail("not enough memory");
} catch (const std::exception& e) {
  return fail(e.what());
}

/// After an interrupt nobody waits for the other ranks, which the launcher ends.
int stop() {
  complain(atlas_program::interrupt_message());
  if (atlas_program::ranks() > 1) std::_Exit(130);
  return 130;
}

}  // namespace

int main(int argc, char** argv) try {
  atlas_program::prepare_standard_streams();
#ifdef ATLAS_DISPATCH
  atlas_program::hand_over(argv);
#endif
  const atlas_program::rank_session session;
  atlas_program::name_lost_files();  // after MPI, which would warn that it cannot do so itself
  std::optional<atlas_program::interrupt_watch> watch;
  try {
    watch.emplace();
    return run_on_ranks(argc, argv);
  } catch (const atlas::cancelled&) {
    return stop();
  } catch (const std::system_error& e) {
    if (watch) throw;
    // The other ranks, which may have theirs, are not to wait for this one.
    return fail(std::string("a thread that waits for interrupts cannot be started: ") + e.what());
  }
} catch (const std::exception& e) {
  return complain(e.what());
}
