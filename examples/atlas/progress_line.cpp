// SPDX-License-Identifier: MIT
#include "progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace atlas_program {

namespace {

using clock = std::chrono::steady_clock;

class progress_line {
 public:
  void show(std::string_view stage, double share) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    const clock::time_point now = clock::now();
    const bool another = !shown_ || stage != stage_;
    if (another) {
      stage_ = stage;
      began_ = now;
    }
    share_ = share;
    shown_ = true;
    if (another || now - drawn_ >= often) draw(now);
  }

  void tick() {
    const std::lock_guard lock(mutex_);
    const clock::time_point now = clock::now();
    if (shown_ && now - drawn_ >= seldom) draw(now);
  }

  void end() {
    const std::lock_guard lock(mutex_);
    clear();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    clear();
    closed_ = true;
  }

 private:
  static constexpr std::chrono::milliseconds often{50}, seldom{500};

  void clear() {
    if (!shown_) return;
    write("\r" + std::string(width_, ' ') + "\r");
    width_ = 0;
    shown_ = false;
  }

  void draw(clock::time_point now) {
    drawn_ = now;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - began_).count();
    const std::string percent =
        share_ < 0 ? "" : fmt::format("  {:3.0f} %", 100 * std::min(share_, 1.0));
    std::string text = stage_ + percent + "  " + minutes(seconds) + left(seconds);
    const std::size_t width = text.size();
    if (width < width_) text.append(width_ - width, ' ');
    width_ = width;
    write("\r" + text);
  }

  static std::string minutes(std::int64_t seconds) {
    return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  }

  /// What is left of the stage if it goes on as it did, once that can be guessed.
  std::string left(std::int64_t seconds) const {
    if (seconds < 3 || share_ < 0.02 || share_ >= 1) return "";
    const double rest = static_cast<double>(seconds) * (1 - share_) / share_;
    return ", about " + minutes(static_cast<std::int64_t>(rest) + 1) + " left";
  }

  /// What cannot be written is not needed.
  static void write(const std::string& text) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  }

  std::mutex mutex_;
  std::string stage_;
  double share_ = 0;
  bool shown_ = false, closed_ = false;
  std::size_t width_ = 0;
  clock::time_point began_, drawn_;
};

progress_line& the_line() {
  static progress_line line;
  return line;
}

}  // namespace

void show_progress(std::string_view stage, double share) {
  the_line().show(stage, share);
}

void tick_progress_line() {
  the_line().tick();
}

void end_progress_line() {
  the_line().end();
}

void close_progress_line() {
  the_line().close();
}

}  // namespace atlas_program
