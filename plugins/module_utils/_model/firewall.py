# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may open a connection to the ports of one server or Sentinel, as an nftables table of its own; all pure.

Only the first packet of a connection to exactly these ports is looked at: nothing else on a host can be cut off by a
mistake, and no connection that is open ends. Verified with nftables 0.9.8, 1.0.6 and 1.1.3.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import sys
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Endpoint = Tuple[str, int]

HEADER = "# Written by the collection quorum.redis, which overwrites changes made here.\n"
ESTABLISHED, LISTENING = "01", "0A"


def read_networks(given: Iterable[Any]) -> List[Network]:
    """Read addresses and networks; the bits of a host in a network are ignored. Raises ValueError with the culprit."""
    networks = []
    for text in given:
        try:
            networks.append(ipaddress.ip_network(str(text), strict=False))
        except ValueError:
            raise ValueError(str(text)) from None
    return networks


def name_table(name: str) -> str:
    """Return the name of the table of a server or Sentinel."""
    return f"quorum-redis-{name}"


def render_rules(name: str, ports: Sequence[int], allowed: Sequence[Network]) -> str:
    """Return the file for `nft`: it replaces the table, and no other, in one transaction."""
    body = "".join(_allow(family, allowed) for family in (4, 6))
    listed = ", ".join(str(port) for port in sorted(ports))
    mark = digest_rules(f"{listed}\n{body}")
    body = body.replace("\n", f' comment "{mark}"\n')
    return f"""{HEADER}table inet {name_table(name)}
delete table inet {name_table(name)}
table inet {name_table(name)} {{
    chain input {{
        type filter hook input priority filter; policy accept;
        iif "lo" accept
        tcp dport {{ {listed} }} tcp flags & (syn | ack) == syn jump opening comment "{mark}"
    }}
    chain opening {{
{body}        counter reject with tcp reset comment "{mark}"
    }}
}}
"""


def digest_rules(text: str) -> str:
    """Return what tells one rule set from another, also when the kernel shows it in its own words."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def mark_of(text: str) -> str:
    """Return the marks in a rule set, one for each rule that matters: one that was deleted by hand is missed."""
    return " ".join(re.findall('comment "([^"]*)"', text))


def ports_of(text: str) -> Set[int]:
    """Return the ports of a rule set."""
    listed = re.search(r"tcp dport { ([\d, ]+) }", text)
    return {int(port) for port in listed.group(1).split(",")} if listed else set()


def _allow(family: int, allowed: Sequence[Network]) -> str:
    networks = [net for net in allowed if net.version == family]
    # Without what is covered already, which an interval may not hold twice.
    sources = ", ".join(str(net) for net in ipaddress.collapse_addresses(networks))  # type: ignore[type-var]
    return f"        {'ip' if family == 4 else 'ip6'} saddr {{ {sources} }} return\n" if sources else ""


def count_connections(tables: Iterable[str], ports: Sequence[int]) -> Dict[str, int]:
    """Return how many connections each address has open to these ports, from the texts of /proc/net/tcp and tcp6."""
    counts: Dict[str, int] = {}
    known = dict(_sockets(tables))
    for (here, there), state in known.items():
        # Of a connection of this host to itself, by whichever of its addresses, both ends are here.
        inside = here[0] == there[0] or (there, here) in known
        if state == ESTABLISHED and here[1] in ports and not inside:
            counts[there[0]] = counts.get(there[0], 0) + 1
    return counts


def list_listening(tables: Iterable[str]) -> Set[int]:
    """Return the ports on which somebody listens, from the same texts."""
    return {here[1] for (here, _there), state in _sockets(tables) if state == LISTENING}


def _sockets(tables: Iterable[str]) -> List[Tuple[Tuple[Endpoint, Endpoint], str]]:
    rows = [row.split() for text in tables for row in text.splitlines()[1:]]
    return [((_endpoint(row[1]), _endpoint(row[2])), row[3]) for row in rows if len(row) > 3]


def _endpoint(text: str) -> Endpoint:
    """Read `0100007F:18EB`: words of 32 bits in the byte order of the machine."""
    address, port = text.split(":")
    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
    raw = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    parsed = ipaddress.ip_address(raw)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed), int(port, 16)


def shut_out(addresses: Mapping[str, int], allowed: Sequence[Network]) -> Dict[str, int]:
    """Return those that could not connect again."""
    refused = {}
    for address, count in sorted(addresses.items()):
        source = ipaddress.ip_address(address)
        if not source.is_loopback and not any(source in net for net in allowed if net.version == source.version):
            refused[address] = count
    return refused


def firewall_model(get: Any, processes: Sequence[Mapping[str, Any]], peers: Set[str], problems: List[str]) -> Any:
    """Return the part of the model of a deployment: what of this host is open to whom."""
    clients = get("redis_firewall_clients") or []
    try:
        read_networks(clients)
    except ValueError as culprit:
        problems.append(
            f"redis_firewall_clients: {str(culprit)!r} is no address and no network; write 192.0.2.7 or 192.0.2.0/24."
        )
    ports = ("port", "tls_port", "other_port", "bus_port")
    return {
        "processes": [
            {"name": process["name"], "ports": sorted({process[key] for key in ports if process.get(key)})}
            for process in processes
            if process["local"]
        ],
        "peers": sorted(peers),
    }
