"""Messages: records that have offsets, decoded by the same decoders as lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from caudal.columnar.column import Column, Ints
from caudal.ports.format import Decoder, PayloadDecoder
from caudal.ports.records import MAX_PAYLOAD, Block, Dead, Decoded, Messages

_NEWLINE, _RETURN = 10, 13


def of_messages(decoder: Decoder, block: Block, messages: Messages) -> Decoded:
    """Return what the messages of a block come to: each is one row or one dead letter, at its offset.

    A newline inside a message is read as a carriage return, which ends no record: to JSON both are white space between
    values (within a text, where neither may stand, it is taken as it is read, like all control characters). The dead letter
    shows the message as it came.
    """
    if isinstance(decoder, PayloadDecoder):
        decoded = decoder.payloads(block, messages)
        number, broken = decoded.position, np.zeros(len(messages.offset), np.bool_)
        letters = np.array([letter.position for letter in decoded.dead], np.int64)
    else:
        lines, broken = _one_line_each(block, messages)
        decoded = decoder.decode(lines)
        number = _number(messages, decoded.position)
        letters = _number(messages, np.array([letter.position for letter in decoded.dead], np.int64))
    decoded.position = messages.offset[number]
    decoded.columns = {**decoded.columns, **_taken(messages, number, decoded.rows)}
    if decoded.named is not None:
        decoded.named |= frozenset((name,) for name in messages.columns)
    for letter, at in zip(decoded.dead, letters.tolist(), strict=True):
        letter.position = int(messages.offset[at])
        if broken[at]:
            letter.payload = block.record(letter.position, MAX_PAYLOAD)
    count = len(messages.offset)
    if len(number) + len(letters) < count:
        left = np.setdiff1d(np.arange(count), np.concatenate([number, letters]))
        empty = [Dead.of(int(messages.offset[at]), "empty", "the message is empty", b"") for at in left.tolist()]
        decoded.dead = sorted([*decoded.dead, *empty], key=lambda letter: letter.position)
    decoded.end = block.end
    return decoded


def _one_line_each(block: Block, messages: Messages) -> tuple[Block, np.ndarray]:
    """Return the block with a line for each message, its positions places in the data; and which messages had newlines."""
    broken = np.zeros(len(messages.offset), np.bool_)
    data = block.data
    ends = np.flatnonzero(data[block.start : block.stop] == _NEWLINE) + block.start
    if len(ends) > len(messages.offset):
        behind = np.append(messages.start[1:], block.stop)
        inner = ends[np.isin(ends + 1, behind, invert=True)]
        broken[_number(messages, inner)] = True
        data = data.copy()
        data[inner] = _RETURN
    return replace(block, data=data, position=block.start, dead=[], messages=None), broken


def _number(messages: Messages, at: Ints) -> Ints:
    """Return the numbers of the messages that places in the data are in."""
    return np.searchsorted(messages.start, at, side="right") - 1


def _taken(messages: Messages, number: Ints, rows: int) -> dict[str, Column]:
    every = rows == len(messages.offset)
    return {name: column if every else column.take(number) for name, column in messages.columns.items()}
