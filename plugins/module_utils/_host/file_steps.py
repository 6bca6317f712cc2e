# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step that puts a file right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

from .._core.reconcile import Module, Step
from .._model.file_changes import Seen, Wanted, describe_change, list_differences
from .files import write_path

Pair = Tuple[Seen, Wanted]


@dataclass
class WriteFile(Step):
    """Write a file or a link, or remove it."""

    seen: Seen
    want: Wanted

    def write_file(self, module: Module) -> None:
        """Do it, and give the file the SELinux context of its place."""
        write_path(self.seen, self.want, lambda path: module.set_default_selinux_context(path, False))


def plan_files(pairs: Sequence[Pair]) -> List[Step]:
    """Return a step for each path that differs; pure."""
    return [WriteFile(describe_change(*pair), *pair) for pair in pairs if list_differences(*pair)]
