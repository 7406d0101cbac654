"""The command line of `benchmark.data`: what it finds, tells, draws and prepares."""

import numpy as np
import pytest
from PIL import Image

from benchmark import data
from benchmark.inspection import commands, inventory as inventory_lib
from benchmark.suites import open_stream
from benchmark.suites.bindings import ConfigurationError
from lasem_tf.data.readers import stl10_files
from lasem_tf.data.stream import DataError, StreamContext
from tests.data import office_home_raw, photographs, stl10_raw

_ANY_STL10 = "--gin_param=STL10.images_per_class = 'any'"
_ANY_OFFICE_HOME = "--gin_param=OfficeHome.images_per_class = 'any'"


def _run(*arguments) -> int:
  """Exit status of the command line."""
  try:
    return data.main(["benchmark.data", *map(str, arguments)])
  except SystemExit as error:
    return error.code


def _pixels(split, number):
  """A ramp from dark to bright, of a level of its own for each image."""
  ramp = np.linspace(20, 230, 96)[:, np.newaxis, np.newaxis] + number % 20
  return np.broadcast_to(ramp + (5 if split == "test" else 0), (96, 96, 3)).astype(np.uint8)


@pytest.fixture(name="stl10", scope="module")
def _stl10(tmp_path_factory):
  return stl10_raw.write(tmp_path_factory.mktemp("stl10"), 20, 3, _pixels)


@pytest.fixture(name="office_home", scope="module")
def _office_home(tmp_path_factory):
  return office_home_raw.write(tmp_path_factory.mktemp("office_home"))


def test_describe_tells_the_official_tasks_without_any_data(capsys, monkeypatch, tmp_path):
  monkeypatch.setenv("LASEM_DATA_DIR", str(tmp_path))
  assert _run("describe", "--stream=stl10_20") == 0
  captured = capsys.readouterr()
  rows = [line for line in captured.out.splitlines() if line.startswith("│")]
  assert len(rows) == 20 and all("│ 318   │ 57         │ 2400 │" in row for row in rows)
  assert "noise mean" in captured.out and "channels" in captured.out and "airplane" in captured.out
  assert "no raw data were found" in captured.err


def test_describe_with_a_folder_that_lacks_the_data_fails(capsys, tmp_path):
  assert _run("describe", "--stream=stl10_20", f"--data_dir={tmp_path}") == 2
  assert f"{tmp_path}/STL-10/raw_data" in capsys.readouterr().err


def test_describe_tells_domains(capsys, office_home, tmp_path):
  assert _run("describe", "--stream=office_home", f"--data_dir={office_home}", f"--cache_dir={tmp_path}",
              _ANY_OFFICE_HOME, "--gin_param=OfficeHome.data_name = 'squares'") == 0
  output = capsys.readouterr().out
  assert "squares: 10 tasks of images 128 x 128 x 3" in output
  assert output.count("Product") == 5 and output.count("RealWorld") == 5 and output.count("│ 78 ") == 10


@pytest.mark.parametrize("stream, columns", [("synthetic", "arrangement"), ("office_home_incremental", "Couch")])
def test_describe_serves_every_kind_of_stream(capsys, monkeypatch, tmp_path, stream, columns):
  monkeypatch.setenv("LASEM_DATA_DIR", str(tmp_path))
  assert _run("describe", f"--stream={stream}") == 0
  assert columns in capsys.readouterr().out


def test_names_are_told_as_they_are(capsys, tmp_path):
  """Neither markup nor emoji nor commands to the terminal; `preview` takes them for no formula."""
  photographs.write(tmp_path / "photos", photographs.CLASSES[:2])
  names = {"ant": "[/b]:heart:", "bee": "$\\foo{$\x1b[31m"}
  (tmp_path / "own.csv").write_text("path,label,task,domain\n" + "".join(
      f"photos/{name}/{number:03}.jpg,{label},first,[red]\n" for name, label in names.items() for number in range(10)))
  stream = ["--stream=table", f"--gin_param=TableStream.table = '{tmp_path / 'own.csv'}'",
            "--gin_param=IMAGE_SIZE = 12", f"--cache_dir={tmp_path}"]
  assert _run("describe", *stream) == 0
  output = capsys.readouterr().out
  assert "[/b]:heart:" in output and "[red]" in output and "$\\foo{$\N{REPLACEMENT CHARACTER}[31m" in output
  assert _run("preview", *stream, f"--output_dir={tmp_path / 'sheets'}") == 0
  assert _run("check", f"--data_dir={tmp_path}[/b]") == 0 and "[/b]" in capsys.readouterr().out


def test_a_pipe_is_wide_also_where_colours_are_forced(monkeypatch):
  monkeypatch.setenv("FORCE_COLOR", "1")
  assert commands._console().width == 200


def test_check_of_an_empty_folder_names_the_places(capsys, tmp_path):
  assert _run("check", f"--data_dir={tmp_path}") == 0
  output = capsys.readouterr().out
  assert output.count("missing") == len(inventory_lib.FORMATS)
  findings = [finding for inventory in inventory_lib.FORMATS.values() for finding in inventory([str(tmp_path)])]
  assert {finding.place for finding in findings} == {
      str(tmp_path / name) for name in ("cifar-100-python", "cifar-10-batches-py", "MNIST_data", "STL-10/raw_data",
                                        "OfficeHomeDataset")}
  assert all(finding.details for finding in findings)


def test_check_of_one_stream_fails_where_it_cannot_be_opened(capsys, stl10):
  assert _run("check", "--stream=stl10_20", f"--data_dir={stl10}") == 1
  output = capsys.readouterr().out
  assert "not official" in output and "20 of each class" in output and stl10_files.MD5["test_X.bin"] in output
  assert "cannot be opened as configured" in output and "STL10.images_per_class = 'any'" in output
  assert "In call to configurable" not in output


def test_check_of_one_stream_tells_its_fingerprints(capsys, stl10):
  assert _run("check", "--stream=stl10_20", f"--data_dir={stl10}", _ANY_STL10) == 0
  output = capsys.readouterr().out
  stream = open_stream.load_stream("stl10_20", StreamContext(data_dirs=(str(stl10),)),
                                            ["STL10.images_per_class = 'any'"])
  assert stream.design_fingerprint in output and stream.data_fingerprint in output
  assert "20 tasks, 240 train, 60 validation, 180 test images" in output


def test_check_names_damage(tmp_path):
  root = stl10_raw.write(tmp_path, 2, 2)
  folder = root / "STL-10" / "raw_data"
  (folder / "train_X.bin").write_bytes(b"cut")
  (folder / "test_y.bin").write_bytes(bytes([0]) * 20)
  states = {finding.place.rsplit("/", 1)[-1]: finding for finding in inventory_lib.stl10([str(root)])}
  assert states["train_X.bin"].state == inventory_lib.DAMAGED and "3 bytes" in states["train_X.bin"].details
  assert states["test_y.bin"].state == inventory_lib.DAMAGED and "labels are 1..10" in states["test_y.bin"].details
  assert states["train_y.bin"].state == inventory_lib.OTHER
  assert _run("check", f"--data_dir={root}") == 1


def test_check_counts_office_home(office_home):
  findings = inventory_lib.office_home([str(office_home)])
  assert [finding.state for finding in findings] == [inventory_lib.OTHER] * 2
  assert all("650 images in 65 classes, 10 of each class; 65 classes differ" in finding.details for finding in findings)


def test_check_says_precisely_what_lies_in_the_folders_of_real_images(real_data):
  def found(inventory, name):
    return {finding.place.split("/")[-1]: finding for finding in inventory([str(real_data / name)])}

  cifar = found(inventory_lib.cifar100, "tinyimagenet100")
  assert cifar["train"].details.startswith("9000 images, 90 of each class")
  assert cifar["test"].details.startswith("5000 images, 50 of each class")
  fragment = found(inventory_lib.cifar100, "cifar100_fragment")
  assert fragment["train"].details.startswith("1117 images, 5-22 of each class")
  assert fragment["test"].details.startswith("916 images, 4-15 of each class")
  assert fragment["meta"].state == inventory_lib.OFFICIAL and fragment["train"].state == inventory_lib.OTHER
  binaries = found(inventory_lib.stl10, "imagenette96")
  assert binaries["train_y.bin"].details.startswith("1300 labels, 130 of each class")
  assert binaries["test_X.bin"].details.startswith("800 images")
  domains = found(inventory_lib.office_home, "caltech101_officehome")
  assert domains["Product"].details.startswith("2098 images in 65 classes, 25-35 of each class; 65 classes differ")
  assert domains["Real World"].details.startswith("2118 images in 65 classes, 26-35 of each class; 65 classes differ")


def test_preview_writes_a_sheet_for_each_task(capsys, stl10, tmp_path):
  assert _run("preview", "--stream=stl10_20", f"--data_dir={stl10}", _ANY_STL10, "--gin_param=STL10.num_tasks = 2",
              f"--output_dir={tmp_path}") == 0
  assert sorted(path.name for path in tmp_path.iterdir()) == ["stl10_2_task00.png", "stl10_2_task01.png"]
  assert f"2 contact sheets in {tmp_path}" in capsys.readouterr().out
  with Image.open(tmp_path / "stl10_2_task00.png") as image:
    assert image.width > 800 and np.asarray(image.convert("L")).std() > 30


def test_prepare_builds_the_cache_once(capsys, office_home, tmp_path):
  arguments = ("prepare", "--stream=office_home", f"--data_dir={office_home}", f"--cache_dir={tmp_path}",
               _ANY_OFFICE_HOME, "--gin_param=OfficeHome.image_size = 6")
  assert _run(*arguments) == 0
  assert "1300 images: 0 were cached, 1300 were built, 0 were damaged and rebuilt" in capsys.readouterr().out
  assert _run(*arguments) == 0
  assert "1300 images: 1300 were cached, 0 were built" in capsys.readouterr().out


def test_prepare_writes_design_files(capsys, stl10, tmp_path):
  output_dir = tmp_path / "new"
  assert _run("prepare", "--stream=stl10_20", f"--data_dir={stl10}", _ANY_STL10, f"--output_dir={output_dir}") == 0
  names = [f"stl10_p25_v15_t20_c3_s{trial}.csv" for trial in range(5)]
  assert sorted(path.name for path in output_dir.iterdir()) == names
  output = capsys.readouterr().out
  assert all(name in output for name in names)


def test_prepare_says_where_there_is_nothing_to_do(capsys):
  assert _run("prepare", "--stream=synthetic") == 0
  assert "nothing to prepare" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    ([], "no command: use one of init, check, describe, preview, prepare, croissant"),
    (["look"], "unknown command 'look'"),
    (["describe"], "--stream is missing"),
    (["describe", "--stream=stl10"], "Did you mean stl10_20"),
    (["describe", "--stream=stl10_20", "stray"], "unexpected argument 'stray'"),
    (["describe", "--stream=stl10_20", "--seed=-1"], "seed"),
    (["describe", "--stream=stl10_20", "--gin_param=STL10.num_task = 3"], "Did you mean num_tasks"),
    (["describe", "--stream=stl10_20", "--gin_param=OfficeHome.image_size = 3"], "OfficeHome.image_size"),
    (["describe", "--stream=stl10_20", "--gin_param=STL10.percent = '25'"], "STL10.percent"),
    (["describe", "--stream=stl10_20", "--gin_param=STL10.partition = 'none'"], "STL10.partition"),
    (["prepare", "--stream=synthetic", "--output_dir=/nowhere"], "no design files"),
])
def test_bad_input_ends_with_status_2_and_one_line(capsys, arguments, message):
  assert _run(*arguments) == 2
  error = capsys.readouterr().err.strip().splitlines()[-1]
  assert error.startswith("Error: ") and message in error


def test_load_stream_raises_the_errors_of_the_suite(tmp_path):
  with pytest.raises(ConfigurationError, match="No gin file"):
    open_stream.load_stream("nothing", StreamContext())
  with pytest.raises(DataError) as error:
    open_stream.load_stream("stl10_20", StreamContext(data_dirs=(str(tmp_path),)))
  assert "\n" not in str(error.value)


def test_check_says_where_the_cache_is(capsys, office_home, tmp_path):
  assert _run("check", "--stream=office_home", f"--data_dir={office_home}", f"--cache_dir={tmp_path}",
              _ANY_OFFICE_HOME) == 0
  assert f"Resized images are kept in {tmp_path}/lasem_image_cache/resized_128x128_v2" in capsys.readouterr().out


def test_check_names_images_that_are_left_out(tmp_path):
  root = office_home_raw.write(tmp_path, side=4)
  (root / "OfficeHomeDataset" / "Product" / "TV" / "extra.png").write_bytes(b"")
  product, real_world = inventory_lib.office_home([str(root)])
  assert "00001.jpg: 1 of the image files" in product.details and "TV/extra.png" in product.details
  assert "Left out" not in real_world.details


@pytest.mark.parametrize("content, reason", [
    (b"\x80\x02}(U\x04dataK\x01U\x0bfine_labelsK\x02u.", "'data' is int"),
    (b"\x80\x02}(U\x04dataK\x01U\x0bfine_labels]J\xff\xff\xff\x7fau.", "'data' is int"), (b"", "ends at byte 0")])
def test_check_names_pickles_that_are_no_images(tmp_path, content, reason):
  (tmp_path / "cifar-100-python").mkdir()
  (tmp_path / "cifar-100-python" / "train").write_bytes(content)
  finding = inventory_lib.cifar100([str(tmp_path)])[0]
  assert finding.state == inventory_lib.DAMAGED and reason in finding.details


def test_a_folder_of_an_impossible_name_is_one_line(capsys):
  assert _run("check", f"--data_dir={'n' * 300}") == 2
  error = capsys.readouterr().err.strip().splitlines()[-1]
  assert error.startswith("Error: Cannot read") and "File name too long" in error
