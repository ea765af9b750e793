// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What nearly every test includes, precompiled. Tests include what they use all the same, and
/// where ATLAS_UNITY is set nothing is precompiled.

#include <Eigen/Dense>
#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "catch.hpp"
