// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How Boost.Math computes, and what it does where there is no number.

#include <boost/math/policies/policy.hpp>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Double throughout, and limits or NaN in place of exceptions: arguments are checked before. Only
/// what does not converge is thrown, for callers to name.
using boost_policy = boost::math::policies::policy<
    boost::math::policies::promote_float<false>, boost::math::policies::promote_double<false>,
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::pole_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::rounding_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::throw_on_error>>;

}  // namespace atlas::inline ATLAS_ABI::detail
