"""Tables written by hand are read whatever wrote them, or refused by line."""

import pytest

from benchmark.results import csv_files
from benchmark.results.record_schema import RecordError


def _read(tmp_path, content: bytes):
  (tmp_path / "a.csv").write_bytes(content)
  return [(where.rpartition(", ")[2], row) for where, row in csv_files.read(tmp_path / "a.csv", ("x", "y"))]


@pytest.mark.parametrize("content", [b"x,y\n1,\"a, b\"\n", b"\xef\xbb\xbfx,y\r\n1,\"a, b\"\r\n\r\n",
                                     b"x,y\n\n1,\"a, b\""])
def test_rows_by_column(tmp_path, content):
  assert [row for _, row in _read(tmp_path, content)] == [{"x": "1", "y": "a, b"}]


@pytest.mark.parametrize("content, message", [
    (b"", "columns must be x,y"), (b"y,x\n", "columns must be x,y"), (b"x,y\n1\n", "line 2: 1 cells instead of 2"),
    (b"x,y\n1,2\n1,2,3\n", "line 3: 3 cells instead of 2"), ("x,y\nMüller,1\n".encode("latin-1"), "not UTF-8"),
    ("x,y\n".encode("utf-16"), "not UTF-8"), (b"x,y\n" + b"1" * 200_000 + b",2\n", "no CSV .field larger")])
def test_damaged_tables_are_refused(tmp_path, content, message):
  with pytest.raises(RecordError, match=message):
    _read(tmp_path, content)
