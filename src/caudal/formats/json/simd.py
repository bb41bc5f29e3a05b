"""Vector instructions for compiled kernels, as numba intrinsics over LLVM vectors.

All loads are unaligned and unchecked: the caller guarantees that the bytes read exist (`ports.records.PADDING`).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_I8, _I16, _I32, _I64, _I128 = (ir.IntType(bits) for bits in (8, 16, 32, 64, 128))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


def _load(builder: Any, pointer: Any, kind: Any) -> Any:
    value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    value.align = 1
    return value


def _splat(kind: Any, byte: int) -> Any:
    return ir.Constant(kind, [byte] * kind.count)


@intrinsic
def peek(typing_context, array, index):
    """Return array[index] without the check for a negative index."""
    signature = array.dtype(array, types.intp)

    def generate(context, builder, signature, args):
        return builder.load(_pointer(context, builder, signature.args[0], args[0], args[1]))

    return signature, generate


@intrinsic
def peek2(typing_context, array, row, column):
    """Return array[row, column] of a C-contiguous array of 8 columns, without the check for a negative index."""
    signature = array.dtype(array, types.intp, types.intp)

    def generate(context, builder, signature, args):
        index = builder.add(builder.shl(args[1], ir.Constant(_I64, 3)), args[2])
        return builder.load(_pointer(context, builder, signature.args[0], args[0], index))

    return signature, generate


@intrinsic
def word64(typing_context, array, index):
    """Return the 8 bytes from `index` on as a little-endian uint64."""
    signature = types.uint64(array, types.intp)

    def generate(context, builder, signature, args):
        return _load(builder, _pointer(context, builder, signature.args[0], args[0], args[1]), _I64)

    return signature, generate


@intrinsic
def word32(typing_context, array, index):
    """Return the 4 bytes from `index` on as a little-endian number in a uint64."""
    signature = types.uint64(array, types.intp)

    def generate(context, builder, signature, args):
        value = _load(builder, _pointer(context, builder, signature.args[0], args[0], args[1]), _I32)
        return builder.zext(value, _I64)

    return signature, generate


@intrinsic
def newlines(typing_context, array, index):
    """Return a mask of the newlines among the 64 bytes from `index` on."""
    signature = types.uint64(array, types.intp)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 64)
        value = _load(builder, _pointer(context, builder, signature.args[0], args[0], args[1]), kind)
        return builder.bitcast(builder.icmp_unsigned("==", value, _splat(kind, 10)), _I64)

    return signature, generate


@intrinsic
def specials(typing_context, array, index):
    """Return a mask of the bytes that end plain text among the 32 from `index` on.

    These are the quote, the backslash, control characters and bytes from 0x80 up.
    """
    signature = types.uint64(array, types.intp)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        value = _load(builder, _pointer(context, builder, signature.args[0], args[0], args[1]), kind)
        # as signed bytes, everything from 0x80 up is less than a space
        mask = builder.icmp_signed("<", value, _splat(kind, 32))
        mask = builder.or_(mask, builder.icmp_unsigned("==", value, _splat(kind, 34)))
        mask = builder.or_(mask, builder.icmp_unsigned("==", value, _splat(kind, 92)))
        return builder.zext(builder.bitcast(mask, _I32), _I64)

    return signature, generate


@intrinsic
def digits_and_dots(typing_context, array, index):
    """Return masks over the 32 bytes from `index` on: digits in the low 32 bits, dots in the high ones."""
    signature = types.uint64(array, types.intp)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        value = _load(builder, _pointer(context, builder, signature.args[0], args[0], args[1]), kind)
        digits = builder.icmp_unsigned("<", builder.sub(value, _splat(kind, 48)), _splat(kind, 10))
        dots = builder.icmp_unsigned("==", value, _splat(kind, 46))
        low = builder.zext(builder.bitcast(digits, _I32), _I64)
        high = builder.zext(builder.bitcast(dots, _I32), _I64)
        return builder.or_(low, builder.shl(high, ir.Constant(_I64, 32)))

    return signature, generate


@intrinsic
def differences(typing_context, array, index, other, at):
    """Return a mask of the bytes in which array[index:index+32] differs from other[at:at+32]."""
    signature = types.uint64(array, types.intp, other, types.intp)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        left = _load(builder, _pointer(context, builder, signature.args[0], args[0], args[1]), kind)
        right = _load(builder, _pointer(context, builder, signature.args[2], args[2], args[3]), kind)
        same = builder.bitcast(builder.icmp_unsigned("==", left, right), _I32)
        return builder.zext(builder.not_(same), _I64)

    return signature, generate


@intrinsic
def lowest(typing_context, mask):
    """Return the number of the lowest bit set as an int64; the mask is not 0."""
    signature = types.int64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return signature, generate


@intrinsic
def leading_zeros(typing_context, value):
    """Return how many of the 64 bits stand before the highest one set; the value is not 0."""
    signature = types.uint64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return signature, generate


@intrinsic
def ones(typing_context, mask):
    """Return how many bits are set, as an int64."""
    signature = types.int64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.ctpop(args[0])

    return signature, generate


@intrinsic
def high_product(typing_context, left, right):
    """Return the upper 64 bits of the 128-bit product of two uint64."""
    signature = types.uint64(types.uint64, types.uint64)

    def generate(context, builder, signature, args):
        wide = builder.mul(builder.zext(args[0], _I128), builder.zext(args[1], _I128))
        return builder.trunc(builder.lshr(wide, ir.Constant(_I128, 64)), _I64)

    return signature, generate


@intrinsic
def as_float(typing_context, bits):
    """Return the float64 with these bits."""
    signature = types.float64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return signature, generate
