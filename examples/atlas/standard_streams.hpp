// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Standard input, output and error as the program finds them, and files that may not grow.

namespace atlas_program {

/// Puts something that can be neither read nor written in the place of a standard stream that is
/// closed: a file that is opened later would get its number, and with it what is meant for the
/// stream. A limit on the size of files (RLIMIT_FSIZE) becomes an error of the write in the place
/// of a signal that ends the program.
void prepare_standard_streams();

}  // namespace atlas_program
