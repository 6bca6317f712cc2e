# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tests wait: no test may depend on the speed of the machine."""

from __future__ import annotations

import os
from pathlib import Path

# In which a state comes that has to come, on a machine that many others use too; the wait ends when the state is there.
LONG = 300.0


def allowed(seconds: float) -> float:
    """Return the limit of something that must be quick: as promised while the machine is quiet, else longer.

    The load is a mean of the last minute; who runs or waits to run now is what it does not know yet.
    """
    running = int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].split("/")[0]) - 1
    load = max(os.getloadavg()[0], running) / (os.cpu_count() or 1)
    return seconds * max(1.0, 2 * load - 1)
