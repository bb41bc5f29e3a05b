"""Kernels over the client's message structures: payloads and keys are copied together, messages released.

The structure, `rd_kafka_message_t`, is part of the public interface: error at byte 0, partition 16, payload 24, its length 32, key 40,
its length 48, offset 56. A payload or key that is not there is a null pointer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from caudal.columnar.compiled import kernel
from caudal.columnar.simd import intrinsic, long, set_byte

_I8, _I64 = ir.IntType(8), ir.IntType(64)
TAKEN, TOO_LONG, EVENT = 0, 1, 2


@intrinsic
def _copy(typing_context, target, source, size):
    """Copy `size` bytes between addresses."""
    signature = types.void(types.int64, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        text = _I8.as_pointer()
        copy = builder.module.declare_intrinsic("llvm.memcpy", [text, text, _I64])
        target, source = (builder.inttoptr(each, text) for each in args[:2])
        builder.call(copy, [target, source, args[2], ir.Constant(ir.IntType(1), 0)])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _release(typing_context, function, message):
    """Call a function of one pointer by its address."""
    signature = types.void(types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I64])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _stamp_of(typing_context, function, message):
    """Call the function that gives a message's timestamp by its address; its type is not asked for."""
    signature = types.int64(types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I64, [_I64, _I64])
        called = builder.inttoptr(args[0], kind.as_pointer())
        return builder.call(called, [args[1], ir.Constant(_I64, 0)])

    return signature, generate


@kernel(arguments="L l l b L")
def measure(messages, count, longest, kind, totals):
    """Say of each message whether it is taken, and how many bytes payloads and keys of those take together."""
    for i in range(count):
        m = messages[i]
        size = long(m + 32, 0)
        if long(m, 0) & 0xFFFFFFFF != 0:
            kind[i] = 2
        elif size > longest:
            kind[i] = 1
        else:
            kind[i] = 0
            totals[0] += 1
            totals[1] += size + 1
            totals[2] += long(m + 48, 0)


@kernel(arguments="L l b B B l L L L ? L I ? l l")
def gather(
    messages, count, kind, data, keys, with_keys, start, offset, stamp, null, key_at, key_size, has_key, stamped, release
):  # fmt: skip
    """Copy the messages that are taken, and release them."""
    to = np.int64(data.ctypes.data)
    keys_to = np.int64(keys.ctypes.data)
    row = at = key_end = 0
    for i in range(count):
        if kind[i] != 0:
            continue
        m = messages[i]
        size = long(m + 32, 0)
        payload = long(m + 24, 0)
        if size:
            _copy(to + at, payload, size)
        null[row] = payload == 0
        start[row] = at
        at += size
        set_byte(to, at, 10)
        at += 1
        offset[row] = long(m + 56, 0)
        stamp[row] = _stamp_of(stamped, m)
        if with_keys:
            key = long(m + 40, 0)
            length = long(m + 48, 0)
            has_key[row] = key != 0
            key_at[row] = key_end
            key_size[row] = length
            if length:
                _copy(keys_to + key_end, key, length)
                key_end += length
        _release(release, m)
        row += 1
