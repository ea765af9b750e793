// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Interrupts: Ctrl-C, SIGTERM and a terminal that closes. Work ends at its next step, and where
/// that is more than half a second away the program ends without it: status 130 in either case, and
/// nothing half written.

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace atlas_program {

/// Whether there was an interrupt that results do not outrun.
bool interrupted();

/// \throws atlas::cancelled after an interrupt
void stop_if_interrupted();

/// What the program says of an interrupt.
std::string interrupt_message();
void set_interrupt_message(std::string message);

/// While one is alive, the program does not end in the middle of a file. Not nested.
class unbroken_writing {
 public:
  enum class after_interrupt { refused, allowed };

  /// \throws atlas::cancelled after an interrupt, unless that is allowed
  explicit unbroken_writing(after_interrupt what = after_interrupt::refused);
  ~unbroken_writing();
  unbroken_writing(const unbroken_writing&) = delete;
  unbroken_writing& operator=(const unbroken_writing&) = delete;

  /// The results are there: an interrupt comes too late, and the program ends as it would have.
  void is_the_result();
};

/// From its construction on interrupts are noted. A second one ends the program at once, unless it
/// came with the first.
class interrupt_watch {
 public:
  interrupt_watch();
  ~interrupt_watch();
  interrupt_watch(const interrupt_watch&) = delete;
  interrupt_watch& operator=(const interrupt_watch&) = delete;

 private:
  void watch();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace atlas_program
