#!/bin/bash
# SPDX-License-Identifier: MIT
# symbols.sh ONE.o MANY.o: both units run one algorithm, on one container and on many. Past the
# narrow waist (the public function and what turns a container into a view) they must have compiled
# the same functions of atlas.
set -euo pipefail
waist='sum_of_dimensions|atlas::two_nn<|tensor_view<[A-Za-z0-9_: ]*, [0-9]ul>::|row_major_strides|as_view|tensor_traits|owned_tensor|kept_tensor|dlpack|for_each_element|copy_as|detail::(eigen_view|shape_text|packed|xtensor_extents|copy_mdspan)'
functions() { # those of atlas past the waist, without the parts that GCC splits off
  nm -C --defined-only "$1" | cut -c20- | sed -E 's/atlas::v[0-9]+_[a-z0-9_]+::/atlas::/g' | grep -E '^[^(]*atlas::' | grep -vE "$waist" |
    sed -E 's/ \[clone [^]]*\]//g' | grep -vE '\.cold$' | sort -u
}
functions "$1" >one.txt
functions "$2" >many.txt
echo "past the waist: $(wc -l <one.txt) functions for one container, $(wc -l <many.txt) for many"
echo "in all: $(nm -C --defined-only "$1" | grep -c ' [TWt] ') and $(nm -C --defined-only "$2" | grep -c ' [TWt] ')"
[ -s one.txt ] && diff one.txt many.txt
