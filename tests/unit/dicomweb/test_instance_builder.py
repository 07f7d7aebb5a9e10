"""From metadata and bulkdata to a file that a strict reader accepts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import generate_fragments, generate_frames

from chalicelib.dicomweb.bulkdata import Bulkdata
from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.content import differing_tags
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.file_meta_writer import IMPLEMENTATION_CLASS_UID
from chalicelib.dicomweb.instance_builder import BuildLimits, build_instance
from chalicelib.dicomweb.media_types import parse_media_type
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.reasons import FailureReason, WarningReason
from tests.unit.dicomweb.built_instances import (
    JPEG,
    MONO_16,
    NOW,
    RGB_8,
    Parts,
    build,
    build_pixels,
    element,
    metadata,
    read_strictly,
    reference,
    sample,
)

OCTETS = "application/octet-stream"
MONO_TRUTH = np.frombuffer(sample("raw_mono16le.bin"), "<u2").reshape(128, 128)
RGB_TRUTH = np.frombuffer(sample("raw_rgb8.bin"), "u1").reshape(100, 100, 3)
EIGHT_BITS = (MONO_TRUTH * 255.0 / MONO_TRUTH.max()).round().astype("u1")


def decoded_rle(frame: bytes) -> np.ndarray:
    from pydicom.pixels.decoders.rle import _rle_decode_frame

    planes = np.frombuffer(_rle_decode_frame(frame, 128, 128, 1, 16), "u1")
    return planes.view("<u2").reshape(128, 128)


CODED: list[tuple[str, str, dict[str, object], Callable[[bytes], np.ndarray], np.ndarray, int]] = [
    ("jpeg_baseline_mono8.jpg", "image/jpeg", {}, imagecodecs.jpeg8_decode, EIGHT_BITS, 5),
    ("jpeg_baseline_ybr422.jpg", "image/jpeg", {}, imagecodecs.jpeg8_decode, RGB_TRUTH, 3),
    ("jpeg_lossless_sv1_mono16.jpg", "image/jpeg", {}, imagecodecs.jpegsof3_decode, MONO_TRUTH, 0),
    ("jpeg_lossless_p14_mono16.jpg", "image/jpeg", {}, imagecodecs.jpegsof3_decode, MONO_TRUTH, 0),
    ("jpegls_lossless_mono16.jls", "image/jls", MONO_16, imagecodecs.jpegls_decode, MONO_TRUTH, 0),
    ("jpegls_near3_mono16.jls", "image/jls", MONO_16, imagecodecs.jpegls_decode, MONO_TRUTH, 3),
    ("j2k_lossless_mono16.j2k", "image/jp2", {}, imagecodecs.jpeg2k_decode, MONO_TRUTH, 0),
    ("j2k_lossless_mono16.jp2", "image/jp2", {}, imagecodecs.jpeg2k_decode, MONO_TRUTH, 0),
    ("j2k_lossless_rgb8_rct.j2k", "image/jp2", {}, imagecodecs.jpeg2k_decode, RGB_TRUTH, 0),
    ("htj2k_lossless_mono16.jhc", "image/jph", {}, imagecodecs.jpeg2k_decode, MONO_TRUTH, 0),
    ("htj2k_rpcl_mono16.jhc", "image/jphc", MONO_16, imagecodecs.jpeg2k_decode, MONO_TRUTH, 0),
    ("jxl_lossless_mono16.jxl", "image/jxl", {}, imagecodecs.jpegxl_decode, MONO_TRUTH, 0),
    ("jxl_lossless_mono8_bare.jxl", "image/jxl", {}, imagecodecs.jpegxl_decode, EIGHT_BITS, 0),
    ("jxl_jpeg_recompression_rgb8.jxl", "image/jxl", {}, imagecodecs.jpegxl_decode, RGB_TRUTH, 4),
    ("rle_mono16.rle", "image/x-dicom-rle", MONO_16, decoded_rle, MONO_TRUTH, 0),
]


@pytest.mark.parametrize(
    ("file", "media_type", "stated", "decode", "truth", "error"),
    [pytest.param(*row, id=row[0]) for row in CODED],
)
def test_the_pixels_of_a_codestream_are_those_sent(
    file: str,
    media_type: str,
    stated: dict[str, object],
    decode: Callable[[bytes], np.ndarray],
    truth: np.ndarray,
    error: int,
) -> None:
    dataset = read_strictly(build_pixels(media_type, sample(file), **stated))
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    pixels = decode(frame)
    assert np.abs(pixels.astype(int) - truth.astype(int)).max() <= error


@pytest.mark.parametrize("row", CODED, ids=lambda row: row[0])
def test_a_fragment_is_the_codestream_that_was_sent(
    row: tuple[str, str, dict[str, object]],
) -> None:
    file, media_type, stated = row[:3]
    content = sample(file)
    dataset = read_strictly(build_pixels(media_type, content, **stated))
    offsets, fragment = generate_fragments(dataset.PixelData)
    assert offsets == b""
    assert len(fragment) % 2 == 0
    if file == "j2k_lossless_mono16.jp2":
        assert fragment.rstrip(b"\0") == sample("j2k_lossless_mono16.j2k")
    elif file == "jxl_lossless_mono16.jxl":
        assert fragment.startswith(b"\xff\x0a")
        assert fragment.rstrip(b"\0") in content
    else:
        assert fragment in (content, content + b"\0")


def test_a_recompressed_jpeg_keeps_what_rebuilds_it() -> None:
    dataset = read_strictly(build_pixels("image/jxl", sample("jxl_jpeg_recompression_rgb8.jxl")))
    _, fragment = generate_fragments(dataset.PixelData)
    assert b"jbrd" in fragment


def test_a_codestream_in_parts_is_put_together() -> None:
    bare = sample("jxl_lossless_mono8_bare.jxl")
    boxed = bytes.fromhex("0000000c4a584c200d0a870a") + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    for index, piece in ((0, bare[:3000]), (0x80000001, bare[3000:])):
        boxed += (12 + len(piece)).to_bytes(4) + b"jxlp" + index.to_bytes(4) + piece
    dataset = read_strictly(build_pixels("image/jxl", boxed))
    assert list(generate_fragments(dataset.PixelData))[1].rstrip(b"\0") == bare.rstrip(b"\0")


def test_each_part_is_a_frame() -> None:
    one, other = (
        sample("jpeg_baseline_mono8.jpg"),
        sample("jpeg_baseline_mono8.jpg")[:-2] + b"\1\xff\xd9",
    )
    built = build_pixels("image/jpeg", one, other, one, NumberOfFrames="3")
    assert built.warning is None
    dataset = read_strictly(built)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=3))
    assert [frame[: len(sent)] for frame, sent in zip(frames, (one, other, one), strict=True)] == [
        one,
        other,
        one,
    ]
    assert len(next(iter(generate_fragments(dataset.PixelData)))) == 12


def test_frames_are_counted_where_metadata_do_not() -> None:
    content = sample("jpeg_baseline_mono8.jpg")
    built = build_pixels("image/jpeg", content, content)
    assert built.warning is WarningReason.COERCION
    dataset = read_strictly(built)
    assert dataset.NumberOfFrames == 2
    before = dataset.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert before["NumberOfFrames"].is_empty


@pytest.mark.parametrize("stated", ["1", "3"])
def test_another_number_of_parts_than_frames_is_refused(stated: str) -> None:
    content = sample("jpeg_baseline_mono8.jpg")
    with pytest.raises(InstanceError, match="have 2 frames") as refused:
        build_pixels("image/jpeg", content, content, NumberOfFrames=stated)
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH


@pytest.mark.parametrize(
    ("media_type", "one", "other", "syntax"),
    [
        ("image/jls", "jpegls_lossless_mono16.jls", "jpegls_near3_mono16.jls", "81"),
        ("image/jpeg", "jpeg_lossless_sv1_mono16.jpg", "jpeg_lossless_p14_mono16.jpg", "57"),
        ("image/jphc", "htj2k_rpcl_mono16.jhc", "htj2k_lossless_mono16.jhc", "201"),
    ],
)
def test_the_transfer_syntax_holds_every_frame(
    media_type: str, one: str, other: str, syntax: str
) -> None:
    for frames in ((one, other), (other, one)):
        built = build_pixels(media_type, *map(sample, frames), **MONO_16)
        assert built.transfer_syntax == JPEG + syntax


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("jpeg_baseline_mono8.jpg", "jpeg_baseline_rgb.jpg", "rows"),
        ("jpeg_baseline_ybr422.jpg", "jpeg_baseline_rgb.jpg", "colour"),
        ("jpeg_baseline_mono8.jpg", "jpeg_extended_mono12.jpg", "bits"),
    ],
)
def test_frames_that_differ_are_refused(one: str, other: str, difference: str) -> None:
    with pytest.raises(InstanceError, match=f"Frame 2 differs from frame 1 in its {difference}"):
        build_pixels("image/jpeg", sample(one), sample(other))


def test_frames_of_no_common_syntax_are_refused() -> None:
    with pytest.raises(InstanceError, match="No transfer syntax holds") as refused:
        build_pixels(
            "image/jpeg", sample("jpeg_baseline_rgb.jpg"), sample("jpeg_lossless_sv1_rgb8.jpg")
        )
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH


def test_the_number_of_parts_is_bounded() -> None:
    content = sample("jpeg_baseline_mono8.jpg")
    with pytest.raises(InstanceError, match="more than 1 parts"):
        build_pixels("image/jpeg", content, content, limits=BuildLimits(max_frames=1))


def test_a_video_is_one_fragment() -> None:
    content = sample("h264_hp41.mp4")
    dataset = read_strictly(build_pixels("video/mp4", content))
    offsets, fragment = generate_fragments(dataset.PixelData)
    assert offsets == b""
    assert fragment == content + b"\0"
    with pytest.raises(InstanceError, match="in 2 parts"):
        build_pixels("video/mp4", content, content)


# Native pixel data


@pytest.mark.parametrize(
    ("file", "stated", "truth"),
    [("raw_mono16le.bin", MONO_16, MONO_TRUTH), ("raw_rgb8.bin", RGB_8, RGB_TRUTH)],
)
def test_native_pixel_data_stay_as_they_are(
    file: str, stated: dict[str, object], truth: np.ndarray
) -> None:
    built = build_pixels(OCTETS, sample(file), **stated)
    assert (built.transfer_syntax, built.warning) == ("1.2.840.10008.1.2.1", None)
    dataset = read_strictly(built)
    assert np.array_equal(dataset.pixel_array, truth)
    assert (dataset["PixelData"].VR == "OW") is (stated["BitsAllocated"] == 16)


def small(**attributes: object) -> dict[str, object]:
    return {**MONO_16, "Rows": 3, "Columns": 3, **attributes}


EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
ONE_BIT = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}
HALF = {**EIGHT, "SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "Columns": 4}


@pytest.mark.parametrize(
    ("attributes", "lengths"),
    [
        ({}, (18,)),
        (EIGHT, (9, 10)),
        ({**EIGHT, "NumberOfFrames": "3"}, (27, 28)),
        ({**ONE_BIT, "NumberOfFrames": "5"}, (6,)),
        ({**ONE_BIT, "NumberOfFrames": "2"}, (3, 4)),
        ({**HALF, "PlanarConfiguration": 0}, (24,)),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, (36,)),
    ],
)
def test_native_pixel_data_have_the_length_of_their_description(
    attributes: dict[str, object], lengths: tuple[int, ...]
) -> None:
    for length in range(50):
        if length in lengths:
            built = build_pixels(OCTETS, bytes(length), **small(**attributes))
            assert len(read_strictly(built).PixelData) == length + length % 2
        else:
            with pytest.raises(InstanceError) as refused:
                build_pixels(OCTETS, bytes(length), **small(**attributes))
            assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
            assert refused.value.tag_path == "(7FE0,0010)"


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"PhotometricInterpretation": "YBR_RCT"}, "(0028,0004)"),
        ({"Rows": 0}, "(0028,0010)"),
        ({"NumberOfFrames": "0"}, "(0028,0010)"),
        ({"NumberOfFrames": "x"}, "(0028,0008)"),
        ({"NumberOfFrames": "1" * 13}, "(0028,0008)"),
        ({"Rows": "3"}, "(7FE0,0010)"),
    ],
)
def test_an_impossible_description_is_refused(attributes: dict[str, object], path: str) -> None:
    with pytest.raises(InstanceError) as refused:
        build_pixels(OCTETS, bytes(6), **small(**attributes))
    assert refused.value.tag_path == path


def test_pixel_data_may_stand_in_the_metadata() -> None:
    pixels = Element(0x7FE00010, "OB", values=(bytes(range(18)),))
    dataset = read_strictly(build(metadata(pixels, **small())))
    assert dataset.PixelData == bytes(range(18))
    assert dataset["PixelData"].VR == "OW"


def test_octets_that_say_they_are_compressed_are_refused() -> None:
    with pytest.raises(InstanceError) as refused:
        build_pixels(f"{OCTETS};transfer-syntax={JPEG}50", bytes(18), **small())
    assert refused.value.reason is FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED
    for stated in ("*", "1.2.840.10008.1.2.1"):
        assert build_pixels(f"{OCTETS};transfer-syntax={stated}", bytes(18), **small())


def test_a_media_type_that_holds_no_pixels_is_refused() -> None:
    with pytest.raises(InstanceError, match="holds no pixels"):
        build_pixels("application/pdf", bytes(18), **small())


def test_offsets_of_another_encoding_are_left_out() -> None:
    offsets = Element(0x7FE00001, "OV", values=(bytes(8),))
    data = metadata(reference("PixelData"), offsets)
    built = build(data, Parts("image/jpeg", (sample("jpeg_baseline_mono8.jpg"),)))
    assert built.observations == {"metadata-extended-offsets"}
    assert "ExtendedOffsetTable" not in pydicom.dcmread(BytesIO(built.content))


# Other bulkdata, and none


def test_an_instance_needs_no_bulkdata() -> None:
    item = Dataset([element("ReferencedSOPInstanceUID", "1.2.3")])
    built = build(
        metadata(
            element("ReferencedImageSequence", item, Dataset()), PatientName="Müller^Jörg=山田"
        )
    )
    dataset = read_strictly(built)
    assert dataset.PatientName == "Müller^Jörg=山田"
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert [len(item) for item in dataset.ReferencedImageSequence] == [1, 0]
    assert (built.warning, built.original_attributes) == (None, None)


def test_another_character_set_is_no_coercion() -> None:
    built = build(metadata(SpecificCharacterSet="ISO_IR 100", PatientName="Żółć"))
    assert built.warning is None
    assert read_strictly(built).PatientName == "Żółć"


def test_file_meta_information_is_ours() -> None:
    built = build_pixels("image/jpeg", sample("jpeg_baseline_mono8.jpg"))
    assert built.content.startswith(bytes(128) + b"DICM")
    meta = read_strictly(built).file_meta
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert meta.MediaStorageSOPInstanceUID == "1.2.3.4"
    assert meta.TransferSyntaxUID == JPEG + "50"
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert is_uid(IMPLEMENTATION_CLASS_UID)
    assert IMPLEMENTATION_CLASS_UID.startswith("2.25.")
    assert int(IMPLEMENTATION_CLASS_UID[5:]) < 2**128
    assert meta.ImplementationVersionName == "STOWAGE_1"


def by_uri(**contents: bytes) -> Callable[[BulkdataReference], Bulkdata]:
    def find(wanted: BulkdataReference) -> Bulkdata:
        view = memoryview(contents[wanted.uri])
        return Bulkdata(parse_media_type(OCTETS), (view,), (2,))

    return find


def test_bulkdata_stand_anywhere() -> None:
    waveform = Dataset([element("SamplingFrequency", "500"), reference("WaveformData", "w", "OW")])
    data = metadata(
        Element(0x54000100, "SQ", "WaveformSequence", (waveform, Dataset())),
        reference("ICCProfile", "icc", "OB"),
        reference("TextValue", "text", "UT"),
        reference("RedPaletteColorLookupTableData", "lut", "OW"),
        Element(0x00090010, "LO", values=("CREATOR",)),
        Element(0x00091001, "UN", bulkdata=BulkdataReference("private")),
    )
    contents = {
        "w": b"\1\2\3\4",
        "icc": b"odd",
        "text": "Größe!!".encode(),
        "lut": bytes(131072),
        "private": b"xyz",
    }
    dataset = read_strictly(build(data, by_uri(**contents)))
    assert dataset.WaveformSequence[0].WaveformData == b"\1\2\3\4"
    assert dataset.ICCProfile == b"odd\0"
    assert dataset.TextValue == "Größe!!"
    assert dataset.RedPaletteColorLookupTableData == bytes(131072)
    assert dataset[0x00091001].value == b"xyz\0"


@pytest.mark.parametrize(
    ("vr", "content"),
    [("OW", b"odd"), ("OF", bytes(6)), ("FD", bytes(12)), ("UT", b"\xff\xfe"), ("LO", b"text")],
)
def test_bulkdata_that_do_not_fit_their_vr_are_refused(vr: str, content: bytes) -> None:
    nested = Element(0x00091001, vr, bulkdata=BulkdataReference("x"))
    data = metadata(Element(0x00081140, "SQ", values=(Dataset([nested]),)))
    with pytest.raises(InstanceError) as refused:
        build(data, by_uri(x=content))
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
    assert refused.value.tag_path == "(0008,1140)[1].(0009,1001)"


def test_other_bulkdata_are_octets() -> None:
    icon = Dataset([reference("PixelData", "icon", "OB")])
    data = metadata(Element(0x00880200, "SQ", "IconImageSequence", (icon,)))
    with pytest.raises(InstanceError, match="is not application/octet-stream"):
        build(data, Parts("image/jpeg", (sample("jpeg_baseline_mono8.jpg"),)))
    dataset = read_strictly(build(data, by_uri(icon=b"abcd")))
    assert dataset.IconImageSequence[0].PixelData == b"abcd"


# Documents

PDF = b"%PDF-1.7 an odd length!"


def document(media_type: str = "application/pdf", **attributes: object) -> Dataset:
    stated = {"MIMETypeOfEncapsulatedDocument": "application/pdf", **attributes}
    return build_document(media_type, stated)


def build_document(media_type: str, stated: dict[str, object]) -> Dataset:
    data = metadata(reference("EncapsulatedDocument", "doc/1"), **stated)
    return read_strictly(build(data, Parts(media_type, (PDF,))))  # type: ignore[return-value]


def test_a_document_is_stored_with_its_length() -> None:
    dataset = document()
    assert dataset.EncapsulatedDocument == PDF + b"\0"
    assert dataset.EncapsulatedDocumentLength == len(PDF)


@pytest.mark.parametrize(
    ("media_type", "stated"),
    [
        ("text/xml;charset=utf-8", "text/XML"),
        ("model/stl", "model/stl"),
        ("model/obj", "model/obj"),
        ("application/x-of-the-future", "application/x-of-the-future"),
    ],
)
def test_any_document_is_stored_by_its_type(media_type: str, stated: str) -> None:
    dataset = document(media_type, MIMETypeOfEncapsulatedDocument=stated)
    assert dataset.EncapsulatedDocument.startswith(PDF)


@pytest.mark.parametrize(
    ("media_type", "attributes", "path"),
    [
        ("text/plain", {}, "(0042,0012)"),
        (OCTETS, {}, "(0042,0012)"),
        ("application/pdf", {"MIMETypeOfEncapsulatedDocument": None}, "(0042,0012)"),
        ("application/pdf", {"EncapsulatedDocumentLength": 5}, "(0042,0015)"),
    ],
)
def test_a_document_that_is_not_as_stated_is_refused(
    media_type: str, attributes: dict[str, object], path: str
) -> None:
    with pytest.raises(InstanceError) as refused:
        document(media_type, **attributes)
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
    assert refused.value.tag_path == path


def test_a_document_may_stand_in_the_metadata() -> None:
    content = Element(0x00420011, "OB", values=(PDF,))
    dataset = read_strictly(build(metadata(content, MIMETypeOfEncapsulatedDocument="a/b")))
    assert dataset.EncapsulatedDocumentLength == len(PDF)


# Coercion, identity, determinism


def coerced_metadata(*elements: Element) -> Dataset:
    return metadata(reference("PixelData"), *elements, PhotometricInterpretation="RGB")


YBR = Parts("image/jpeg", (sample("jpeg_baseline_ybr422.jpg"),))


def test_what_was_coerced_is_recorded() -> None:
    built = build(coerced_metadata(), YBR)
    (item,) = read_strictly(built).OriginalAttributesSequence
    assert item.AttributeModificationDateTime == "20250401123015.250000+0000"
    assert item.ModifyingSystem == "STOWAGE"
    assert item.ReasonForTheAttributeModification == "COERCE"
    assert item["SourceOfPreviousValues"].is_empty
    (before,) = item.ModifiedAttributesSequence
    assert before.PhotometricInterpretation == "RGB"
    assert len(before) == 1
    assert built.original_attributes is not None
    assert built.original_attributes.get(0x04000563) is not None


def test_items_that_are_there_stay() -> None:
    earlier = Dataset([element("ModifyingSystem", "ROUTER")])
    data = coerced_metadata(Element(0x04000561, "SQ", values=(earlier,)))
    systems = [
        item.ModifyingSystem for item in read_strictly(build(data, YBR)).OriginalAttributesSequence
    ]
    assert systems == ["ROUTER", "STOWAGE"]


def test_the_same_input_at_the_same_time_gives_the_same_bytes() -> None:
    assert build(coerced_metadata(), YBR).content == build(coerced_metadata(), YBR).content


def test_a_re_send_has_the_same_content() -> None:
    first = build_instance(coerced_metadata(), YBR, now=NOW)
    second = build_instance(coerced_metadata(), YBR, now=NOW + timedelta(hours=3))
    assert first.content != second.content
    one, other = MemorySource(first.content), MemorySource(second.content)
    assert differing_tags(one, read_file_meta(one), other, read_file_meta(other)) == ()


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"SOPClassUID": None}, FailureReason.MISSING_ATTRIBUTE),
        ({"SOPInstanceUID": ""}, FailureReason.MISSING_ATTRIBUTE),
        ({"SOPInstanceUID": "1.02"}, FailureReason.INVALID_SOP_INSTANCE),
        ({"SOPClassUID": 7}, FailureReason.DATA_SET_MISMATCH),
    ],
)
def test_an_instance_has_to_say_what_it_is(
    attributes: dict[str, object], reason: FailureReason
) -> None:
    with pytest.raises(InstanceError) as refused:
        build(metadata(**attributes))
    assert refused.value.reason is reason


def test_a_missing_part_is_the_failure_of_the_one_who_looks() -> None:
    def find(wanted: BulkdataReference) -> Bulkdata:
        raise InstanceError(FailureReason.BULKDATA_MISSING, "not there")

    with pytest.raises(InstanceError) as refused:
        build(metadata(reference("PixelData")), find)
    assert refused.value.reason is FailureReason.BULKDATA_MISSING


def test_no_message_repeats_a_value() -> None:
    canary = "Canary^Carla"
    wrong = (
        metadata(PatientID=1, PatientName=canary),
        metadata(Element(0x00100010, "US", values=(canary,))),
        metadata(Element(0x00100010, "DA", values=(canary + "é",))),
        metadata(reference("PixelData"), **{**MONO_16, "Rows": canary}),
    )
    for data in wrong:
        with pytest.raises(InstanceError) as refused:
            build(data, Parts("image/jpeg", (sample("jpeg_baseline_mono8.jpg"),)))
        assert canary not in refused.value.detail


ODDITIES = st.one_of(
    st.none(), st.integers(-2, 70000), st.text(max_size=8), st.binary(max_size=8), st.floats()
)


@given(
    st.dictionaries(st.sampled_from([*RGB_8, "NumberOfFrames", "PixelData"]), ODDITIES),
    st.sampled_from([OCTETS, "image/jpeg", "video/mp4", "image/jls", "image/png", "a/b"]),
    st.sampled_from([(), (b"",), (bytes(18),), (sample("jpeg_baseline_rgb.jpg"),) * 2]),
)
def test_any_metadata_give_a_readable_file_or_a_reason(
    attributes: dict[str, object], media_type: str, frames: tuple[bytes, ...]
) -> None:
    pixels = [] if "PixelData" in attributes else [reference("PixelData")]
    try:
        built = build(metadata(*pixels, **attributes), Parts(media_type, frames))
    except InstanceError:
        return
    source = MemorySource(built.content)
    read_dicom_file(source, read_file_meta(source))


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "liver_1frame.dcm", "waveform_ecg.dcm", "rtplan.dcm"]
)
def test_a_real_file_survives_the_way_through_metadata(name: str) -> None:
    original = pydicom.dcmread(pydicom.data.get_testdata_file(name))
    data = from_pydicom(original)
    again = pydicom.dcmread(BytesIO(build(data, Parts("", ())).content))
    ours = {one.tag for one in data}
    assert {int(one.tag) for one in again} == ours | {0x00080005}
    for one in again:
        if one.tag not in (0x00080005, 0x7FE00010):
            assert original[one.tag].value == one.value
    if "PixelData" in original:
        assert again.PixelData.rstrip(b"\0") == original.PixelData.rstrip(b"\0")


def from_pydicom(original: pydicom.Dataset) -> Dataset:
    original.walk(lambda _, one: one.value)  # values decoded, lest they stay raw
    return Dataset(_element_of(one) for one in original)


def _element_of(one: pydicom.DataElement) -> Element:
    tag, vr = int(one.tag), one.VR
    if one.VR == "SQ":
        return Element(tag, vr, values=tuple(map(from_pydicom, one.value)))
    if one.is_empty:
        return Element(tag, vr)
    if isinstance(one.value, bytes):
        return Element(tag, vr, values=(one.value,))
    values = list(one.value) if one.VM > 1 else [one.value]
    is_number = vr in ("US", "SS", "UL", "SL", "FL", "FD", "AT")
    return Element(tag, vr, values=tuple(v if is_number else str(v) for v in values))


def test_a_reference_is_asked_for_once() -> None:
    asked: list[str] = []

    def find(wanted: BulkdataReference) -> Bulkdata:
        asked.append(wanted.uri)
        return YBR(wanted)

    data = coerced_metadata()
    assert build(replace_uri(data, "only/once"), find)
    assert asked == ["only/once"]


def replace_uri(data: Dataset, uri: str) -> Dataset:
    return Dataset(
        replace(one, bulkdata=BulkdataReference(uri)) if one.bulkdata else one for one in data
    )
