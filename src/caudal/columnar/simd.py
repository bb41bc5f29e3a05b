"""Memory by address, and 64 bytes at a time, for compiled kernels: numba intrinsics over LLVM.

Memory is given by address (an int64, from `ndarray.ctypes.data`): numba counts references on arrays that are handed from
function to function, which costs ten times what a scanner's work does. The caller keeps the arrays alive. All loads are
unaligned and unchecked: the caller guarantees that the bytes read exist (`ports.records.PADDING`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic as _intrinsic

from caudal.columnar.compiled import part

intrinsic: Any = _intrinsic  # what it makes is called without the typing context
_BIT, _I8, _I32, _I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
_LANES = ir.VectorType(_I8, 64)
_U = np.uint64


def pointer(builder: Any, address: Any, index: Any, kind: Any, width: int) -> Any:
    """Return the pointer to the item at `index` of an array of a kind, `width` bytes each."""
    offset = builder.mul(index, ir.Constant(_I64, width)) if width > 1 else index
    return builder.inttoptr(builder.add(address, offset), kind.as_pointer())


def load(builder: Any, args: Any, kind: Any, width: int = 1) -> Any:
    """Return the item of a kind at (address, index, ...), aligned or not."""
    value = builder.load(pointer(builder, args[0], args[1], kind, width))
    value.align = 1
    return value


def store(builder: Any, args: Any, value: Any, kind: Any, width: int) -> None:
    """Put an item of a kind at (address, index, ...), aligned or not."""
    done = builder.store(value, pointer(builder, args[0], args[1], kind, width))
    done.align = 1


def _equal(builder: Any, lanes: Any, value: Any) -> Any:
    """Return which lanes hold a byte that is an int64."""
    single = builder.insert_element(ir.Constant(_LANES, ir.Undefined), builder.trunc(value, _I8), ir.Constant(_I32, 0))
    every = builder.shuffle_vector(
        single, ir.Constant(_LANES, ir.Undefined), ir.Constant(ir.VectorType(_I32, 64), [0] * 64)
    )
    return builder.icmp_unsigned("==", lanes, every)


@intrinsic
def byte(typing_context, address, index):
    """Return the byte at `index` as an int64."""
    signature = types.int64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        return builder.zext(load(builder, args, _I8), _I64)

    return signature, generate


@intrinsic
def long(typing_context, address, index):
    """Return the int64 at `index` of an array of them."""
    signature = types.int64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        return load(builder, args, _I64, 8)

    return signature, generate


@intrinsic
def word64(typing_context, address, index):
    """Return the 8 bytes from `index` on as a little-endian uint64."""
    signature = types.uint64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        return load(builder, args, _I64)

    return signature, generate


@intrinsic
def set_byte(typing_context, address, index, value):
    """Set the byte at `index` (also a bool: 0 or 1)."""
    signature = types.void(types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        store(builder, args, builder.trunc(args[2], _I8), _I8, 1)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def set_int(typing_context, address, index, value):
    """Set the int32 at `index` of an array of them."""
    signature = types.void(types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        store(builder, args, builder.trunc(args[2], _I32), _I32, 4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def set_long(typing_context, address, index, value):
    """Set the int64 at `index` of an array of them."""
    signature = types.void(types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        store(builder, args, args[2], _I64, 8)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def matches(typing_context, address, index, value):
    """Return a mask of the bytes that are `value` among the 64 from `index` on."""
    signature = types.uint64(types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        return builder.bitcast(_equal(builder, load(builder, args, _LANES), args[2]), _I64)

    return signature, generate


@intrinsic
def matches_either(typing_context, address, index, value, other):
    """Return a mask of the bytes that are `value` or `other` among the 64 from `index` on."""
    signature = types.uint64(types.int64, types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        lanes = load(builder, args, _LANES)
        found = builder.or_(_equal(builder, lanes, args[2]), _equal(builder, lanes, args[3]))
        return builder.bitcast(found, _I64)

    return signature, generate


@intrinsic
def beyond_ascii(typing_context, address, index):
    """Return a mask of the bytes from 0x80 up among the 64 from `index` on."""
    signature = types.uint64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        lanes = load(builder, args, _LANES)
        return builder.bitcast(builder.icmp_signed("<", lanes, ir.Constant(_LANES, [0] * 64)), _I64)

    return signature, generate


@intrinsic
def lowest(typing_context, mask):
    """Return the number of the lowest bit set as an int64; the mask is not 0."""
    signature = types.int64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(_BIT, 1))

    return signature, generate


@intrinsic
def ones(typing_context, mask):
    """Return how many bits are set, as an int64."""
    signature = types.int64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.ctpop(args[0])

    return signature, generate


@part(forceinline=True)
def find(address, p, end, value):
    """Return where a byte first stands from p on, `end` where it does not before that."""
    while p < end:
        mask = matches(address, p, value)
        if mask != _U(0):
            return min(p + lowest(mask), end)
        p += 64
    return end


@part(forceinline=True)
def find_either(address, p, end, value, other):
    """Return where one of two bytes first stands from p on, `end` where none does before that."""
    while p < end:
        mask = matches_either(address, p, value, other)
        if mask != _U(0):
            return min(p + lowest(mask), end)
        p += 64
    return end


@part(forceinline=True)
def is_ascii(address, p, end):
    """Whether no byte from p to `end` is beyond ASCII."""
    while p + 64 <= end:
        if beyond_ascii(address, p) != _U(0):
            return False
        p += 64
    return p >= end or beyond_ascii(address, p) << _U(64 - (end - p)) == _U(0)


@part()
def count(address, start, stop, value):
    """Return how often a byte stands from `start` to `stop`."""
    found = 0
    p = start
    while p + 64 <= stop:
        found += ones(matches(address, p, value))
        p += 64
    if p < stop:
        found += ones(matches(address, p, value) & ((_U(1) << _U(stop - p)) - _U(1)))
    return found
