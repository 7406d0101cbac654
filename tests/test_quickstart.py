"""The notebook of `examples` runs from beginning to end and shows what its text says."""

import pathlib
import re

import nbclient
import nbformat

_ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_the_quickstart_runs(tmp_path, monkeypatch):
  monkeypatch.setenv("TMPDIR", str(tmp_path))
  monkeypatch.setenv("PYTHONPATH", str(_ROOT))
  notebook = nbformat.read(_ROOT / "examples" / "quickstart.ipynb", as_version=4)
  assert not any(cell.get("outputs") for cell in notebook.cells)  # Committed without results of some machine.
  executed = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3",
                                     resources={"metadata": {"path": str(_ROOT)}}).execute()
  outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
  shown = "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
  assert "HPS Top-2" in shown and "completed" in shown
  # A file of the test set of each class of the first task, and what the model says of it.
  assert re.search(r"0 +pictures/test/cross/000.png +[01]\.\d+ +[01]\.\d+\n1 +pictures/test/disc/000.png", shown)
  assert any("image/png" in output.get("data", {}) for output in outputs)
  assert "('bars', 'disc')" in shown
