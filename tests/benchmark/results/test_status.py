"""A status is its text wherever it is written or compared."""

import json

import pytest

from benchmark.results.status import RECORDED, Status


def test_a_status_is_equal_to_its_text_and_written_as_it():
  assert Status.DIVERGED == "diverged" and {"diverged": 1}[Status.DIVERGED] == 1
  assert f"{Status.DIVERGED} {Status.DIVERGED!s} {Status.DIVERGED:>9}" == "diverged diverged  diverged"
  assert json.dumps([Status.FAILED]) == '["failed"]'
  assert Status("completed") is Status.COMPLETED and [str(status) for status in RECORDED] == ["completed", "diverged",
                                                                                           "failed"]
  with pytest.raises(ValueError, match="fine"):
    Status("fine")
