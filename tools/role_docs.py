#!/usr/bin/env python3
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the README of each role from its argument spec; with --check say which are out of date instead."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CODE = re.compile(r"\b[CVO]\(([^)]*)\)")
PLUGIN = re.compile(r"\b[MP]\(quorum\.redis\.(\w+)(#role)?[^)]*\)")


def text(words: str | list[str], here: str) -> str:
    """Turn the markup of Ansible's documentation into Markdown, on one line."""
    joined = " ".join([words] if isinstance(words, str) else words)
    joined = CODE.sub(lambda found: f"`{found[1]}`" if found[1] else "empty", joined)
    joined = PLUGIN.sub(lambda found: _link(found[1], found[2], here), joined)
    return re.sub(r"\s+", " ", joined).replace("|", r"\|").strip()


def _link(name: str, role: str | None, here: str) -> str:
    if name == here:
        return f"`{name}`"
    return f"[`{name}`](../{name}/README.md)" if role else f"`quorum.redis.{name}`"


def table(options: dict[str, Any], here: str, with_defaults: bool) -> Iterator[str]:
    """Return one table of options."""
    head = ["Name", "Type", *(["Default"] if with_defaults else []), "What it is"]
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for name, option in options.items():
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        about = text(option["description"], here)
        if "choices" in option:
            about += " One of " + ", ".join(f"`{choice}`" if choice != "" else "empty" for choice in option["choices"])
            about += "."
        if option.get("required"):
            about += " Required."
        cells = [f"`{name}`", kind, *([_default(option)] if with_defaults else []), about]
        yield f"| {' | '.join(cells)} |"


def _default(option: dict[str, Any]) -> str:
    if "default" not in option:
        return ""
    return "`" + yaml.safe_dump(option["default"], default_flow_style=True, width=1000).split("\n...")[0].strip() + "`"


def page(role: str, spec: dict[str, Any]) -> str:
    """Return the README of one role."""
    main = spec["argument_specs"]["main"]
    lines = [f"# Role `quorum.redis.{role}`", "", main["short_description"] + ".", ""]
    lines += [f"{text(paragraph, role)}\n" for paragraph in main["description"]]
    lines += ["Generated from `meta/argument_specs.yml` by `tools/role_docs.py`; change it there.", ""]
    if main["options"]:
        lines += ["## Variables", "", *table(main["options"], role, with_defaults=True), ""]
    for name, option in main["options"].items():
        if "options" in option:
            lines += [f"## Entries of `{name}`", "", *table(option["options"], role, with_defaults=False), ""]
    return "\n".join(lines)


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a README is out of date")
    check = parser.parse_args().check
    stale = []
    for spec in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        role, readme = spec.parts[-3], spec.parents[1] / "README.md"
        wanted = page(role, yaml.safe_load(spec.read_text(encoding="utf-8")))
        if not readme.exists() or readme.read_text(encoding="utf-8") != wanted:
            stale.append(str(readme.relative_to(ROOT)))
            if not check:
                readme.write_text(wanted, encoding="utf-8")
    if stale:
        print(f"{'out of date, run tools/role_docs.py' if check else 'written'}: {', '.join(stale)}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
