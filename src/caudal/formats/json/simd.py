"""Vector instructions for the kernels of JSON, beside those of `columnar.simd`: memory by address, loads unchecked."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from caudal.columnar.simd import intrinsic, load, store

_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))


_BIT, _REAL = ir.IntType(1), ir.DoubleType()


def _splat(kind: Any, byte: int) -> Any:
    return ir.Constant(kind, [byte] * kind.count)


@intrinsic
def integer32(typing_context, address, index):
    """Return the int32 at `index` of an array of them, as an int64."""
    signature = types.int64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        return builder.sext(load(builder, args, _I32, 4), _I64)

    return signature, generate


@intrinsic
def cell(typing_context, address, row, column):
    """Return the cell of an int32 table of 8 columns as an int64."""
    signature = types.int64(types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        index = builder.add(builder.shl(args[1], ir.Constant(_I64, 3)), args[2])
        return builder.sext(load(builder, (args[0], index), _I32, 4), _I64)

    return signature, generate


@intrinsic
def set_cell(typing_context, address, row, column, value):
    """Set the cell of an int32 table of 8 columns."""
    signature = types.void(types.int64, types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        index = builder.add(builder.shl(args[1], ir.Constant(_I64, 3)), args[2])
        store(builder, (args[0], index), builder.trunc(args[3], _I32), _I32, 4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def set_real(typing_context, address, index, value):
    """Set the float64 at `index` of an array of them."""
    signature = types.void(types.int64, types.int64, types.float64)

    def generate(context, builder, signature, args):
        store(builder, args, args[2], _REAL, 8)
        return context.get_dummy_value()

    return signature, generate


def table(values: list[int]) -> Any:
    """Return an intrinsic `lookup(index) -> uint64` over constants that are part of the compiled code."""

    @intrinsic
    def lookup(typing_context, index):
        signature = types.uint64(types.int64)

        def generate(context, builder, signature, args):
            kind = ir.ArrayType(_I64, len(values))
            module = builder.module
            data: Any = ir.GlobalVariable(module, kind, module.get_unique_name("table"))
            data.linkage = "internal"
            data.global_constant = True
            data.initializer = ir.Constant(kind, [ir.Constant(_I64, value) for value in values])
            return builder.load(builder.gep(data, [ir.Constant(_I64, 0), args[0]]))

        return signature, generate

    return lookup


@intrinsic
def word32(typing_context, address, index):
    """Return the 4 bytes from `index` on as a little-endian number in a uint64."""
    signature = types.uint64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        value = load(builder, args, _I32)
        return builder.zext(value, _I64)

    return signature, generate


@intrinsic
def set_word64(typing_context, address, index, value):
    """Store a uint64 as 8 bytes, little-endian, from `index` on."""
    signature = types.void(types.int64, types.int64, types.uint64)

    def generate(context, builder, signature, args):
        store(builder, args, args[2], _I64, 1)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def copy32(typing_context, address, index, other, at):
    """Copy the 32 bytes of `other` from `at` on to `index`."""
    signature = types.void(types.int64, types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        store(builder, args, load(builder, args[2:], kind), kind, 1)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def escapes(typing_context, address, index):
    """Return a mask of the bytes that a JSON string must escape among the 32 from `index` on.

    These are the quote, the backslash and control characters below 0x20.
    """
    signature = types.uint64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        value = load(builder, args, kind)
        mask = builder.icmp_unsigned("<", value, _splat(kind, 32))
        mask = builder.or_(mask, builder.icmp_unsigned("==", value, _splat(kind, 34)))
        mask = builder.or_(mask, builder.icmp_unsigned("==", value, _splat(kind, 92)))
        return builder.zext(builder.bitcast(mask, _I32), _I64)

    return signature, generate


@intrinsic
def newlines(typing_context, address, index):
    """Return a mask of the newlines among the 64 bytes from `index` on."""
    signature = types.uint64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 64)
        value = load(builder, args, kind)
        return builder.bitcast(builder.icmp_unsigned("==", value, _splat(kind, 10)), _I64)

    return signature, generate


@intrinsic
def specials(typing_context, address, index):
    """Return a mask of the bytes that end plain text among the 32 from `index` on.

    These are the quote, the backslash, control characters and bytes from 0x80 up.
    """
    signature = types.uint64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        value = load(builder, args, kind)
        # as signed bytes, everything from 0x80 up is less than a space
        mask = builder.icmp_signed("<", value, _splat(kind, 32))
        mask = builder.or_(mask, builder.icmp_unsigned("==", value, _splat(kind, 34)))
        mask = builder.or_(mask, builder.icmp_unsigned("==", value, _splat(kind, 92)))
        return builder.zext(builder.bitcast(mask, _I32), _I64)

    return signature, generate


@intrinsic
def digits_and_dots(typing_context, address, index):
    """Return masks over the 32 bytes from `index` on: digits in the low 32 bits, dots in the high ones."""
    signature = types.uint64(types.int64, types.int64)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        value = load(builder, args, kind)
        digits = builder.icmp_unsigned("<", builder.sub(value, _splat(kind, 48)), _splat(kind, 10))
        dots = builder.icmp_unsigned("==", value, _splat(kind, 46))
        low = builder.zext(builder.bitcast(digits, _I32), _I64)
        high = builder.zext(builder.bitcast(dots, _I32), _I64)
        return builder.or_(low, builder.shl(high, ir.Constant(_I64, 32)))

    return signature, generate


@intrinsic
def differences(typing_context, address, index, other, at):
    """Return a mask of the bytes in which the 32 from `index` on differ from those of `other` from `at` on."""
    signature = types.uint64(types.int64, types.int64, types.int64, types.int64)

    def generate(context, builder, signature, args):
        kind = ir.VectorType(_I8, 32)
        left = load(builder, args, kind)
        right = load(builder, args[2:], kind)
        same = builder.bitcast(builder.icmp_unsigned("==", left, right), _I32)
        return builder.zext(builder.not_(same), _I64)

    return signature, generate


@intrinsic
def leading_zeros(typing_context, value):
    """Return how many of the 64 bits stand before the highest one set; the value is not 0."""
    signature = types.uint64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.ctlz(args[0], ir.Constant(_BIT, 1))

    return signature, generate


@intrinsic
def as_float(typing_context, bits):
    """Return the float64 with these bits."""
    signature = types.float64(types.uint64)

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], _REAL)

    return signature, generate
