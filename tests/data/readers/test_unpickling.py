"""The interpreter of pickles reads the official format and refuses, by name, whatever else a pickle asks for."""

import contextlib
import pickle
import struct

import numpy as np
import pytest

from lasem_tf.data import stream
from lasem_tf.data.readers import pickled_arrays, unpickling
from tests.data import raw_files

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 12)


def load(tmp_path, content: bytes):
  path = tmp_path / "train"
  path.write_bytes(content)
  return unpickling.load_pickled_dictionary(str(path), "Get the file again.")


@pytest.mark.parametrize("write", [raw_files.python2_pickle, raw_files.official_pickle])
def test_reads_arrays_lists_and_texts(tmp_path, write):
  content = load(tmp_path, write({"data": IMAGES, "labels": [3, 4]}))
  np.testing.assert_array_equal(content["data"], IMAGES)
  assert content["data"].dtype == np.uint8 and not content["data"].flags.writeable
  assert content["labels"] == [3, 4]


def test_maker_writes_what_python_reads():
  written = raw_files.python2_pickle({"data": IMAGES, "fine_labels": [0, 99], "name": "x"})
  content = pickle.loads(written, encoding="latin1")
  np.testing.assert_array_equal(content["data"], IMAGES)
  assert content["fine_labels"] == [0, 99] and content["name"] == "x"


def test_reads_fortran_order(tmp_path):
  content = load(tmp_path, pickle.dumps({"data": np.asfortranarray(IMAGES)}, protocol=4))
  np.testing.assert_array_equal(content["data"], IMAGES)


def test_code_is_not_executed(tmp_path):
  marker = tmp_path / "executed"
  with pytest.raises(stream.DataError, match=r"train.*posix\.system.*Get the file again\."):
    load(tmp_path, b"\x80\x02}(U\x01xcposix\nsystem\n(V" + f"touch {marker}".encode() + b"\ntRu.")
  assert not marker.exists()


@pytest.mark.parametrize("name", [
    "builtins.eval", "numpy.load", "numpy.core.multiarray.scalar", "numpy.testing._private.utils.runstring",
    "numpy.core.multiarray._reconstruct_", "numpy.matrix", "_codecs.encode", "copyreg._reconstructor"
])
def test_other_names_are_refused_by_name(tmp_path, name):
  module, _, attribute = name.rpartition(".")
  with pytest.raises(stream.DataError, match=f"'{name}'"):
    load(tmp_path, f"c{module}\n{attribute}\n.".encode())


def test_dotted_names_do_not_reach_attributes(tmp_path):
  with pytest.raises(stream.DataError, match=r"numpy\.ndarray\.tofile"):
    load(tmp_path, b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.")


@pytest.mark.parametrize("dtype", ["float32", "int64", "object", "S4"])
def test_other_dtypes_are_refused(tmp_path, dtype):
  with pytest.raises(stream.DataError, match="only uint8"):
    load(tmp_path, pickle.dumps({"data": np.zeros(3, dtype)}, protocol=4))


def test_object_dtype_smuggled_into_the_state_is_refused(tmp_path):
  good = raw_files.python2_pickle({"data": IMAGES})
  for position, bad in ((b"u1", b"O8"), (b"|", b"O")):
    with pytest.raises(stream.DataError, match="dtype"):
      load(tmp_path, good.replace(position, bad, 1))


@pytest.mark.parametrize("opcodes, reason", [
    (b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.", "ndarray"),  # a huge array, or one over foreign memory
    (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(K\x00tU\x01btR.", "_reconstruct"),
    (b"cnumpy\ndtype\n}U\x08__call__K\x01sb.", "attributes"),
    (b"cnumpy.core.multiarray\n_reconstruct\n(tR.", "_reconstruct"),
    (b"K\x05)R.", "callable"),
    (b"K\x05.", "int, not a dictionary"),
    (b"U\x0apersistentQ.", "persistent"),
])
def test_misuse_of_the_allowed_names_is_refused(tmp_path, opcodes, reason):
  with pytest.raises(stream.DataError, match=reason):
    load(tmp_path, b"\x80\x02" + opcodes)


def test_a_huge_memo_index_takes_no_memory(tmp_path):
  assert load(tmp_path, b"\x80\x02}r\xff\xff\xff\x7f.") == {}


def _nested(opcode: bytes, depth: int) -> bytes:
  """A structure each level of which holds the one below twice: 2 ** depth leaves, five bytes for each level."""
  return b"K\x01" + b"".join(b"q" + bytes([level]) + b"h" + bytes([level]) + opcode for level in range(depth))


@pytest.mark.parametrize("content, reason", [
    pytest.param(b"\x80\x02}" + _nested(b"\x86", 60) + b"K\x01s.", "keys are not texts",
                 id="key that is hashed for ever"),
    pytest.param(b"\x80\x02}" + _nested(b"\x86", 60) + b"K\x01(u.", "no dict", id="nothing to set"),
    pytest.param(b"\x80\x04}(" + _nested(b"\x86", 60) + b"\x91K\x01s.", "FROZENSET",
                 id="set that is hashed for ever"),
    pytest.param(b"\x80\x05}\x8c\x01x\x96" + struct.pack("<Q", 1 << 35) + b"s.", "BYTEARRAY8",
                 id="32 GiB announced"),
    pytest.param(b"\x80\x04}\x8c\x01xB" + struct.pack("<I", 0xFFFFFFFF) + b"s.", "ends at byte",
                 id="4 GiB announced"),
    pytest.param(b"\x80\x02}U\x01xT" + struct.pack("<i", -1) + b"s.", "ends at byte", id="negative length"),
    pytest.param(b"\x80\x02cnumpy\ndtype\nU\x02u1\x85R" + _nested(b"\x86", 60) + b"b.", "unknown state",
                 id="state that is printed for ever"),
    pytest.param(b"\x80\x02cnumpy\ndtype\n" + _nested(b"\x86", 60) + b"\x85R.", "dtype a tuple",
                 id="dtype printed for ever"),
    pytest.param(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n\x85R(K\x01("
                 + b"\x8a\xff" + b"\x7f" * 255 + b"tcnumpy\ndtype\nU\x02u1\x85R\x89U\x00tb.", "impossible shape",
                 id="shape of 2,000 bits"),
    pytest.param(b"\x80\x02]q\x00h\x00a.", "list, not a dictionary", id="list of itself"),
    pytest.param(b"\x80\x02" + b"]" * 100_000 + b".", "list, not a dictionary", id="deep"),
    pytest.param(b"I" + b"9" * 100_000 + b"\n.", "INT", id="number as text"),
])
def test_what_would_take_time_or_memory_is_refused_before_it_does(tmp_path, content, reason):
  with pytest.raises(stream.DataError, match=reason) as error:
    load(tmp_path, content)
  assert len(str(error.value)) < 1000


def test_the_number_of_operations_is_bounded(tmp_path, monkeypatch):
  monkeypatch.setattr(unpickling, "MAX_OPERATIONS", 1000)
  with pytest.raises(stream.DataError, match="more than 1000 operations"):
    load(tmp_path, b"\x80\x02" + b"N" * 2000)


def test_the_size_of_the_file_is_bounded(tmp_path, monkeypatch):
  monkeypatch.setattr(pickled_arrays, "MAX_BYTES", 100)
  with pytest.raises(stream.DataError, match="more than 100 bytes"):
    load(tmp_path, bytes(101))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_other_protocols_are_read_or_told_how_to_write(tmp_path, protocol):
  written = pickle.dumps({"data": IMAGES, "labels": [1]}, protocol=protocol)
  if protocol in (3, 4):
    np.testing.assert_array_equal(load(tmp_path, written)["data"], IMAGES)
  else:
    with pytest.raises(stream.DataError, match=r"pickle\.dump with protocol=4"):
      load(tmp_path, written)


def test_shape_must_fit_the_bytes(tmp_path):
  content = raw_files.python2_pickle({"data": IMAGES}).replace(b"J\x02\x00\x00\x00J\x0c", b"J\x03\x00\x00\x00J\x0c")
  with pytest.raises(stream.DataError, match=r"shape \(3, 12\) has 24 bytes"):
    load(tmp_path, content)


@pytest.mark.parametrize("keep", [0, 1, 10, 60, 150, -1])
def test_truncated_file_is_refused(tmp_path, keep):
  content = raw_files.python2_pickle({"data": IMAGES, "fine_labels": [1, 2]})
  with pytest.raises(stream.DataError, match=r"Refused to unpickle .*train"):
    load(tmp_path, content[:keep])


def test_damaged_bytes_never_escape_as_another_error(tmp_path):
  content = bytearray(raw_files.python2_pickle({"data": IMAGES, "fine_labels": [1, 2]}))
  for position in range(len(content)):
    damaged = bytes(content[:position]) + bytes([content[position] ^ 0x55]) + bytes(content[position + 1:])
    with contextlib.suppress(stream.DataError):
      assert isinstance(load(tmp_path, damaged), dict)  # the damage hit a value


def test_missing_file_names_the_remedy(tmp_path):
  with pytest.raises(stream.DataError, match="Cannot read .*nowhere.*Buy one"):
    unpickling.load_pickled_dictionary(str(tmp_path / "nowhere"), "Buy one.")
