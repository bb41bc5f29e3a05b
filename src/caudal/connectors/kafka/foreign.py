"""The client's own library, called past its Python objects: it is where messages come in batches, without one for each.

What is relied on beyond the public C interface: where a `Consumer` holds its handle (first, behind the header of every
Python object). That is so in the versions in `KNOWN`, and is checked by the name of the client there; with any
other version messages are read the ordinary way.
"""

from __future__ import annotations

import ctypes
import glob
import os
from functools import cache
from typing import Any

from caudal.connectors.kafka.client import library

KNOWN = ((2, 16),)
"""Versions of confluent-kafka whose objects are known."""

_Pointer, _Size, _Text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_name": (_Text, [_Pointer]),
    "rd_kafka_version": (ctypes.c_int, []),
    "rd_kafka_queue_get_partition": (_Pointer, [_Pointer, _Text, ctypes.c_int32]),
    "rd_kafka_queue_forward": (None, [_Pointer, _Pointer]),
    "rd_kafka_queue_destroy": (None, [_Pointer]),
    "rd_kafka_consume_batch_queue": (ctypes.c_ssize_t, [_Pointer, ctypes.c_int, _Pointer, _Size]),
    "rd_kafka_message_destroy": (None, [_Pointer]),
    "rd_kafka_message_timestamp": (ctypes.c_int64, [_Pointer, _Pointer]),
    "rd_kafka_message_headers": (ctypes.c_int, [_Pointer, ctypes.POINTER(_Pointer)]),
    "rd_kafka_topic_partition_list_new": (_Pointer, [ctypes.c_int]),
    "rd_kafka_topic_partition_list_add": (_Pointer, [_Pointer, _Text, ctypes.c_int32]),
    "rd_kafka_topic_partition_list_destroy": (None, [_Pointer]),
    "rd_kafka_position": (ctypes.c_int, [_Pointer, _Pointer]),
    "rd_kafka_topic_partition_list_set_offset": (ctypes.c_int, [_Pointer, _Text, ctypes.c_int32, ctypes.c_int64]),
    "rd_kafka_seek_partitions": (_Pointer, [_Pointer, _Pointer, ctypes.c_int]),
    "rd_kafka_error_code": (ctypes.c_int, [_Pointer]),
    "rd_kafka_error_destroy": (None, [_Pointer]),
    "rd_kafka_header_get_all": (
        ctypes.c_int,
        [_Pointer, _Size, ctypes.POINTER(_Text), ctypes.POINTER(_Pointer), ctypes.POINTER(_Size)],
    ),
}


@cache
def opened() -> Any:
    """Return the client's library with the functions that are called, None where it cannot be found or is not known."""
    client = library()
    version = tuple(int(part) for part in client.version().split("-")[0].split(".")[:2] if part.isdigit())
    if version not in KNOWN:
        return None
    beside = os.path.join(os.path.dirname(os.path.dirname(client.__file__)), "confluent_kafka.libs")
    for path in glob.glob(os.path.join(glob.escape(beside), "librdkafka*")):
        try:
            found = ctypes.CDLL(path)
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(found, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError):
            continue
        if found.rd_kafka_version() == client.libversion()[1]:
            return found
    return None


def handle_of(consumer: Any, name: str) -> int:
    """Return the handle of a consumer of this name (`client.id`); 0 where it is not where it is known to be."""
    found = opened()
    if found is None:
        return 0
    address = ctypes.c_void_p.from_address(id(consumer) + object.__basicsize__).value
    if not address or address % 8:
        return 0
    return address if found.rd_kafka_name(address).startswith(name.encode() + b"#consumer") else 0


def address_of(name: str) -> int:
    """Return the address of a function."""
    found = ctypes.cast(getattr(opened(), name), ctypes.c_void_p).value
    assert found is not None
    return found


def seek(handle: int, topic: str, number: int, offset: int, milliseconds: int) -> int:
    """Read a partition on from an offset, past the client, which lets nobody in while it is in a callback; return the error's code."""
    found = opened()
    listed = found.rd_kafka_topic_partition_list_new(1)
    try:
        item: int = found.rd_kafka_topic_partition_list_add(listed, topic.encode(), number)
        found.rd_kafka_topic_partition_list_set_offset(listed, topic.encode(), number, offset)
        failed = found.rd_kafka_seek_partitions(handle, listed, milliseconds)
        if failed:
            code: int = found.rd_kafka_error_code(failed)
            found.rd_kafka_error_destroy(failed)
            return code
        return ctypes.c_int32.from_address(item + _ERROR).value
    finally:
        found.rd_kafka_topic_partition_list_destroy(listed)


_ERROR = 48
"""Where `rd_kafka_topic_partition_t` holds its error: topic, partition, offset, metadata and its size, opaque before it."""


class Position:
    """Where one partition of a consumer stands; asked past the client, which lets nobody in while it is in a callback."""

    def __init__(self, handle: int, topic: str, number: int) -> None:
        self._library = opened()
        self._handle = handle
        self._list = self._library.rd_kafka_topic_partition_list_new(1)
        self._item: int = self._library.rd_kafka_topic_partition_list_add(self._list, topic.encode(), number)

    def ask(self) -> int:
        """Return the offset of the next message; below 0 where that is not known."""
        if not self._list or self._library.rd_kafka_position(self._handle, self._list):
            return -1
        return ctypes.c_int64.from_address(self._item + 16).value

    def close(self) -> None:
        """Release it; idempotent."""
        if self._list:
            given, self._list = self._list, None
            self._library.rd_kafka_topic_partition_list_destroy(given)


def headers_of(message: int) -> list[tuple[str, bytes | None]]:
    """Return the headers of a message."""
    found = opened()
    headers = ctypes.c_void_p()
    if found.rd_kafka_message_headers(message, ctypes.byref(headers)):
        return []
    out: list[tuple[str, bytes | None]] = []
    name, value, size = ctypes.c_char_p(), ctypes.c_void_p(), ctypes.c_size_t()
    while not found.rd_kafka_header_get_all(
        headers, len(out), ctypes.byref(name), ctypes.byref(value), ctypes.byref(size)
    ):
        raw = None if value.value is None else ctypes.string_at(value.value, size.value)
        out.append(((name.value or b"").decode("utf-8", "backslashreplace"), raw))
    return out
