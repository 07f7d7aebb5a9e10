"""Any bytes of a body, read at random: the same as those of the whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicomweb.multipart_writer import BytesContent, MultipartBody, OutgoingPart
from chalicelib.useragent.body_view import BodyView
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.rewrite import rewritten
from chalicelib.useragent.sources import FileSlice, FileSource, MemorySource, SourceContent
from tests.builders_dicom import BIG, DEFLATED, IMPLICIT, PIXEL_DATA, Uids, element, make_file


class Unranged:
    """A content that can be read from its beginning alone."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.length = sum(map(len, chunks))

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._chunks)


def file_source(path: Path, content: bytes) -> FileSource:
    path.write_bytes(content)
    facts = path.stat()
    return FileSource(str(path).encode(), facts.st_size, facts.st_mtime_ns)


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> MultipartBody:
    """Every kind of content: files, memory, rewritten ones of each encoding, empty ones."""
    folder = tmp_path_factory.mktemp("in")
    contents = [
        SourceContent(file_source(folder / "a", bytes(range(256)) * 3)),
        SourceContent(MemorySource("b", b"in memory")),
        BytesContent(b""),
        Unranged(b"one", b"", b"two" * 20),
        SourceContent(file_source(folder / "c", b"")),
    ]
    for encoding in (IMPLICIT, BIG, DEFLATED):
        file = make_file(Uids.of("view", encoding.name), encoding=encoding)
        pixels = element(PIXEL_DATA, "OW", bytes(range(250)) * 6, encoding=encoding)
        source = file_source(folder / encoding.name, file.with_elements(pixels).encode())
        contents.append(rewritten(source))
    return MultipartBody([OutgoingPart((("Content-Type", "a/b"),), one) for one in contents], "b")


@given(st.data())
def test_every_slice_is_the_slice_of_the_whole(body: MultipartBody, data: st.DataObject) -> None:
    whole = b"".join(map(bytes, body))
    view = BodyView(body)
    assert view.length == len(whole) == body.length
    start = data.draw(st.integers(0, view.length))
    length = data.draw(st.integers(0, view.length - start))
    piece = view.slice(start, length)
    assert piece.length == length
    for _ in range(2):
        assert b"".join(map(bytes, piece)) == whole[start : start + length]
    segments = b"".join(
        b"".join(map(bytes, one.chunks())) if isinstance(one, FileSlice) else bytes(one)  # type: ignore[call-overload]
        for one in piece.segments()
    )
    assert segments == whole[start : start + length]


@pytest.mark.parametrize("size", [1, 7, 64, 255, 256, 257])
def test_parts_of_any_size_make_the_whole(body: MultipartBody, size: int) -> None:
    view = BodyView(body)
    parts = [
        b"".join(map(bytes, view.slice(start, min(size, view.length - start))))
        for start in range(0, view.length, size)
    ]
    assert b"".join(parts) == b"".join(map(bytes, body))


def test_it_knows_where_each_content_begins(body: MultipartBody) -> None:
    whole = b"".join(map(bytes, body))
    view = BodyView(body)
    assert whole[view.offsets[1] :].startswith(b"in memory")
    assert whole[: view.offsets[1]].endswith(b"\r\n\r\n")


def test_files_are_left_to_the_system_to_send(tmp_path: Path) -> None:
    source = file_source(tmp_path / "a", bytes(1000))
    part = OutgoingPart((("Content-Type", "a/b"),), SourceContent(source))
    view = BodyView(MultipartBody([part], "b"))
    [piece] = view.slice(view.offsets[0] + 10, 100).segments()
    assert isinstance(piece, FileSlice)
    assert (piece.offset, piece.length) == (10, 100)


def test_a_file_that_has_changed_is_noticed(tmp_path: Path) -> None:
    source = file_source(tmp_path / "a", bytes(1000))
    part = OutgoingPart((("Content-Type", "a/b"),), SourceContent(source))
    view = BodyView(MultipartBody([part], "b"))
    (tmp_path / "a").write_bytes(bytes(999))
    with pytest.raises(SourceError, match="changed"):
        list(view.slice(100, 200))


def test_a_body_of_unknown_length_has_no_view() -> None:
    class Endless:
        length = None

        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter(())

    with pytest.raises(ValueError, match="length"):
        BodyView(MultipartBody([OutgoingPart((("Content-Type", "a/b"),), Endless())], "b"))
