"""How Sphinx builds the documentation: `make docs`, which treats every warning as an error."""

import importlib.metadata
import itertools
import re

project = "lasem-tf"
author = "The maintainers of lasem-tf"
release = version = importlib.metadata.version("lasem-tf")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon",
              "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = "LASEM in TensorFlow 2"

# Names that a module hands on are described where they come from.
autodoc_default_options = {"members": True, "show-inheritance": True, "ignore-module-all": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "literal"

# Pages link to files of the repository, such as a suite; only links between pages lead somewhere in the built site.
suppress_warnings = ["myst.xref_missing"]


def _escape(line):
  """Bars, stars and final underscores outside of quotation mean something to reStructuredText."""
  parts = line.split("`")
  return "`".join([re.sub(r"([|*]|_(?!\w))", r"\\\1", part) if index % 2 == 0 else part
                   for index, part in enumerate(parts)])


def _to_restructured_text(app, what, name, obj, options, lines):
  """Docstrings are plain text: bars are bars, and what a module's docstring indents stays as it is."""
  del app, name, obj, options
  found = []
  for is_indented, group in itertools.groupby(lines, lambda line: what == "module" and line.startswith(" ")):
    block = list(group)
    found += ["", "::", "", *block, ""] if is_indented else list(map(_escape, block))
  lines[:] = found


def _leave_out(app, what, name, obj, skip, options):
  """What answers every question about itself alike cannot be described."""
  del app, what, obj, options
  return True if name == "Opaque" else skip


def setup(app):
  """Called by Sphinx. Before napoleon, which comes at 500."""
  app.connect("autodoc-process-docstring", _to_restructured_text, priority=400)
  app.connect("autodoc-skip-member", _leave_out)
