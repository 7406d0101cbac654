"""Bars."""

import pytest

from benchmark.speed import bars


@pytest.mark.parametrize("value, limit, at_least, met", [
    (1.0, 1.0, False, True), (1.01, 1.0, False, False), (1.0, 1.0, True, True), (0.99, 1.0, True, False),
    (0, 0, False, True), (1, 0, False, False), (3.0, None, False, None), (None, 1.0, True, None)])
def test_met(value, limit, at_least, met):
  assert bars.Bar("figure", value, limit, at_least).met is met
