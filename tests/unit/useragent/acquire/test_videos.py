"""Videos: in unchanged, with the frames and times that their container tells."""

from pathlib import Path
from struct import pack

import pytest

from chalicelib.dicomweb.codestreams.header import Codec
from chalicelib.dicomweb.codestreams.video_timing import VideoTiming, read_timing
from chalicelib.useragent.acquire import AcquireError
from tests.unit.useragent.acquire.making import fragment, make, read, sample

PLACE = b"+51.5007-000.1246/"


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return pack(">I4s", 8 + len(body), kind) + body


def sample_entry(kind: bytes) -> bytes:
    extent = pack(">HH", 64, 48)
    avc = box(b"avcC", b"\1\x64\0\x1f" + bytes(4))
    return box(kind, bytes(24) + extent + bytes(50) + avc)


def sound_entry(channels: int) -> bytes:
    return box(b"mp4a", bytes(16) + pack(">HH", channels, 16) + bytes(8))


def track(
    handler: bytes = b"vide",
    *,
    durations: tuple[tuple[int, int], ...] = ((5, 40),),
    matrix: tuple[int, ...] = (0x10000, 0, 0, 0, 0x10000),
    entry: bytes = b"",
    extra: bytes = b"",
) -> bytes:
    times = b"".join(pack(">II", *pair) for pair in durations)
    table = box(
        b"stbl",
        box(b"stsd", pack(">II", 0, 1), entry or sample_entry(b"avc1")),
        box(b"stts", pack(">II", 0, len(durations)), times),
    )
    media = box(
        b"mdia",
        box(b"mdhd", bytes(12), pack(">I", 1000), bytes(8)),
        box(b"hdlr", bytes(8), handler, bytes(13)),
        box(b"minf", table),
    )
    header = box(b"tkhd", bytes(40), pack(">5i", *matrix), bytes(24))
    return box(b"trak", header, media, extra)


def mp4(*tracks: bytes, extra: bytes = b"", brand: bytes = b"isom") -> bytes:
    film = box(b"moov", *(tracks or (track(),)), extra)
    return box(b"ftyp", brand, bytes(4)) + film + box(b"mdat", b"the coded video")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "video.mp4"


@pytest.mark.parametrize(
    ("name", "transfer_syntax", "frame_time", "frames"),
    [
        ("h264_hp41.mp4", "102", 40, 12),
        ("h264_hp42.mp4", "104", 20, 12),
        ("hevc_main51.mp4", "107", 40, 12),
        ("mpeg2_es.m2v", "100", 40, 12),
        ("mpeg2_mpml.mpg", "100", 40, 12),
        ("mpeg2_mphl.mpg", "101", 40, 12),
    ],
)
def test_frames_and_time_come_from_the_container(
    name: str, transfer_syntax: str, frame_time: float, frames: int
) -> None:
    acquired = make(sample(name))
    dataset = read(acquired)
    assert acquired.transfer_syntax == f"1.2.840.10008.1.2.4.{transfer_syntax}"
    assert dataset.NumberOfFrames == frames
    assert dataset.FrameTime == frame_time
    assert dataset.CineRate == 1000 / frame_time
    assert dataset.FrameIncrementPointer == 0x00181063
    assert dataset.PhotometricInterpretation == "YBR_PARTIAL_420"
    assert dataset.LossyImageCompression == "01"


@pytest.mark.parametrize("name", ["mpeg2_es.m2v", "mpeg2_mpml.mpg", "h264_ts.ts"])
def test_a_stream_goes_in_byte_by_byte(name: str) -> None:
    stated = {"NumberOfFrames": "12", "FrameTime": "40"}
    content = sample(name).read_bytes()
    kept = read(make(sample(name), stated)).PixelData
    assert content in kept


def test_user_data_are_blanked_and_nothing_else(path: Path) -> None:
    place = box(b"udta", box(b"\xa9xyz", PLACE))
    apple = box(b"meta", box(b"ilst", PLACE))
    content = mp4(track(extra=place), extra=apple + box(b"uuid", bytes(16), PLACE)) + box(
        b"free", PLACE
    )
    path.write_bytes(content)
    acquired = make(path)
    kept = fragment(read(acquired))[: len(content)]
    assert PLACE not in acquired.content
    assert len(kept) == len(content)
    assert b"the coded video" in kept
    assert kept.index(b"mdat") == content.index(b"mdat")
    assert any("blanked" in note for note in acquired.notes)


def test_an_mp4_without_user_data_is_unchanged(path: Path) -> None:
    path.write_bytes(mp4())
    assert mp4() in make(path).content


@pytest.mark.parametrize(
    ("durations", "frame_time", "is_noted"),
    [
        (((5, 40),), 40, False),
        (((4, 40), (1, 1)), 40, False),
        (((2, 30), (2, 50)), 40, True),
    ],
)
def test_frames_that_last_differently_get_their_mean(
    path: Path, durations: tuple[tuple[int, int], ...], frame_time: float, is_noted: bool
) -> None:
    path.write_bytes(mp4(track(durations=durations)))
    acquired = make(path)
    assert read(acquired).FrameTime == frame_time
    assert any("mean" in note for note in acquired.notes) is is_noted


@pytest.mark.parametrize(("channels", "mode"), [(1, "MONO"), (2, "STEREO")])
def test_sound_is_kept_described_and_said(path: Path, channels: int, mode: str) -> None:
    path.write_bytes(mp4(track(), track(b"soun", entry=sound_entry(channels))))
    acquired = make(path)
    (channel,) = read(acquired).MultiplexedAudioChannelsDescriptionCodeSequence
    assert channel.ChannelMode == mode
    assert any("voices" in note for note in acquired.notes)


def test_a_video_has_the_region_of_its_body_part(path: Path) -> None:
    path.write_bytes(mp4())
    (region,) = read(make(path, {"BodyPartExamined": "FACE"})).AnatomicRegionSequence
    assert (region.CodeValue, region.CodingSchemeDesignator) == ("89545001", "SCT")
    with pytest.raises(AcquireError, match="BodyPartExamined"):
        make(path, {"BodyPartExamined": ""})


def test_a_turned_video_is_refused_unless_orientation_is_ignored(path: Path) -> None:
    path.write_bytes(mp4(track(matrix=(0, 0x10000, 0, -0x10000, 0))))
    with pytest.raises(AcquireError, match="track header"):
        make(path)
    ignored = make(path, ignore_orientation=True)
    path.write_bytes(mp4())
    assert ignored.sop_instance != make(path).sop_instance


def test_a_stream_that_does_not_tell_its_frames_needs_them_stated() -> None:
    with pytest.raises(AcquireError, match=r"NumberOfFrames \(0028,0008\)"):
        make(sample("h264_ts.ts"))
    with pytest.raises(AcquireError, match=r"FrameTime \(0018,1063\)"):
        make(sample("h264_ts.ts"), {"NumberOfFrames": "12"})


def test_frames_stated_otherwise_are_refused() -> None:
    with pytest.raises(AcquireError, match="12 frames"):
        make(sample("mpeg2_es.m2v"), {"NumberOfFrames": "13"})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (mp4()[:-4], "cut short"),
        (mp4(extra=pack(">I4s", 400, b"udta")), "behind what holds it"),
        (mp4(track(b"soun")), "0 video tracks"),
        (mp4(track(), track()), "2 video tracks"),
        (mp4(track(), track(b"meta")), "positions"),
        (mp4(track(durations=())), "NumberOfFrames"),
        (mp4(track(entry=sample_entry(b"mp4v"))), "transfer syntax"),
        (mp4(brand=b"qt  "), "QuickTime"),
        (mp4(brand=b"heic"), "HEIF"),
        (box(b"ftyp", b"isom") + pack(">I4s", 3, b"moov"), "shorter than its header"),
        (sample("hevc_main10_51.mp4").read_bytes(), "10 bits"),
    ],
)
def test_what_makes_no_video_is_refused(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(AcquireError, match=why):
        make(path)


def test_two_field_pictures_are_one_frame() -> None:
    content = sample("mpeg2_es.m2v").read_bytes()
    frame, field = b"\0\0\1\xb5\x8f\xff\xf3", b"\0\0\1\xb5\x8f\xff\xf1"
    picture = b"\0\0\1\0" + bytes(4)
    sequence = content[: content.index(b"\0\0\1\0")]
    stream = sequence + 4 * (picture + field) + 3 * (picture + frame)
    assert read_timing(memoryview(stream), Codec.MPEG2) == VideoTiming(5, 40)


def test_a_picture_is_found_across_packets_of_a_transport_stream() -> None:
    content = sample("mpeg2_es.m2v").read_bytes()
    packet = b"\0\0\1\xe0\0\0\x80\0\0" + content
    packets = []
    for at in range(0, len(packet), 184):
        payload = packet[at : at + 184]
        header = b"\x47" + (0x4100 if at == 0 else 0x0100).to_bytes(2)
        if len(payload) == 184:
            packets.append(header + b"\x10" + payload)
        else:
            stuffing = 183 - len(payload)
            field = bytes([stuffing]) + (b"\0" + b"\xff" * (stuffing - 1) if stuffing else b"")
            packets.append(header + b"\x30" + field + payload)
    stream = b"".join(packets)
    assert len(stream) % 188 == 0
    assert read_timing(memoryview(stream), Codec.MPEG2) == VideoTiming(12, 40)
