# SPDX-License-Identifier: MIT
"""Types of arguments, for annotations."""

from __future__ import annotations

from typing import Any, Callable, Protocol, Sequence, Union

import numpy.typing


class SharesMemory(Protocol):
    """What has DLPack: arrays of NumPy, tensors of torch, and others."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


#: float32 or float64 with any strides, in the memory of the processor, read-only or not; half
#: precision is widened in a copy. What has the buffer protocol alone (`array.array`, `memoryview`)
#: is accepted as well, which types of Python below 3.12 cannot say.
Array = SharesMemory
#: Whole numbers, one for each row; copied.
Labels = Union[Sequence[int], "numpy.typing.NDArray[Any]", SharesMemory]
#: Numbers in one dimension; copied.
Numbers = Union[Sequence[float], "numpy.typing.NDArray[Any]", SharesMemory]
#: Called with a stage, the steps that are done, and all; False stops the call.
Progress = Callable[[str, int, int], Any]
