# SPDX-License-Identifier: MIT
"""Geometry, thermodynamics and quantization of transformer attention, with nulls.

Functions of the C++ library `atlas` on arrays of NumPy, torch and others that share their memory,
none of which is copied. Options are keywords; results are objects with fields. Whatever takes
longer than a second can be stopped by Ctrl-C, and lets other threads run.
"""

from . import types as types
from ._atlas import *  # noqa: F403
from ._atlas import version as __version__
