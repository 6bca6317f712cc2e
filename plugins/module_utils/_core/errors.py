# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of this collection: each says what is wrong, where, and what to do."""

from __future__ import annotations


def _sentence(text: str) -> str:
    """Return text closed by a full stop, unless it is empty or already closed."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:" else text + "."


class QuorumError(Exception):
    """Something is wrong; only the harness turns it into a failed task."""

    def __init__(self, what: str, where: str = "", todo: str = "", table: str = "") -> None:
        """Keep the parts: an error is data first and text last."""
        self.what = what.strip().rstrip(".")
        self.where = where.strip()
        self.todo = todo.strip()
        self.table = table.rstrip()
        super().__init__(what)

    def __str__(self) -> str:
        """Say what (where), then what to do, with the table of evidence in between."""
        head = f"{self.what} ({self.where})" if self.where else self.what
        if self.table:
            return "\n".join(part for part in (_sentence(head), self.table, _sentence(self.todo)) if part)
        return " ".join(part for part in (_sentence(head), _sentence(self.todo)) if part)


class Unreachable(QuorumError):
    """Nothing answers there: kind is refused, timeout, dns, tls or other."""

    def __init__(self, what: str, where: str = "", todo: str = "", kind: str = "other") -> None:
        """Remember why nothing answers."""
        super().__init__(what, where, todo)
        self.kind = kind


class MissingLibrary(QuorumError):
    """The Python library redis is not installed where the module runs."""


class AuthFailed(QuorumError):
    """The server does not accept the credentials, or they lack a right."""


class Loading(QuorumError):
    """The server is still reading its data set."""


class CommandFailed(QuorumError):
    """The server answered a command with an error; text is its own message."""

    def __init__(self, text: str, where: str = "", todo: str = "") -> None:
        """Keep the server's words apart for those who must tell them apart."""
        super().__init__(text, where, todo)
        self.text = text


class Refused(QuorumError):
    """The plan refuses to go on; nothing was changed."""


class Unsettled(Refused):
    """The servers disagree in a way that passes by itself; patient tells whether that may take long."""

    patient = False


class BadConfig(QuorumError):
    """A configuration does not hold water, in the engine's own words where it has some."""


class Damaged(QuorumError):
    """A backup is not what it says it is."""
