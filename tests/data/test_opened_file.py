"""Compressed or not, whatever it is called: the contents of a file are the same, and a torn one is refused."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optexec.data.opened_file import opened, read_text
from optexec.models.errors import InvalidInput

COMPRESSED = {
    "plain": bytes,
    "gzip": gzip.compress,
    "two gzip members": lambda content: gzip.compress(content[:3]) + gzip.compress(content[3:]),
    "two zstd frames": lambda content: b"".join(
        pa.Codec("zstd").compress(part, asbytes=True) for part in (content[:3], content[3:])
    ),
    "zstd": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
}
NAMES = st.sampled_from(["day.csv", "day.csv.gz", "day.zst", "day"])


@settings(max_examples=60)
@given(st.text(max_size=200), st.sampled_from(sorted(COMPRESSED)), NAMES, st.sampled_from(["", "\ufeff"]))
def test_the_contents_do_not_depend_on_compression_or_name(text: str, how: str, name: str, mark: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(COMPRESSED[how]((mark + text).encode()))
        assert read_text(path) == (mark + text).removeprefix("\ufeff")
        with opened(path) as (contents, disk):
            assert contents.read() == (mark + text).encode()
            assert disk.tell() == path.stat().st_size


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, how: str) -> None:
    path = tmp_path / "day.csv"
    whole = COMPRESSED[how](b"time,shares\n" + b"09:30,1\n" * 20)
    for size in range(5, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(InvalidInput, match=r"day\.csv: (not a whole gzip file|cannot be read)"):
            read_text(path)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    for path, told in ((tmp_path, "cannot be read"), (tmp_path / "none", "no such file; check the path")):
        with pytest.raises(InvalidInput, match=f"^{path}: {told}"):
            read_text(path)
    path = tmp_path / "latin.csv"
    path.write_bytes("ü".encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"latin\.csv: not UTF-8 text \(byte 0\); save it as UTF-8"):
        read_text(path)
