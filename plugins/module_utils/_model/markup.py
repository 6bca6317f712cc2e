# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of an HTML page that is well-formed XML too. Text is data here and never markup. Pure."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from typing import Sequence, Union

Child = Union[ET.Element, str]
# Characters that no terminal, browser or reader shall obey: controls, half of a pair, and what turns text around.
UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
LINES = {"body", "div", "g", "head", "header", "h1", "h2", "h3", "li", "line", "meta", "ol", "p", "path", "polygon"}
LINES |= {"pre", "rect", "section", "style", "svg", "table", "text", "thead", "tbody", "title", "tr", "ul"}
MOVING = re.compile(r'(<(?:span|tspan) class="now">)[^<]*')


def clean_text(text: str) -> str:
    """Return a text from anywhere, without what is not to be shown."""
    return UNREADABLE.sub("\ufffd", text)


def make_tag(tag: str, *children: Child, **attributes: object) -> ET.Element:
    """Return an element with texts and elements in it; `class_` and `stroke_width` are class and stroke-width."""
    named = {key.rstrip("_").replace("_", "-"): clean_text(str(value)) for key, value in attributes.items()}
    made = ET.Element(tag, named)
    for child in children:
        if not isinstance(child, str):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + clean_text(child)
        else:
            made.text = (made.text or "") + clean_text(child)
    if tag in LINES:
        made.tail = "\n"
    return made


def mark_moving(text: str, tag: str = "span") -> ET.Element:
    """Return a text that differs at each look although nothing happens: a time, a number of bytes."""
    return make_tag(tag, text or "\u2013", class_="now")


def drop_moving(page: str) -> str:
    """Return a page without what moves by itself."""
    return MOVING.sub(r"\1", page)


def show_time(seconds: float) -> str:
    """Return a moment as people everywhere read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def make_table(head: Sequence[str], rows: Sequence[Sequence[Child]], caption: str, kind: str = "list") -> ET.Element:
    """Return a table that scrolls by itself where the screen is narrow; the first cell of a row names it."""
    titles = make_tag("tr", *(_cell("th", name or "\u00a0", scope="col") for name in head))
    body = [
        make_tag("tr", _cell("th", first, scope="row"), *(_cell("td", cell) for cell in rest)) for first, *rest in rows
    ]
    whole = make_tag("table", make_tag("thead", titles), make_tag("tbody", *body), class_=kind)
    return make_tag("div", make_tag("h3", caption), make_tag("div", whole, class_="wide"), class_="part")


def _cell(tag: str, child: Child, **attributes: str) -> ET.Element:
    return make_tag(tag, "\u2013" if child == "" else child, **attributes)


def serialise_page(page: ET.Element) -> str:
    """Return the text of a page."""
    return "<!DOCTYPE html>\n" + ET.tostring(page, encoding="unicode")
