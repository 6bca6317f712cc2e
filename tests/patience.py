# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tests wait: no test may depend on the speed of the machine."""

from __future__ import annotations

import os

# In which a state comes that has to come, on a machine that many others use too; the wait ends when the state is there.
LONG = 300.0


def allowed(seconds: float) -> float:
    """Return the limit of something that must be quick: as promised while the machine is quiet, else longer."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
