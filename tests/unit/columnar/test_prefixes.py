"""The longest prefix, held against `ipaddress` looking at every network."""

from __future__ import annotations

import ipaddress
import random

import pytest

from caudal.columnar import addresses
from caudal.columnar.column import from_list
from caudal.columnar.prefixes import NoNetwork, Prefixes, networks
from caudal.core.addresses import address_of, network_of
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
    index = Prefixes(networks(from_list(given, STRING)))
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
    with pytest.raises(NoNetwork) as caught:
        networks(from_list(["10.0.0.0/8", text], STRING))
    assert caught.value.row == 1


def test_networks_are_read_as_one_at_a_time() -> None:
    given = ["10.0.0.0/8", "10.0.0.0/255.0.0.0", "1.2.3.4", "::", "::ffff:1.2.3.0/120", "2001:db8::/032", "0.0.0.0/0"]
    found = networks(from_list(given, STRING))
    wanted = [network_of(text) for text in given]
    assert found.family.tolist() == [net.version for net in wanted]
    assert found.bits.tolist() == [net.prefixlen for net in wanted]
