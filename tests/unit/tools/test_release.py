# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a release."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "tools" / "release.py"
specification = importlib.util.spec_from_file_location("release", PROGRAM)
assert specification and specification.loader
release = importlib.util.module_from_spec(specification)
specification.loader.exec_module(release)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a committed tree without a tag, whose changelog knows 1.0.0."""
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    (tmp_path / "galaxy.yml").write_text("version: 1.0.0\n", encoding="utf-8")
    (tmp_path / "changelogs" / "changelog.yaml").write_text("releases: {1.0.0: {}}\n", encoding="utf-8")
    release.run("git", "init", "--quiet", ".", cwd=tmp_path)
    commit(tmp_path)
    return tmp_path


def commit(tree: Path) -> None:
    release.run("git", "add", "--all", cwd=tree)
    release.run("git", *release.NOBODY, "commit", "--quiet", "--message", "x", cwd=tree)


@pytest.mark.parametrize(
    ("tags", "path", "text", "expected"),
    [
        ([], "", "", "the tags of this commit are: none"),
        (["1.0.1"], "", "", "the tags of this commit are: 1.0.1"),
        (["1.0.0", "1.0.1"], "", "", "the tags of this commit are: 1.0.0, 1.0.1"),
        (["1.0.0"], "changelogs/changelog.yaml", "releases: {}\n", "the changelog does not know 1.0.0"),
        (["1.0.0"], "changelogs/fragments/new.yml", "bugfixes: [x]\n", "fragments that are in no release: new.yml"),
    ],
)
def test_no_tarball(tree: Path, tags: list[str], path: str, text: str, expected: str) -> None:
    if path:
        (tree / path).write_text(text, encoding="utf-8")
        commit(tree)
    for tag in tags:
        release.run("git", "tag", tag, cwd=tree)
    with pytest.raises(release.Refused, match=expected):
        release.build(tree, tree)


def test_no_tarball_of_what_is_not_committed(tree: Path) -> None:
    release.run("git", "tag", "1.0.0", cwd=tree)
    (tree / "galaxy.yml").write_text("version: 1.0.0\nname: redis\n", encoding="utf-8")
    with pytest.raises(release.Refused, match="not committed"):
        release.build(tree, tree)


def test_a_word_is_no_version(tree: Path) -> None:
    with pytest.raises(release.Refused, match="is no version like"):
        release.prepare(tree, "v1")


def test_names_in_the_tarball() -> None:
    assert list(release.misplaced({*release.NEEDED, "docs/index.md"})) == []
    names = (release.NEEDED - {"LICENSE"}) | {"Makefile", "plugins/__pycache__/x.pyc", "docs/.hidden", "tools/lab"}
    assert [text.rpartition(" ")[2] for text in release.misplaced(names)] == [
        "Makefile",
        "docs/.hidden",
        "plugins/__pycache__/x.pyc",
        "tools/lab",
        "LICENSE",
    ]
