"""Offset table, fragments, delimiter."""

from struct import unpack

import pytest
from pydicom.encaps import generate_fragments, get_frame, parse_basic_offsets

from chalicelib.dicomweb.encapsulation import encapsulate
from chalicelib.dicomweb.errors import InstanceError

FRAMES = (b"first!", b"odd", b"last one")


def test_several_frames_get_a_filled_offset_table() -> None:
    value = b"".join(encapsulate(FRAMES))
    assert parse_basic_offsets(value) == [0, 14, 26]


def test_frames_are_found_by_the_table() -> None:
    value = b"".join(encapsulate(FRAMES))
    for index, frame in enumerate(FRAMES):
        found = get_frame(value, index, number_of_frames=3)
        assert found == frame + b"\0" * (len(frame) % 2)


def test_each_frame_is_one_fragment_of_even_length() -> None:
    table, *fragments = generate_fragments(b"".join(encapsulate(FRAMES)))
    assert len(table) == 12
    assert fragments == [b"first!", b"odd\0", b"last one"]


def test_the_sequence_is_delimited() -> None:
    assert b"".join(encapsulate(FRAMES)).endswith(bytes.fromhex("feffdde000000000"))


@pytest.mark.parametrize(
    ("frames", "has_offsets"), [((b"single",), True), (FRAMES, False), ((b"video",), False)]
)
def test_one_frame_or_a_video_has_an_empty_table(
    frames: tuple[bytes, ...], has_offsets: bool
) -> None:
    value = b"".join(encapsulate(frames, has_offsets=has_offsets))
    assert unpack("<HHI", value[:8]) == (0xFFFE, 0xE000, 0)


def test_frames_are_not_copied() -> None:
    view = memoryview(b"frame")
    assert any(buffer is view for buffer in encapsulate((view,)))


def test_a_frame_without_bytes_is_refused() -> None:
    with pytest.raises(InstanceError, match="Frame 2 has 0 bytes"):
        encapsulate((b"one", b""))


class Huge(bytes):
    """Says that it is long."""

    def __len__(self) -> int:
        return 0xFFFFFFF0


def test_offsets_that_do_not_fit_leave_the_table_empty() -> None:
    table, *_ = encapsulate((Huge(), b"next", b"last"))
    assert table == bytes.fromhex("feff00e000000000")


def test_a_frame_too_long_for_a_fragment_is_refused() -> None:
    class Longer(Huge):
        def __len__(self) -> int:
            return 0xFFFFFFFF

    with pytest.raises(InstanceError):
        encapsulate((Longer(),))
