"""Identities are paths below any folder they are joined to, and have one spelling."""

import pytest

from benchmark.suites.identity import Identity, is_name


def test_an_identity_reads_back_as_it_is_written():
  identity = Identity("cifar100_20", "hps[0110]", "paper", 12)
  assert str(identity) == "cifar100_20/hps[0110]/paper/seed12"
  assert Identity.parse(str(identity)) == identity
  assert Identity.parse("a/b/c/seed-1").seed == -1


@pytest.mark.parametrize("text", [
    "", "a/b/seed0", "a/b/c/d/seed0", "../../victim/seed0", "a/../c/seed0", "a/./c/seed0", "/a/b/seed0", "a//c/seed0",
    "a/b/c/seed", "a/b/c/seed01", "a/b/c/seed-0", "a/b/c/seed0\n", "a/b/c/seed1e3", "a/b/c/seed٣", "a/b/c/0",
    "a/b\x1b/c/seed0", "a/b c/c/seed0", "a/ä/c/seed0", "a\\b/c/d/seed0", f"a/{'b' * 101}/c/seed0",
    f"a/b/c/seed{'9' * 30}", ".a/b/c/seed0", "a/~/c/seed0", "a/<b>/c/seed0"])
def test_other_texts_are_refused(text):
  with pytest.raises(ValueError, match="cannot name a|is no identity"):
    Identity.parse(text)


@pytest.mark.parametrize("name, expected", [
    ("hps_top2", True), ("lasem-g.2", True), ("a=1,b=2", True), (".hidden", False), ("", False), ("a/b", False),
    ("x" * 100, True), ("x" * 101, False), (None, False), ("a\n", False)])
def test_names(name, expected):
  assert is_name(name) is expected
