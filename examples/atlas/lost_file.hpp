// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Files that become shorter while the program reads them. Models and arrays are mapped into
/// memory, and the system sends SIGBUS for a page of them that is no longer there, or cannot be
/// read.

namespace atlas_program {

/// From now on such a signal ends the program with status 2 and a line that names the file.
void name_lost_files();

}  // namespace atlas_program
