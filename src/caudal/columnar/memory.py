"""Unaligned word loads and wide products for compiled kernels, written as LLVM intrinsics."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from caudal.columnar.compiled import part

_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic
def _load64(typingctx: Any, array: Any, index: Any) -> Any:
    """Load the 8 bytes at array[index], little-endian; the caller guarantees that they can be read."""
    signature = types.uint64(array, types.intp)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        address = builder.gep(data, [args[1]])
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return signature, codegen


@intrinsic
def _store64(typingctx: Any, array: Any, index: Any, word: Any) -> Any:
    """Store 8 bytes at array[index], little-endian; the caller guarantees that there is room."""
    signature = types.void(array, types.intp, types.uint64)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        address = builder.gep(data, [args[1]])
        builder.store(args[2], builder.bitcast(address, ir.IntType(64).as_pointer())).align = 1
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _high_product(typingctx: Any, left: Any, right: Any) -> Any:
    """Return the upper 64 bits of the 128-bit product of two uint64."""
    signature = types.uint64(types.uint64, types.uint64)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return signature, codegen


load64: Any = _load64
high_product: Any = _high_product
store64: Any = _store64


@part(forceinline=True)
def tail64(data, start, count):
    """Return the `count` (1 to 7) bytes at `start` as one word, without reading behind the end of `data`."""
    if start + 8 <= data.size:
        return load64(data, start) & (_FULL >> np.uint64(64 - 8 * count))
    word = np.uint64(0)
    for i in range(count):
        word |= np.uint64(data[start + i]) << np.uint64(8 * i)
    return word
