"""A small writer of MaxMind DBs, by the specification of the format: for tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"


def database(records: Mapping[str, Any], *, version: int = 6, size: int = 28, aliases: bool = False) -> bytes:
    """Return a database of networks and their records, more specific ones within others.

    `aliases`: 2002::/16 and ::ffff:0:0/96 lead to the addresses of IPv4, as in the vendor's databases.
    """
    nodes: list[list[Any]] = [[None, None]]
    for text in sorted(records, key=lambda each: ip_network(each).prefixlen):
        network = ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        if version == 6 and network.version == 4:
            bits = "0" * 96 + bits
        _enter(nodes, bits, ("data", text))
    if aliases:
        four = 0
        for _ in range(96):
            four = nodes[four][0]
        for network in (ip_network("2002::/16"), ip_network("::ffff:0:0/96")):
            bits = f"{int(network.network_address):0128b}"[: network.prefixlen]
            _enter(nodes, bits, four)
    data, places = bytearray(), {}
    written: dict[bytes, int] = {}
    for text, record in records.items():
        encoded = encode(record)
        if encoded not in written:
            written[encoded] = len(data)
            data += encoded
        places[text] = written[encoded]
    tree = b"".join(_node([_record(each, len(nodes), places) for each in node], size) for node in nodes)
    about = {
        "node_count": ("uint32", len(nodes)),
        "record_size": ("uint16", size),
        "ip_version": ("uint16", version),
        "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": ("uint16", 2),
        "binary_format_minor_version": ("uint16", 0),
        "build_epoch": ("uint64", 1_700_000_000),
        "description": {"en": "test"},
    }
    return tree + bytes(16) + bytes(data) + _MARKER + encode(about)


def _enter(nodes: list[list[Any]], bits: str, what: Any) -> None:
    if not bits:
        nodes[0] = [what, what]
        return
    at = 0
    for bit in bits[:-1]:
        side = int(bit)
        if not isinstance(nodes[at][side], int):
            nodes.append([nodes[at][side]] * 2)
            nodes[at][side] = len(nodes) - 1
        at = nodes[at][side]
    nodes[at][int(bits[-1])] = what


def _record(value: Any, nodes: int, places: Mapping[str, int]) -> int:
    if value is None:
        return nodes
    return value if isinstance(value, int) else nodes + 16 + places[value[1]]


def _node(records: list[int], size: int) -> bytes:
    left, right = records
    if size == 28:
        middle = (left >> 24) << 4 | right >> 24
        return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([middle]) + (right & 0xFFFFFF).to_bytes(3, "big")
    return left.to_bytes(size // 8, "big") + right.to_bytes(size // 8, "big")


_KINDS = {"uint16": 5, "uint32": 6, "int32": 8, "uint64": 9, "uint128": 10}


def encode(value: Any) -> bytes:
    """Return a value as the data section has it; a pair is a type of integers and one of them, other integers are uint32."""
    if isinstance(value, dict):
        return _head(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return _head(11, len(value)) + b"".join(map(encode, value))
    if isinstance(value, bool):
        return _head(14, int(value))
    if isinstance(value, str):
        return _head(2, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return _head(4, len(value)) + value
    if isinstance(value, float):
        return _head(3, 8) + struct.pack(">d", value)
    kind, number = value if isinstance(value, tuple) else ("uint32", value)
    raw = struct.pack(">i", number) if kind == "int32" else number.to_bytes((number.bit_length() + 7) // 8, "big")
    return _head(_KINDS[kind], len(raw)) + raw


def _head(kind: int, size: int) -> bytes:
    first = kind << 5 if kind < 8 else 0
    more = bytes([kind - 7]) if kind >= 8 else b""
    if size < 29:
        return bytes([first | size]) + more
    if size < 285:
        return bytes([first | 29]) + more + bytes([size - 29])
    return bytes([first | 30]) + more + (size - 285).to_bytes(2, "big")
