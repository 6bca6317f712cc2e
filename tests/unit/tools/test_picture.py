# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the README is the one that `status` draws today."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PICTURE = ROOT / "docs" / "set.svg"


def test_it_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "picture.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_needs_nothing_from_elsewhere_and_says_what_it_shows() -> None:
    drawing = ET.fromstring(PICTURE.read_text(encoding="utf-8"))  # noqa: S314 - of our own making
    assert drawing.attrib["aria-label"].startswith("Topology of main. db1: PRIMARY, 2 replicas; db2: replica")
    links = [value for each in drawing.iter() for key, value in each.attrib.items() if key.endswith("href")]
    assert links == []
    assert docs_picture() in (ROOT / "README.md").read_text(encoding="utf-8")


def docs_picture() -> str:
    return "](docs/set.svg)"
