// SPDX-License-Identifier: MIT
#include "folder_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "atlas/core/errors.hpp"

namespace atlas_program {

namespace {

/// Whether a path still leads to the file that was opened.
bool is_still_there(const std::filesystem::path& file, int handle) {
  struct stat named {
  }, opened{};
  return ::stat(file.c_str(), &named) == 0 && ::fstat(handle, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/// What its holder has written: who that is.
std::string holder_of(int handle) {
  char text[200];
  const auto size = ::pread(handle, text, sizeof text, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "unknown";
}

std::string this_process() {
  char host[100] = "";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("process {} of {}", ::getpid(), host);
}

}  // namespace

folder_lock::folder_lock(std::filesystem::path file, const std::filesystem::path& folder)
    : file_(std::move(file)) {
  for (int tries = 0;; ++tries) {
    if (tries == 100)
      throw atlas::error(folder.string(), "a folder whose files stay what they are",
                         "a lock that is another file each time");
    handle_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (handle_ < 0)
      throw atlas::error(folder.string(), "a folder that can be written to",
                         std::generic_category().message(errno));
    if (::flock(handle_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      const std::string holder = holder_of(handle_);
      ::close(handle_);
      throw atlas::error(folder.string(), "a folder that no other run writes to",
                         fmt::format("one that another run writes to ({})", holder));
    }
    if (is_still_there(file_, handle_)) break;
    ::close(handle_);  // the run that had it has ended and removed it in between
  }
  const std::string holder = this_process();
  if (::ftruncate(handle_, 0) == 0) [[maybe_unused]]  // for those who are refused, no more
    const auto written = ::pwrite(handle_, holder.data(), holder.size(), 0);
}

folder_lock::~folder_lock() {
  if (is_still_there(file_, handle_)) ::unlink(file_.c_str());
  ::close(handle_);
}

}  // namespace atlas_program
