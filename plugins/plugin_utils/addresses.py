# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of the hosts of an inventory, resolved on the controller."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from ansible.errors import AnsibleError

from .values import explain_value


class Addresses:
    """The IP address of a host: redis_address, else ansible_host, else its name, resolved here if it is a name.

    Addresses, not names, because that is what Sentinel and INFO answer with.
    """

    def __init__(self, hostvars: Any) -> None:
        """Nothing is resolved before it is asked for."""
        self.hostvars = hostvars
        self.known: dict[str, str] = {}

    def __call__(self, host: str) -> str:
        """Return the address of a host. ValueError: a sentence."""
        if host not in self.known:
            given = self._read(host, "redis_address") or self._read(host, "ansible_host") or host
            self.known[host] = _resolve(host, str(given))
        return self.known[host]

    def zone(self, host: str) -> str:
        """Return what fails at once with a host: redis_zone, else the host. ValueError: a sentence."""
        return str(self._read(host, "redis_zone") or host)

    def _read(self, host: str, name: str) -> Any:
        try:
            value = self.hostvars[host].get(name)
            if isinstance(value, str) and "{{" in value:  # ansible-core 2.18 leaves what it cannot work out as it is
                raise AnsibleError(f"{value} is not defined")
        except AnsibleError as problem:
            raw = self.hostvars.raw_get(host).get(name)
            raise ValueError(f"{host}: {explain_value(name, raw, problem)}") from None
        return value


def _resolve(host: str, given: str) -> str:
    try:
        return str(ipaddress.ip_address(given))
    except ValueError:
        pass
    try:
        entries = socket.getaddrinfo(given, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ValueError(
            f"{host}: the address {given!r} does not resolve on the controller ({error.args[-1]}). Set redis_address."
        ) from None
    addresses = sorted((str(entry[4][0]) for entry in entries), key=lambda address: ":" in address)
    if ipaddress.ip_address(addresses[0]).is_loopback:
        raise ValueError(
            f"{host}: {given!r} resolves to {addresses[0]}, which other members cannot reach. Set redis_address."
        )
    return addresses[0]
