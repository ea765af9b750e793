// SPDX-License-Identifier: MIT
#include "folder.hpp"

#include <system_error>
#include <utility>

#include "../leftovers.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/io/files.hpp"

namespace atlas_program {

namespace {

namespace fs = std::filesystem;

constexpr const char* page_name = "report.html";
constexpr const char* figure_files[] = {".csv", ".vg.json"};

/// Figures that a page of this program names.
std::vector<std::string> figures_of(const std::string& page) {
  std::vector<std::string> out;
  if (page.find("<meta name=\"generator\" content=\"atlas ") == std::string::npos) return out;
  const std::string before = "data-figure=\"";
  for (std::size_t at = page.find(before); at != std::string::npos; at = page.find(before, at)) {
    at += before.size();
    const std::string id = page.substr(at, page.find('"', at) - at);
    const bool plain =
        id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    if (plain && !id.empty()) out.push_back(id);
  }
  return out;
}

/// Takes away the page that is there, then the files of its figures.
void remove_report(const fs::path& page) {
  std::error_code ignored;
  if (!fs::is_regular_file(page, ignored)) return;
  const std::vector<std::string> figures = figures_of(atlas::io::read_text(page));
  fs::remove(page);
  for (const std::string& id : figures)
    for (const char* end : figure_files) fs::remove(page.parent_path() / (id + end), ignored);
}

}  // namespace

report_folder::report_folder(const fs::path& folder) : folder_(folder) {
  std::error_code error;
  for (fs::path made = fs::absolute(folder); !fs::exists(made, error); made = made.parent_path())
    made_.push_back(made);
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder))
    throw atlas::error("--out", "a folder that can be made", folder.string());
  const fs::path unfinished = folder / "unfinished";
  fs::create_directories(unfinished, error);
  if (error) throw atlas::error("--out", "a folder that can be written to", folder_.string());
  lock_ = std::make_unique<folder_lock>(unfinished / "lock", folder);
  remove_leftovers(unfinished);
}

report_folder::~report_folder() {
  std::error_code ignored;
  lock_.reset();
  if (fs::is_empty(folder_ / "unfinished", ignored)) fs::remove(folder_ / "unfinished", ignored);
  for (const fs::path& made : made_)
    if (fs::is_empty(made, ignored)) fs::remove(made, ignored);
}

fs::path report_folder::unfinished_part(const std::string& part) {
  const fs::path place = folder_ / "unfinished";
  std::error_code ignored;
  fs::remove(place / (part + ".json"), ignored);
  parts_.push_back(part);
  return place / (part + ".json");
}

std::vector<output_file> report_folder::files_of(const report_content& report) const {
  std::vector<output_file> files;
  const auto add = [&](const std::string& name, std::function<void(const std::string&)> write) {
    files.push_back({(folder_ / name).string(), std::move(write)});
  };
  const auto add_text = [&](const std::string& name, std::string text) {
    files.push_back({(folder_ / name).string(), {}, std::move(text)});
  };
  add(page_name, remove_report);
  for (const std::string& part : parts_) {
    const fs::path from = folder_ / "unfinished" / (part + ".json");
    add(part + ".json", [from](const std::string& to) { fs::rename(from, to); });
  }
  for (const figure& f : report.figures) {
    add_text(f.id + figure_files[0], csv_of(f.numbers));
    add_text(f.id + figure_files[1], whole_spec(f).dump(1) + "\n");
  }
  add_text(page_name, page_html(report));
  return files;
}

}  // namespace atlas_program
