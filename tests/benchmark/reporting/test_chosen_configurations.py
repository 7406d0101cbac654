"""The table of what searches chose."""

import dataclasses

from benchmark.reporting import cells, chosen_configurations
from tests.benchmark import synthetic_records


def _record(learner, super_network, configurations):
  made = synthetic_records.record(learner=learner)
  result = {**made.result, "parameters": {**made.result["parameters"], "super_network": super_network},
            "configurations": configurations}
  return dataclasses.replace(made, result=result)


def test_searches_alone_are_listed_with_their_bits():
  found = [_record("stl", None, [None, None]), _record("lasem_hps", 10, ["0011", "1111"])]
  text = chosen_configurations.section(found, cells.markdown_table)
  assert "LASEM HPS" in text and "0011" in text and "1111" in text and "STL" not in text


def test_nothing_is_said_where_nothing_searched():
  found = [_record("hps_top2", None, ["0011", "0011"])]
  assert chosen_configurations.section(found, cells.plain_table) == ""
