// SPDX-License-Identifier: MIT
/// \file
/// The atlas program: one subcommand a measurement. Exit status 0, or 2 after one line of what was
/// wrong on standard error, or 130 after an interrupt.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "atlas/version.hpp"
#include "common.hpp"
#include "dispatch.hpp"
#include "interrupts.hpp"
#include "options.hpp"
#include "typing_errors.hpp"

namespace {

/// Errors are one line, whatever is in the name of a file.
int complain(std::string what) {
  std::replace_if(
      what.begin(), what.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  fmt::print(stderr, "atlas: {}\n", what);
  return 2;
}

}  // namespace

int main(int argc, char** argv) try {
#ifdef ATLAS_DISPATCH
  atlas_program::hand_over(argv);
#endif
  const atlas_program::interrupt_watch watch;
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
    if (e.get_exit_code() == 0) return program.exit(e);
    return complain(
        atlas_program::typing_error(program, e, std::vector<std::string>(argv + 1, argv + argc)));
  }
  return 0;
} catch (const atlas::cancelled&) {
  complain(atlas_program::interrupt_message());
  return 130;
} catch (const std::bad_alloc&) {
  return complain("not enough memory");
} catch (const std::exception& e) {
  return complain(e.what());
}
