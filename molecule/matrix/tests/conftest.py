# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the installed collection importable, which knows the presets."""

from __future__ import annotations

import sys

from lab import SETTINGS

sys.path.insert(0, SETTINGS["ANSIBLE_COLLECTIONS_PATH"])
