"""What the suite uses of gin's parser, which is no part of gin's interface; see the bound in setup.cfg."""

import gin
from gin import config_parser


def test_statements_have_the_fields_that_are_read():
  assert config_parser.BindingStatement._fields[:4] == ("scope", "selector", "arg_name", "value")
  assert {"module", "location"} <= set(config_parser.ImportStatement._fields)
  assert {"filename", "location"} <= set(config_parser.IncludeStatement._fields)
  assert "line_num" in config_parser.Location._fields
  assert {"configurable_reference", "macro"} <= set(vars(config_parser.ParserDelegate))


def test_the_registry_lists_selectors():
  assert any(selector.startswith("gin.") for selector, _ in gin.config._REGISTRY.items())
