// SPDX-License-Identifier: MIT
#include "interrupts.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "atlas/core/errors.hpp"
#include "progress_line.hpp"
#include "ranks.hpp"

namespace atlas_program {

namespace {

/// How long work may go on to its next step.
constexpr std::chrono::milliseconds grace{400};
/// How often signals and the progress line are looked at.
constexpr std::chrono::milliseconds pace{50};

std::atomic<int> signals_seen = 0;
static_assert(std::atomic<int>::is_always_lock_free, "it is written in a signal handler");

std::atomic<bool> results_there = false;
std::mutex file_mutex, text_mutex;
std::string interrupt_text = "interrupted; no result was written";

extern "C" void note_interrupt(int signal) {
  static volatile std::time_t first = 0;
  const std::time_t now = std::time(nullptr);
  if (signals_seen.load() == 0) {
    first = now;
    signals_seen = 1;
  } else if (now - first > 1) {
    // timeout sends its signal to the program and then to the group it is in: that is one.
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

/// Ends the program wherever its threads are. Not while a file is being written.
void end_now() {
  const std::lock_guard lock(file_mutex);
  if (results_there) return;
  close_progress_line();
  const std::string text = "atlas: " + interrupt_message() + "\n";
  // Not by stdio, whose lock another thread may hold.
  if (rank() == 0) [[maybe_unused]]
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  std::_Exit(130);
}

}  // namespace

bool interrupted() {
  return signals_seen.load() != 0 && !results_there;
}

void stop_if_interrupted() {
  if (interrupted()) throw atlas::cancelled();
}

std::string interrupt_message() {
  const std::lock_guard lock(text_mutex);
  return interrupt_text;
}

void set_interrupt_message(std::string message) {
  const std::lock_guard lock(text_mutex);
  interrupt_text = std::move(message);
}

unbroken_writing::unbroken_writing(after_interrupt what) {
  file_mutex.lock();
  if (what == after_interrupt::allowed || !interrupted()) return;
  file_mutex.unlock();
  throw atlas::cancelled();
}

unbroken_writing::~unbroken_writing() {
  file_mutex.unlock();
}

void unbroken_writing::is_the_result() {
  results_there = true;
}

interrupt_watch::interrupt_watch() {
  std::signal(SIGINT, note_interrupt);
  std::signal(SIGTERM, note_interrupt);
  // A terminal that closes, unless nohup has said that it is to be ignored.
  struct sigaction usual {};
  if (::sigaction(SIGHUP, nullptr, &usual) == 0 && usual.sa_handler != SIG_IGN)
    std::signal(SIGHUP, note_interrupt);
  thread_ = std::thread([this] { watch(); });
}

interrupt_watch::~interrupt_watch() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_one();
  thread_.join();
  end_progress_line();
}

void interrupt_watch::watch() {
  using clock = std::chrono::steady_clock;
  clock::time_point noticed{};
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, pace, [this] { return over_; })) {
    tick_progress_line();
    if (!interrupted()) continue;
    if (noticed == clock::time_point{}) noticed = clock::now();
    if (clock::now() - noticed >= grace) end_now();
  }
}

}  // namespace atlas_program
