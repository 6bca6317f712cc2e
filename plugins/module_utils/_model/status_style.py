# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the status page looks: on a screen, without colours, and on paper."""

from __future__ import annotations

PAGE_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.45 system-ui, sans-serif; color: #111; background: #fff; }
body { margin: 0 auto; padding: 1rem; max-width: 80rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.3rem; margin: 0 0 .4rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .3rem 0; }
ul { margin: .4rem 0; padding-left: 1.3rem; }
li { margin: .2rem 0; overflow-wrap: anywhere; }
section { border-top: 2px solid #111; margin: 1.5rem 0; padding-top: 1rem; }
.verdict { font-weight: 700; font-size: 1.1rem; padding: .4rem .7rem; color: #0b5d34; }
.verdict { border: 2px solid #0b5d34; border-left-width: 12px; }
.verdict.bad { border-color: #a30000; color: #a30000; }
.verdict.part { border-color: #7a4b00; color: #7a4b00; }
.problems { font-size: 1.05rem; }
.wide { overflow-x: auto; }
.wide { background: linear-gradient(to right, #fff 30%, rgba(255, 255, 255, 0)) left / 40px 100% local,
  linear-gradient(to left, #fff 30%, rgba(255, 255, 255, 0)) right / 40px 100% local,
  linear-gradient(to right, rgba(0, 0, 0, .35), rgba(0, 0, 0, 0)) left / 14px 100%,
  linear-gradient(to left, rgba(0, 0, 0, .35), rgba(0, 0, 0, 0)) right / 14px 100%; background-repeat: no-repeat; }
.when, .note { color: #444; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; white-space: nowrap; }
th, td { border-bottom: 1px solid #bbb; }
thead th { border-bottom: 2px solid #111; vertical-align: bottom; }
.list tbody th { white-space: normal; overflow-wrap: break-word; max-width: 14rem; }
tbody th { position: sticky; left: 0; background: #fff padding-box; }
@media (max-width: 60rem) { .list th, .list td { font-size: .8rem; padding-right: .6rem; } }
.cross td, .cross th { padding: .25rem .5rem; border: 1px solid #bbb; }
.many thead th + th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
.cross .bad { color: #fff; background: #a30000; padding: .1rem .3rem; }
.wrap { display: inline-block; white-space: normal; min-width: 11rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f2f2f2; padding: .5rem; font-size: .85rem; }
"""
PRINT_STYLE = """
@media print {
  :root { font-size: 11px; }
  body { font-size: 11px; padding: 0; max-width: none; }
  section { border: 0; margin: 0; }
  section + section { break-before: page; }
  svg { min-width: 0 !important; max-height: 11cm; }
  .wide { overflow: visible; background: none; }
  table { font-size: 8.5px; }
  th, td { white-space: normal; }
  .now { white-space: nowrap; }
  .part, tr, svg { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
