# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a process could listen on its addresses, and whether the one that others use is among them."""

from __future__ import annotations

import ipaddress
from typing import Callable, Container, Mapping, Sequence

from .._core.errors import BadConfig

CORRECT = "Correct redis_address, or ansible_host where that is not set"
EVERY = {"*": 4, "0.0.0.0": 4, "::": 6, "::*": 6}  # noqa: S104


def check_bind(bind: Sequence[str], address: str, is_local: Callable[[str], bool]) -> None:
    """Refuse what the process could not listen on, and what leaves it where nobody looks for it; pure."""
    named = [word.lstrip("-") for word in bind]
    if not bind or not address or not all(word in EVERY or _literal(word) for word in named):
        return  # all addresses, or names, of which only the engine knows what they are
    absent = [word for word in bind if not word.startswith("-") and word not in EVERY and not is_local(word)]
    if absent:
        raise BadConfig(
            f"redis_bind names {', '.join(absent)}, which is no address of this host: the server could not start",
            "",
            "Nothing was changed. Correct it; before an address that comes and goes write a minus sign",
        )
    only_loopback = all(word not in EVERY and ipaddress.ip_address(word).is_loopback for word in named)
    if not is_covered(named, address) and (is_local(address) or only_loopback):
        raise BadConfig(
            f"redis_bind is {', '.join(bind)}, without {address}, by which modules and other members reach this host",
            "",
            f"Nothing was changed. Add {address}, or set redis_address to the address that they are to use; for a host "
            "that nobody else uses, redis_address: 127.0.0.1",
        )


def check_address(
    address: str,
    listens: Mapping[str, Sequence[int]],
    running: Container[str],
    is_local: Callable[[str], bool],
    answers: Callable[..., bool],
    leads_here: Callable[..., bool],
) -> None:
    """Refuse an address that leads nowhere or to another machine: others would be sent there. Pure.

    `listens`: the declared units with their ports. An address that another machine translates does lead here.
    """
    if not address or is_local(address):
        return
    there = {unit: [port for port in ports if answers(address, port)] for unit, ports in listens.items()}
    lost = [unit for unit, ports in there.items() if unit in running and not ports]
    if lost:
        raise BadConfig(
            f"redis_address is {address}, which is no address of this host, and nothing answers there, while "
            f"{', '.join(lost)} {'runs' if len(lost) == 1 else 'run'}",
            "",
            f"Nothing was changed. {CORRECT}",
        )
    other = [
        unit for unit, ports in there.items() if not all(leads_here(address, port, listens[unit]) for port in ports)
    ]
    if other:
        raise BadConfig(
            f"redis_address is {address}, which is no address of this host, and what answers there is another machine's"
            f", not {' or '.join(other)} of this host",
            "",
            f"Nothing was changed on any host. {CORRECT}: two hosts may have each other's",
        )


def is_covered(named: Sequence[str], address: str) -> bool:
    """Return whether a process with this bind listens on the address; pure."""
    wanted = ipaddress.ip_address(address)
    return any(
        EVERY[word] == wanted.version if word in EVERY else ipaddress.ip_address(word) == wanted for word in named
    )


def _literal(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True
