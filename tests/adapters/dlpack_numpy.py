# SPDX-License-Identifier: MIT
"""dlpack_numpy.py LIBRARY: arrays of NumPy, whose DLPack is its own, are read by atlas element by
element, and NumPy takes over what atlas hands on. Plain tensors with any NumPy from 1.23 on,
versioned ones from 2.1 on."""
import ctypes
import sys

import numpy

library = ctypes.CDLL(sys.argv[1])
library.read_plain.restype = library.read_versioned.restype = ctypes.c_bool
library.made_plain.restype = library.made_versioned.restype = ctypes.c_void_p
python = ctypes.pythonapi
python.PyCapsule_GetPointer.restype = ctypes.c_void_p
python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
python.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
python.PyCapsule_New.restype = ctypes.py_object
python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
versioned_too = tuple(int(x) for x in numpy.__version__.split(".")[:2]) >= (2, 1)
names = {"plain": b"dltensor", "versioned": b"dltensor_versioned"}
used = {kind: b"used_" + name for kind, name in names.items()}  # capsules do not copy their names


def read(array, kind):
    """The elements as atlas finds them."""
    capsule = array.__dlpack__(max_version=(1, 0)) if kind == "versioned" else array.__dlpack__()
    pointer = python.PyCapsule_GetPointer(capsule, names[kind])
    python.PyCapsule_SetName(capsule, used[kind])
    out = numpy.full(array.shape, numpy.nan)
    target = out.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    assert getattr(library, "read_" + kind)(ctypes.c_void_p(pointer),
                                            ctypes.c_char(array.dtype.char.encode()), target)
    return out


class Made:
    """What from_dlpack takes over."""
    def __init__(self, kind):
        self.kind = kind

    def __dlpack__(self, **kwargs):
        pointer = getattr(library, "made_" + self.kind)()
        return python.PyCapsule_New(pointer, names[self.kind], None)

    def __dlpack_device__(self):
        return 1, 0


checked = 0
for kind in ["plain", "versioned"] if versioned_too else ["plain"]:
    for dtype in "efdbhilBI":
        array = (numpy.arange(5 * 7) % 100).reshape(5, 7).astype(dtype)
        for view in [array, array.T, array[::2, 1:], array[::-1], array[:, ::-3], array[2:2],
                     numpy.asfortranarray(array), array[1:2]]:
            assert (read(view, kind) == view).all(), (kind, dtype, view.strides)
            checked += 1
    if kind == "versioned":
        array.flags.writeable = False
        assert (read(array, kind) == array).all()
    made = numpy.from_dlpack(Made(kind))
    assert made.tolist() == [[0, 1, 2], [10, 11, 12]] and made.dtype == numpy.float64
    if kind == "versioned":
        assert not made.flags.writeable
    del made
print(f"NumPy {numpy.__version__}: {checked} arrays")
