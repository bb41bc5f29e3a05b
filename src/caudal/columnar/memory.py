"""Unaligned word loads for compiled kernels, written as LLVM intrinsics."""

from __future__ import annotations

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic
def load64(typingctx, array, index):  # type: ignore[no-untyped-def]
    """Load the 8 bytes at array[index], little-endian; the caller guarantees that they can be read."""
    signature = types.uint64(array, types.intp)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        address = builder.gep(data, [args[1]])
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return signature, codegen


@intrinsic
def store64(typingctx, array, index, word):  # type: ignore[no-untyped-def]
    """Store 8 bytes at array[index], little-endian; the caller guarantees that there is room."""
    signature = types.void(array, types.intp, types.uint64)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        address = builder.gep(data, [args[1]])
        builder.store(args[2], builder.bitcast(address, ir.IntType(64).as_pointer())).align = 1
        return context.get_dummy_value()

    return signature, codegen


@nb.njit(nogil=True, cache=True, inline="always")
def tail64(data, start, count):
    """Return the `count` (1 to 7) bytes at `start` as one word, without reading behind the end of `data`."""
    if start + 8 <= data.size:
        return load64(data, start) & (_FULL >> np.uint64(64 - 8 * count))
    word = np.uint64(0)
    for i in range(count):
        word |= np.uint64(data[start + i]) << np.uint64(8 * i)
    return word
