// SPDX-License-Identifier: MIT
#include "lost_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>

namespace atlas_program {

namespace {

// A handler of signals may call very little: what follows uses open, read and write alone.

/// A line of /proc/self/maps: "first-end rights offset device inode      path".
struct line_of_maps {
  std::array<char, 5000> text;
  std::size_t size = 0;
};

/// The number of hexadecimal digits from `at` on, which moves behind them.
std::uintptr_t number_at(const line_of_maps& line, std::size_t& at) {
  std::uintptr_t number = 0;
  for (; at < line.size; ++at) {
    const char c = line.text[at];
    if (c >= '0' && c <= '9')
      number = 16 * number + static_cast<std::uintptr_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      number = 16 * number + static_cast<std::uintptr_t>(c - 'a' + 10);
    else
      break;
  }
  return number;
}

bool has_address(const line_of_maps& line, std::uintptr_t address) {
  std::size_t at = 0;
  const std::uintptr_t first = number_at(line, at);
  const std::uintptr_t end = number_at(line, ++at);
  return first <= address && address < end;
}

/// Where the path begins, which is where the line has its first slash; its size where it has none.
std::size_t path_of(const line_of_maps& line) {
  std::size_t at = 0;
  while (at < line.size && line.text[at] != '/') ++at;
  return at;
}

/// The line of the mapping with an address. \returns false where there is none
bool find_mapping(std::uintptr_t address, line_of_maps& line) {
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return false;
  std::array<char, 1024> bytes;
  bool found = false;
  for (ssize_t size = 0; !found && (size = ::read(maps, bytes.data(), bytes.size())) > 0;) {
    for (std::size_t i = 0; !found && i < static_cast<std::size_t>(size); ++i) {
      if (bytes[i] != '\n') {
        if (line.size < line.text.size()) line.text[line.size++] = bytes[i];
        continue;
      }
      found = has_address(line, address);
      if (!found) line.size = 0;
    }
  }
  ::close(maps);
  return found;
}

void write_text(const char* text, std::size_t size) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, size);
}

extern "C" void tell_of_lost_file(int signal, siginfo_t* info, void*) {
  static std::atomic_flag told = ATOMIC_FLAG_INIT;
  while (told.test_and_set()) ::pause();  // another thread is telling, and ends the program
  static line_of_maps line{};
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const std::size_t path = find_mapping(address, line) ? path_of(line) : line.size;
  if (path == line.size) {  // no file: memory that is broken
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  constexpr char before[] = "atlas: ";
  constexpr char after[] =
      ": expected a file that stays as it is while it is read, got one that was made shorter, or "
      "whose disk cannot be read\n";
  if (::isatty(STDERR_FILENO) != 0) write_text("\n", 1);  // the line of progress stays above
  write_text(before, sizeof before - 1);
  write_text(line.text.data() + path, line.size - path);
  write_text(after, sizeof after - 1);
  ::_exit(2);
}

}  // namespace

void name_lost_files() {
  struct sigaction action {};
  action.sa_sigaction = tell_of_lost_file;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace atlas_program
