"""Damaged files give an instance or our error, never another exception."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.useragent.acquire import AcquireError, PhotoClass
from tests.unit.useragent.acquire.making import exif_of, jpeg, make, pdf, picture, png, sample

SMALL = picture(16, 16)
FILES = {
    "jpeg": jpeg(SMALL, exif=exif_of()),
    "png": png(SMALL, exif=exif_of(3)),
    "pdf": pdf(),
    "mp4": sample("h264_hp42.mp4").read_bytes(),
    "mpeg-2": sample("mpeg2_mpml.mpg").read_bytes()[:4096],
    "transport stream": sample("h264_ts.ts").read_bytes(),
}


@pytest.mark.parametrize("kind", FILES)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_is_an_error_of_ours(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(FILES[kind])
    places = st.integers(0, len(content) - 1)
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        content[at] = value
    kept = data.draw(st.one_of(st.just(len(content)), places))
    path = tmp_path / "file"
    path.write_bytes(content[:kept])
    with suppress(AcquireError):
        made = make(path, photo_class=PhotoClass.SECONDARY_CAPTURE, jpegtran="no-such-program")
        assert made.sop_instance
