"""How Sphinx makes the pages: see tools/docs.py."""

project = "quorum.redis"
copyright = "the quorum.redis contributors"  # noqa: A001 - Sphinx wants this name
html_title = html_short_title = "quorum.redis"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_theme_options = {"vcs_pageview_mode": "", "documentation_home_url": "index.html", "topbar_links": {}}
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
display_version = False
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_heading_anchors = 4
