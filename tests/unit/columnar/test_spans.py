"""The longest prefix and the narrowest range, held against `ipaddress` looking at every network."""

from __future__ import annotations

import ipaddress
import random

import pytest

from caudal.columnar import addresses
from caudal.columnar.addresses import words
from caudal.columnar.column import from_list
from caudal.columnar.spans import Narrowest, NoSpan, networks, ranges
from caudal.core.addresses import address_of, network_of, range_between, range_of
from caudal.core.types import STRING

FOURS = (0, 1, 8, 9, 15, 16, 24, 30, 31, 32)
SIXES = (0, 1, 3, 16, 32, 48, 63, 64, 65, 96, 127, 128)


def network(rnd: random.Random) -> str:
    drawn = rnd.random()
    if drawn < 0.45:
        number = rnd.choice([0, 10 << 24, 2**32 - 1, rnd.getrandbits(32)])
        return str(ipaddress.IPv4Network((number, rnd.choice(FOURS)), strict=False))
    if drawn < 0.55:
        mapped = (0xFFFF << 32 | rnd.getrandbits(32), rnd.choice([90, 96, 100, 128]))
        return str(ipaddress.IPv6Network(mapped, strict=False))
    number = rnd.choice([0, 2**128 - 1, 0x2001 << 112 | rnd.getrandbits(8), rnd.getrandbits(128)])
    return str(ipaddress.IPv6Network((number, rnd.choice(SIXES)), strict=False))


def around(net: ipaddress.IPv4Network | ipaddress.IPv6Network) -> list[str]:
    first, last = int(net.network_address), int(net.broadcast_address)
    kind = ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address
    return [str(kind(n)) for n in (first - 1, first, last, last + 1) if 0 <= n < 2**net.max_prefixlen]


@pytest.mark.parametrize("seed", range(60))
def test_the_longest_prefix_wins(seed: int) -> None:
    rnd = random.Random(seed)
    given = [network(rnd) for _ in range(rnd.randrange(0, 25))]
    nets = [network_of(text) for text in given]
    index = Narrowest(networks([from_list(given, STRING)]))
    asked = ["x", "", "::ffff:10.1.2.3", "10.1.2.3:80", "[::1]:5", *(text for net in nets for text in around(net))]
    found = index.find(*addresses.parse(from_list(asked, STRING))).tolist()
    for text, number in zip(asked, found, strict=True):
        address = address_of(text)
        holding = {n for n in nets if address is not None and n.version == address.version and address in n}
        chain: list[int] = []
        while number >= 0:
            rows = index.order[index.offsets[number] : index.offsets[number + 1]].tolist()
            assert rows == sorted(rows)
            assert {nets[row] for row in rows} <= holding
            chain.append(nets[rows[0]].prefixlen)
            number = int(index.parents[number])
        assert chain == sorted((n.prefixlen for n in holding), reverse=True)


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "fe80::%1/64", "web", "/8", "1/8/8"]
)
def test_what_is_no_network_is_told_with_its_row(text: str) -> None:
    with pytest.raises(NoSpan) as caught:
        networks([from_list(["10.0.0.0/8", text], STRING)])
    assert caught.value.row == 1


def test_networks_are_read_as_one_at_a_time() -> None:
    given = ["10.0.0.0/8", "10.0.0.0/255.0.0.0", "1.2.3.4", "::", "::ffff:1.2.3.0/120", "2001:db8::/032", "0.0.0.0/0"]
    found = networks([from_list(given, STRING)])
    wanted = [network_of(text) for text in given]
    assert found.family.tolist() == [net.version for net in wanted]
    assert [words(int(net[0])) for net in wanted] == list(zip(found.high.tolist(), found.low.tolist(), strict=True))
    assert [words(int(net[-1])) for net in wanted] == list(
        zip(found.last_high.tolist(), found.last_low.tolist(), strict=True)
    )


def drawn(rnd: random.Random) -> tuple[str, str]:
    six = rnd.random() < 0.5
    kind = ipaddress.IPv6Address if six else ipaddress.IPv4Address
    most = 2**128 - 1 if six else 2**32 - 1
    start = (
        rnd.choice([0, most - 12, 1 << 64, (1 << 64) - 6, 0x2001 << 112])
        if six
        else rnd.choice([0, 10 << 24, most - 12])
    )
    first = start + rnd.randrange(8)
    last = rnd.choice([first + rnd.randrange(6), first + 3, min(most, first + (3 << 64)), most])
    return str(kind(first)), str(kind(min(last, most)))


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("seed", range(60))
def test_the_narrowest_range_wins_and_of_equal_ones_the_last(seed: int, columns: int) -> None:
    rnd = random.Random(seed)
    given = [drawn(rnd) for _ in range(rnd.randrange(0, 25))]
    spans = [range_between(*ends) for ends in given]
    texts = [[first for first, _ in given], [last for _, last in given]]
    if columns == 1:
        texts = [[rnd.choice(["{}-{}", "{} - {}"]).format(*ends) for ends in given]]
    index = Narrowest(ranges([from_list(each, STRING) for each in texts]))
    edges = {kind(int(end) + by) for span in spans for end in span for by in (-1, 0, 1)
             if 0 <= int(end) + by < 2**end.max_prefixlen for kind in [type(end)]}  # fmt: skip
    asked = ["x", "::ffff:10.0.0.3", "10.0.0.3:80", *map(str, edges)]
    found = index.find(*addresses.parse(from_list(asked, STRING))).tolist()
    for text, number in zip(asked, found, strict=True):
        address = address_of(text)
        holding = [
            (int(last) - int(first), -row)
            for row, (first, last) in enumerate(spans)
            if address is not None and address.version == first.version and int(first) <= int(address) <= int(last)
        ]
        got = None if number < 0 else int(index.order[index.offsets[number + 1] - 1])
        assert got == (-min(holding)[1] if holding else None), text
    crossing = {
        (a, b)
        for a in spans
        for b in spans
        if a[0].version == b[0].version and int(a[0]) < int(b[0]) <= int(a[1]) < int(b[1])
    }
    assert (index.crossing >= 0) == bool(crossing)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10.0.0.9-10.0.0.1", "ends before it begins"),
        ("10.0.0.1-::2", "not of one version"),
        ("10.0.0.1-::ffff:10.0.0.2", ""),
        ("10.0.0.1-10.0.0", "does not appear to be"),
        ("10.0.0.1-", "does not appear to be"),
        ("-", "does not appear to be"),
        ("10.0.0.1-10.0.0.2-10.0.0.3", "does not appear to be"),
        ("fe80::1%a-fe80::2", "no zone"),
        ("10.0.0.0/8-10.0.0.9", "does not appear to be"),
        ("10.0.0.1-9", "does not appear to be"),
        ("ffff::-::1", "ends before it begins"),
        ("::8000:0:0:0 - ::7000:0:0:0", "ends before it begins"),
        ("", "does not appear to be"),
    ],
)
def test_ranges_are_read_as_one_at_a_time(text: str, told: str) -> None:
    column = from_list(["10.0.0.0/8", text], STRING)
    if not told:
        found = ranges([column])
        assert words(int(range_of(text)[1])) == (found.last_high[1], found.last_low[1])
        return
    with pytest.raises(NoSpan, match=told) as caught:
        ranges([column])
    assert caught.value.row == 1
    if text.count("-") == 1 and "/" not in text:
        ends = [from_list(["::", part.strip()], STRING) for part in text.split("-")]
        with pytest.raises(NoSpan, match=told):
            ranges(ends)
