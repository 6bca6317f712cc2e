# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is changed, from what was seen; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Sequence

from .._core.errors import Refused

NOTHING = "Nothing was changed"


@dataclass
class Asked:
    """What the members and the Sentinels of one set have answered, by place: a role or a name, or why they have not."""

    name: str
    roles: Dict[str, str] = field(default_factory=dict)
    denied: Dict[str, str] = field(default_factory=dict)
    silent: Dict[str, str] = field(default_factory=dict)

    @property
    def primaries(self) -> List[str]:
        """Return who says that it is the primary."""
        return [place for place, role in self.roles.items() if role == "master"]


def check_deployment(host: str, present: str, deployment: str) -> None:
    """Refuse to take the place of the endpoints of another deployment: a host has one file and one unit."""
    if present not in ("", deployment):
        raise Refused(
            f"{host} carries the endpoints of the deployment {present}, and a host carries those of one",
            "",
            f"{NOTHING}. Give {deployment} other endpoint hosts",
        )


def check_ports(host: str, held: Dict[int, str]) -> None:
    """Refuse ports that somebody else holds."""
    if held:
        named = ", ".join(f"{port} ({holder or 'another process'})" for port, holder in sorted(held.items()))
        raise Refused(f"On {host} somebody else listens on {named}", "", f"{NOTHING}. Choose another port")


def check_answers(host: str, asked: Sequence[Asked], pending: bool = False) -> List[str]:
    """Refuse what would be out of the endpoint for good; return warnings about who is silent now.

    `pending`: only predicted, as what would create members and users is. They may not be there yet.
    """
    warnings = []
    for data_set in asked:
        if pending and (data_set.denied or not data_set.roles):
            continue
        if data_set.denied:
            place, why = next(iter(data_set.denied.items()))
            raise Refused(
                f"{place} of {data_set.name} does not let the endpoint on {host} in: {why}",
                "",
                f"{NOTHING}. Run quorum.redis.site first, which creates the users",
            )
        if not data_set.roles:
            place, why = next(iter(data_set.silent.items()), ("no member", "none is declared"))
            raise Refused(
                f"{host} reaches no member of {data_set.name}: {place}: {why}",
                "",
                f"{NOTHING}. Run quorum.redis.site first, or open the way (redis_bind, a firewall)",
            )
        if not data_set.primaries:
            warnings.append(
                f"no member of {data_set.name} says that it is the primary: its endpoint leads to nobody now"
            )
        warnings += [
            f"{place} of {data_set.name} does not answer {host}: {why}" for place, why in data_set.silent.items()
        ]
    return warnings
