"""Texts of records are harmless to terminals, drawings and spreadsheets."""

import io

import pandas as pd
import pytest

from benchmark.results import texts


@pytest.mark.parametrize("text, expected", [
    ("plain [text] 100 %", "plain [text] 100 %"), ("a\x1b[31mb\x00", "a�[31mb�"), ("a\r\n\tb\x85c", "a b c"),
    ("a\u202eb\u2066", "a�b�"), ("\ud800\uffff", "��"), ("Größe 数 ± †", "Größe 数 ± †"), ("a\u2028b", "a b")])
def test_printable(text, expected):
  assert texts.printable(text) == expected


def test_no_cell_of_a_csv_table_is_a_formula():
  odd = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "=cmd|' /C calc'!A0"]
  frame = pd.DataFrame({"text": [*odd, "seed 0 failed", "a=b", "", "a\rb\n,c"], "number": -1.5, "mark": False,
                        "none": None})
  lines = texts.csv_table(frame, "%.3g").splitlines()
  assert lines[0] == "text,number,mark,none"
  read = pd.read_csv(io.StringIO(texts.csv_table(frame)), keep_default_na=False)
  assert read["text"].tolist() == [*(f"'{texts.printable(text)}" for text in odd), "seed 0 failed", "a=b", "", "a b ,c"]
  assert read["number"].tolist() == [-1.5] * len(frame) and not read["mark"].any()
