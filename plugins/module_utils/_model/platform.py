# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform table: what a distribution calls the packages and services of an engine. Pure. RedHat is untested."""

from __future__ import annotations

import re
from typing import Any, Dict

from .._core.errors import QuorumError

PLATFORMS: Dict[str, Dict[str, Dict[str, Any]]] = {
    "Debian": {
        "redis": {
            "packages": ["redis-server", "redis-tools"],
            "services": ["redis-server.service", "redis-sentinel.service"],
        },
        "valkey": {
            "packages": ["valkey-server", "valkey-tools"],
            "services": ["valkey-server.service", "valkey-sentinel.service"],
        },
    },
    "RedHat": {
        "redis": {"packages": ["redis"], "services": ["redis.service", "redis-sentinel.service"]},
        "valkey": {"packages": ["valkey"], "services": ["valkey.service", "valkey-sentinel.service"]},
    },
}
BUILD_PACKAGES = {
    "Debian": ["gcc", "g++", "make", "pkg-config", "libc6-dev", "libssl-dev", "libsystemd-dev"],
    "RedHat": ["gcc", "gcc-c++", "make", "pkgconf-pkg-config", "glibc-devel", "openssl-devel", "systemd-devel"],
}
RELATIVES = {"Debian": {"debian"}, "RedHat": {"rhel", "fedora", "centos"}}


def parse_os_release(text: str) -> Dict[str, str]:
    """Return the variables of an /etc/os-release, without their quotes."""
    return dict(re.findall(r"""(?m)^([A-Z_]+)=["']?(.*?)["']?\r?$""", text))


def describe_platform(os_release: str, engine: str, from_source: bool) -> Dict[str, Any]:
    """Return what this host calls things: family, the engine's own packages and services, and those to install.

    QuorumError: the table does not have this engine on this system.
    """
    system = parse_os_release(os_release)
    names = {system.get("ID", ""), *system.get("ID_LIKE", "").split()}
    family = next((name for name, relatives in RELATIVES.items() if relatives & names), "")
    if engine not in PLATFORMS.get(family, {}):
        name = system.get("PRETTY_NAME") or system.get("ID") or "a system without a name"
        raise QuorumError(
            f"{engine} on {name} is not in the platform table of the role redis",
            todo="Use a release of Debian that has it, or take this host out of the inventory",
        )
    called = PLATFORMS[family][engine]
    return {
        "family": family,
        "packages": list(called["packages"]),
        "services": list(called["services"]),
        "pinned": [] if from_source else list(called["packages"]),
        "needed": list(BUILD_PACKAGES[family] if from_source else called["packages"]),
    }
