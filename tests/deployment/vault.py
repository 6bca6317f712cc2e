# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets as users keep them: single values in an inventory, each encrypted with ansible-vault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.vault import VaultLib, VaultSecret


class Secret(str):
    """A text that is written down as !vault and its cipher."""

    __slots__ = ()


def write(path: Path, key: str, inventory: dict[str, Any]) -> Path:
    """Write an inventory whose secrets are encrypted with this key."""
    vault = VaultLib([("default", VaultSecret(key.encode()))])

    class Dumper(yaml.SafeDumper):
        """Knows the key."""

    def encrypted(dumper: yaml.SafeDumper, text: Secret) -> yaml.ScalarNode:
        return dumper.represent_scalar("!vault", vault.encrypt(str(text)).decode(), style="|")

    Dumper.add_representer(Secret, encrypted)
    path.write_text(yaml.dump(inventory, Dumper=Dumper), encoding="utf-8")
    return path
