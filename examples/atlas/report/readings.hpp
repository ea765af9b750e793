// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Sentences about results, by rules: each says no more than a family of comparisons with a null
/// carries after Holm's correction.

#include <string>
#include <vector>

#include "atlas/protocols/verdict.hpp"
#include "figure.hpp"

namespace atlas_program {

/// What a sentence is about, in words that fit it.
struct reading_words {
  std::string subject;  ///< "In their own coordinates heads overlap"
  std::string above;    ///< "more than random subspaces"
  std::string below;    ///< "less than random subspaces"
  std::string chance;   ///< "as random subspaces do"
  std::string unit;     ///< what the comparisons are of, one: "layer"
  std::string units;    ///< several: "layers"
  int decimals = 2;
  std::string then = {};  ///< what follows from a difference, a sentence; empty: nothing
  std::string open = "undecided after Holm's correction";
};

/// A comparison of a value with its null, as commands write them.
atlas::finding compared(double value, double null_mean, double null_sd, double p);

/// What a family says: beyond the null (`holds`) where any comparison is after Holm's correction,
/// `chance` where none is with p of 0.05 or less even without it, and `unknown` otherwise.
/// Comparisons without p are left out; nothing where none is left.
std::vector<reading> read_family(std::vector<atlas::finding> family, const reading_words& words);

/// The same of a family that was judged among others: the correction is for all of them.
std::vector<reading> read_judged(std::vector<atlas::finding> judged, const reading_words& words);

/// The same where all was measured twice, on two texts: each text's comparisons are a family, and a
/// comparison is beyond its null, or what it gives, where it is that on both; numbers are the first
/// text's. Comparisons without p on one of them are left out.
/// \throws value_error for families of another number of comparisons
std::vector<reading> read_both(std::vector<atlas::finding> first,
                               std::vector<atlas::finding> second, const reading_words& words);

/// A claim, what was measured for it, and what its null is.
struct claim_words {
  std::string claim, measured, null;
};

/// What a claim's comparisons say of it: they are one family. Those without p are counted apart;
/// where there are no others it cannot be told.
reading read_claim(const std::vector<atlas::finding>& family, const claim_words& words);

/// "13 of 20 claims are beyond their null in some comparison; 5 are what it gives; 2 cannot be
/// told", of one reading a claim.
reading count_claims(const std::vector<reading>& claims);

/// "0.38 to 0.45", or one number.
std::string values_text(const std::vector<double>& values, int decimals);
/// "1 layer", "3 layers"
std::string counted(atlas::index_t count, const reading_words& words);

}  // namespace atlas_program
