# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a move of a slot that was cut short, in every state that it may have, and what is none of ours."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_nodes import ClusterNode
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_open import Finisher, SlotMove, list_open
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_view import ClusterMember
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed

# a and b are primaries, c has nothing to do with it; d follows a, e follows b.
FOLLOWS = {"d": "a", "e": "b"}


def member(
    name: str,
    others: str,
    *,
    slots: bool = False,
    follows: str = "",
    migrating: str = "",
    importing: str = "",
    keys: int = 0,
    silent: bool = False,
    engine: str = "redis",
    promoted: bool = False,
    says: str = "",
) -> ClusterMember:
    """Return a member that says this about slot 7."""
    server = Observed(host=name, address=f"192.0.2.{ord(name)}", port=7000, engine=engine)
    server.replication_id2 = "f00" if promoted else ""
    found = ClusterMember(server)
    if silent:
        return found
    own = ClusterNode(name, flags=frozenset({"myself", "slave" if follows else "master"}), primary_id=follows)
    own.slots = [(7, 7)] if slots else []
    own.migrating = {7: migrating} if migrating else {}
    own.importing = {7: importing} if importing else {}
    found.nodes = [own]
    for other in others:
        node = ClusterNode(other, f"192.0.2.{ord(other)}", 7000, flags=frozenset({"master"}))
        node.slots = [(7, 7)] if other == says else []
        found.nodes.append(node)
    found.slot_keys = {7: keys} if keys else {}
    return found


def finish(engine: str = "redis", says: str = "", **facts: dict[str, Any]) -> tuple[SlotMove | None, str]:
    """Return what is to be done, and the commands as text."""
    names = "abcde"
    members = []
    for name in names:
        given = {"follows": FOLLOWS.get(name, ""), "says": says, **facts.get(name, {})}
        members.append(member(name, names.replace(name, ""), engine=engine, **given))
    assert list_open(members) == {7}
    found = Finisher(members, 7).finish_move()
    if found is None:
        return None, ""
    said = [
        [f"{names[who]}:{' '.join(map(str, words[3:]))}" for who, words in part] for part in (found.before, found.after)
    ]
    return found, ", ".join([*said[0], "keys" if found.source >= 0 else "-", *said[1]])


CLOSE = "keys, b:NODE b, a:NODE b, c:NODE b"


@pytest.mark.parametrize(
    ("facts", "commands", "newest"),
    [
        # The two know of each other: keys go on, and those of the source are the ones that clients write.
        ({"a": {"slots": True, "migrating": "b", "keys": 3}, "b": {"importing": "a", "keys": 2}}, CLOSE, True),
        ({"a": {"slots": True, "migrating": "b"}, "b": {"importing": "a", "keys": 5}}, CLOSE, True),
        # The target was started again without its mark.
        ({"a": {"slots": True, "migrating": "b", "keys": 3}, "b": {"keys": 2}}, f"b:IMPORTING a, {CLOSE}", True),
        # Only the target was told.
        ({"a": {"slots": True, "keys": 3}, "b": {"importing": "a"}, "says": "a"}, "-, b:STABLE", False),
        # A replica of the source was promoted and does not know of it: keys go back, and the target has to accept it.
        (
            {"a": {"silent": True}, "d": {"follows": "", "slots": True}, "b": {"importing": "a", "keys": 2}},
            "b:NODE d, b:IMPORTING d, keys, b:STABLE",
            False,
        ),
        ({"a": {"slots": True, "keys": 3}, "b": {"importing": "a", "keys": 2}, "says": "a"}, "keys, b:STABLE", False),
        # Closed on the target; the source still says that it gives.
        ({"a": {"migrating": "b"}, "b": {"slots": True, "keys": 5}}, "-, a:STABLE", False),
        # A replica of the target was promoted, and the target is back.
        (
            {"a": {"slots": True, "migrating": "b", "keys": 3}, "b": {"follows": "e"}, "e": {"follows": "", "keys": 2}},
            "e:IMPORTING a, a:MIGRATING e, keys, e:NODE e, a:NODE e, c:NODE e",
            True,
        ),
        # The same, and the target is dead: its successor is known by the keys.
        (
            {"a": {"slots": True, "migrating": "b"}, "b": {"silent": True}, "e": {"follows": "", "keys": 2}},
            "e:IMPORTING a, a:MIGRATING e, keys, e:NODE e, a:NODE e, c:NODE e",
            True,
        ),
    ],
)
def test_what_is_left(facts: dict[str, Any], commands: str, newest: bool) -> None:
    found, said = finish(**facts)
    assert found is not None and said == commands and found.newest is newest and found.text


def test_valkey_tells_replicas_what_is_open() -> None:
    """A promoted one goes on, and may have keys still that had gone; a dead target would come back as the owner."""
    facts: dict[str, Any] = {
        "a": {"follows": "d"},
        "d": {"follows": "", "slots": True, "migrating": "b", "promoted": True},
        "b": {"importing": "d", "keys": 2},
    }
    found, said = finish("valkey", **facts)
    assert found is not None and not found.newest and said == "keys, b:NODE b, d:NODE b, c:NODE b"
    facts = {
        "a": {"slots": True, "migrating": "b"},
        "b": {"silent": True},
        "e": {"follows": "", "importing": "a", "keys": 2},
    }
    assert finish("valkey", **facts) == (None, "")
    facts["b"] = {"follows": "e"}
    found, said = finish("valkey", **facts)
    assert found is not None and said == "a:MIGRATING e, keys, e:NODE e, a:NODE e, c:NODE e"


@pytest.mark.parametrize(
    "facts",
    [
        {"a": {"slots": True, "migrating": "x", "keys": 3}},  # no member
        {"a": {"slots": True, "migrating": "b", "keys": 3}, "c": {"importing": "a"}},  # two that take
        {"a": {"slots": True, "migrating": "b"}, "b": {"importing": "a"}, "c": {"keys": 1}},  # keys of a third one
        {"a": {"slots": True, "migrating": "b"}, "b": {"importing": "a"}, "c": {"importing": "a"}},
        {"a": {"migrating": "b", "keys": 1}, "b": {"slots": True, "keys": 5}},  # owner too early
        {"b": {"importing": "a", "keys": 1}},  # no owner
        {"a": {"slots": True, "migrating": "b", "keys": 3}, "b": {"silent": True}},  # who has what is gone?
    ],
)
def test_what_is_none_of_ours_or_not_known_yet(facts: dict[str, Any]) -> None:
    assert finish(**facts) == (None, "")
