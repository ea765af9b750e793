// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What is being done, how far it is and for how long: a line of standard error that is drawn again
/// as the work goes on, and while it does not.

#include <string_view>

namespace atlas_program {

/// From any thread. \param share done of the stage, from 0 to 1; negative where that is not known
void show_progress(std::string_view stage, double share);

/// Draws the line again where it is older than half a second. Called from time to time.
void tick_progress_line();

/// Clears the line, for other output.
void end_progress_line();

/// The same for good: nothing is drawn any more, by whatever thread.
void close_progress_line();

}  // namespace atlas_program
