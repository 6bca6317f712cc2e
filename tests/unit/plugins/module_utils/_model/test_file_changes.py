# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between a file and what shall be there, and how a diff shows it."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.file_changes import (
    Seen,
    Wanted,
    describe_change,
    list_differences,
    show_diff,
)

FILE = Seen("file", b"old", mode=0o644, owner="root", group="root")


@pytest.mark.parametrize(
    ("seen", "want", "expected", "sentence"),
    [
        (Seen(), Wanted("/f", content=b"x"), ["file"], "create /f"),
        (FILE, Wanted("/f", content=b"old"), [], ""),
        (FILE, Wanted("/f", content=b"new"), ["content"], "change /f"),
        (FILE, Wanted("/f", content=b"old", mode=0o600), ["mode"], "give /f root:root 0600"),
        (FILE, Wanted("/f", content=b"old", group="redis"), ["group"], "give /f root:redis 0644"),
        (FILE, Wanted("/f", "absent"), ["absent"], "remove /f"),
        (Seen(), Wanted("/f", "absent"), [], ""),
        (FILE, Wanted("/f", "link", link="/dev/null"), ["link"], "make /f a link to /dev/null"),
        (Seen("link", link="/dev/null"), Wanted("/f", "link", link="/dev/null"), [], ""),
        (Seen("link", link="/other"), Wanted("/f", "link", link="/dev/null"), ["link"], "make /f a link to /dev/null"),
        (Seen("link", link="/other"), Wanted("/f", content=b"x"), ["file"], "create /f"),
    ],
)
def test_differences(seen: Seen, want: Wanted, expected: list[str], sentence: str) -> None:
    assert list_differences(seen, want) == expected
    assert not sentence or describe_change(seen, want) == sentence


def test_a_diff_has_the_mode_where_that_changes() -> None:
    shown = show_diff(FILE, Wanted("/f", content=b"new", mode=0o600))
    assert shown["before"] == "# root:root 0644\nold"
    assert shown["after"] == "# root:root 0600\nnew"
