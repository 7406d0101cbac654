"""The option and the summary that `tests/test_golden.py` adds to pytest. No TensorFlow here."""

import pathlib

FOLDER = pathlib.Path(__file__).parents[1] / "golden"
MISSING = "MISSING: "


def pytest_addoption(parser):
  """Adds `--golden_dir`."""
  parser.addoption("--golden_dir", default=str(FOLDER), metavar="DIR",
                   help="folder of recorded fixtures that tests/test_golden.py reads (default: tests/golden)")


def pytest_terminal_summary(terminalreporter, config):
  """Says how many fixtures agree; names those whose method is not built yet, which neither pass nor fail."""
  reports = {kind: [report for report in terminalreporter.getreports(kind)
                    if "test_golden.py::test_fixture" in report.nodeid]
             for kind in ("passed", "failed", "skipped")}
  if not any(reports.values()):
    return
  terminalreporter.section("golden fixtures")
  terminalreporter.write_line(f"{config.getoption('--golden_dir')}: {len(reports['passed'])} agree, "
                              f"{len(reports['failed'])} differ, {len(reports['skipped'])} MISSING")
  for report in reports["skipped"]:
    name, reason = report.nodeid.rpartition("[")[2].rstrip("]"), str(report.longrepr[2]).removeprefix("Skipped: ")
    terminalreporter.write_line(f"{name}: {reason}")
