# SPDX-License-Identifier: MIT
# What main.cpp prints, however atlas came and whatever it is built with; brute force in NumPy gives
# 2.92655.
set(expected_output "^dimension 2\\.927\n$")
