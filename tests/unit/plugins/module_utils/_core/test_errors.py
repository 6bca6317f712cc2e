# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors read as sentences: what is wrong, where, what to do."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("It broke",), "It broke."),
        (("It broke.",), "It broke."),
        (("It broke", "r1"), "It broke (r1)."),
        (("It broke", "r1", "Mend it"), "It broke (r1). Mend it."),
        (("It broke", "", "Mend it now!"), "It broke. Mend it now!"),
        (("It broke", "r1", "Mend it", "  a  b\n  1  2\n"), "It broke (r1).\n  a  b\n  1  2\nMend it."),
    ],
)
def test_sentences(parts: tuple[str, ...], expected: str) -> None:
    """Every combination of parts is clean text."""
    assert str(QuorumError(*parts)) == expected
