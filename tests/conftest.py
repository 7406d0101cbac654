"""Options and fixtures that all tests share."""

# Hooks of the golden fixtures: the option --golden_dir and the summary line.
from tests.golden_support.plugin import pytest_addoption, pytest_terminal_summary
