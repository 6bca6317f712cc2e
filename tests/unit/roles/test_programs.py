# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles install on hosts to be run there without Ansible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.plugin_utils.program import follow_imports

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("entry", ["_cluster_backup/agent", "_monitoring/agent", "_notify/agent"])
def test_a_role_installs_all_that_its_program_imports_and_no_more(entry: str) -> None:
    module = entry.replace("/", ".")
    code = f"import sys, ansible_collections.quorum.redis.plugins.module_utils.{module}; print(' '.join(sys.modules))"
    environment = {"PYTHONPATH": str(ROOT / "collections")}
    command = [sys.executable, "-c", code]
    imported = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    utils = [name.partition(".module_utils.")[2] for name in imported]
    assert {name.replace(".", "/") for name in utils if "." in name} == set(follow_imports(entry))
    assert "ansible" not in imported and (entry != "_notify/agent" or "redis" not in imported)


def test_each_way_to_import_is_followed(tmp_path: Path) -> None:
    sources = {
        "_one/begin": "from __future__ import annotations\nimport os\nfrom .near import (  # who, what\n    who,\n)\n",
        "_one/near": "from .._two import deep as other, deeper\nfrom . import begin\n",
        "_two/deep": "def late():\n    from .._three.last import it\n",
        "_two/deeper": "from pathlib import Path\n",
        "_three/last": "it = 1\n",
        "_three/unused": "",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    del sources["_three/unused"]
    assert follow_imports("_one/begin", tmp_path) == dict(sorted(sources.items()))
