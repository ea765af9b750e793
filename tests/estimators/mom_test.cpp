// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/mom.hpp"

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "golden.hpp"

using atlas::estimators::mom;
using atlas_test::golden_number;
using atlas_test::golden_value;

TEST_CASE("moments are those of the peer, rows and mean") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const auto points = atlas_test::golden_cloud(cloud);
    const auto& peer = golden_value(cloud, "skdim.MOM.k20");
    for (const auto& [key, combine] : {std::pair{"mean", atlas::local_mean::arithmetic},
                                       std::pair{"median", atlas::local_mean::median}}) {
      const auto r = atlas::estimate_dimension(points, mom{.k = 20, .combine = combine});
      const auto& rows = peer.at("pointwise");
      for (std::size_t i = 0; i < rows.size(); ++i)
        CHECK(r.local[i] == Approx(golden_number(rows[i])).epsilon(atlas_test::same_definition));
      CHECK(r.dimension ==
            Approx(golden_number(peer.at(key))).epsilon(atlas_test::same_definition));
    }
  }
}
