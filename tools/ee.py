#!/usr/bin/env python3
"""Build the execution environment of AWX by ansible-builder, with the collection as it is here.

tools/ee.py --context    only what is built from, in .cache/ee/context; needs no image and no network
tools/ee.py --context --into DIR     the same in DIR/context
tools/ee.py              the image, by podman from the base image of examples/awx/execution-environment.yml
tools/ee.py --base NAME --tag NAME   from another base image
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ROOT / "examples" / "awx" / "execution-environment.yml"
PLACE = ROOT / ".cache" / "ee"
# What ansible-builder must have found in the collection, so that it asks for it in the image.
WANTED = ("quorum-redis.tar.gz", "requirements.yml")


def make_context(base: str, place: Path) -> Path:
    """Write the definition and the tarball beside each other, and let ansible-builder make a context of both."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    definition = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))
    if base:
        definition["images"]["base_image"]["name"] = base
    own = place / DEFINITION.name
    own.write_text(yaml.safe_dump(definition, sort_keys=False, width=120), encoding="utf-8")
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", place, ROOT], check=True)
    (tarball,) = place.glob("quorum-redis-*.tar.gz")
    tarball.rename(place / "quorum-redis.tar.gz")
    context = place / "context"
    builder = ["ansible-builder", "create", "--file", str(own), "--context", str(context)]
    subprocess.run([*builder, "--output-filename", "Containerfile"], check=True, cwd=place)
    missing = [name for name in WANTED if not (context / "_build" / name).exists()]
    if missing:
        sys.exit(f"ansible-builder has left out {', '.join(missing)}")
    return context


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", action="store_true")
    parser.add_argument("--into", type=Path, default=PLACE, help="a directory that is emptied first")
    parser.add_argument("--base", default="")
    parser.add_argument("--tag", default="redis-ee:latest")
    arguments = parser.parse_args()
    context = make_context(arguments.base, arguments.into.resolve())
    if arguments.context:
        print(context)
        return 0
    return subprocess.run(["podman", "build", "--tag", arguments.tag, str(context)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
