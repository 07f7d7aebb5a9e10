"""Metadata, bulkdata and codestreams for tests of what builds instances from them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pydicom

from chalicelib.dicomweb.bulkdata import Bulkdata
from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element, Value
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.instance_builder import BuildLimits, BuiltInstance, build_instance
from chalicelib.dicomweb.media_types import parse_media_type

NOW = datetime(2025, 4, 1, 12, 30, 15, 250_000, UTC)
SAMPLES = Path(__file__).parents[2] / "samples"
JPEG = "1.2.840.10008.1.2.4."
PIXEL_DATA = 0x7FE00010
MONO_16 = {
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 128,
    "Columns": 128,
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 0,
}
RGB_8 = {
    **MONO_16,
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "RGB",
    "PlanarConfiguration": 0,
    "Rows": 100,
    "Columns": 100,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
}


def sample(name: str) -> bytes:
    whole = SAMPLES / "whole" / name
    return (whole if whole.exists() else SAMPLES / "codestreams" / name).read_bytes()


def element(keyword: str, *values: Value) -> Element:
    """An element by its keyword; no values, zero length."""
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    vr = pydicom.datadict.dictionary_VR(tag)
    return Element(tag, vr.split(" or ")[0], keyword, values)


def reference(keyword: str, uri: str = "bulk/1", vr: str = "OB") -> Element:
    """An element whose value is bulkdata."""
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    return Element(tag, vr, keyword, bulkdata=BulkdataReference(uri))


def metadata(*elements: Element, **attributes: object) -> Dataset:
    """A Secondary Capture instance; keyword arguments are attributes, None leaves one out."""
    defaults: dict[str, object] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.1",
        "PatientName": "Doe^Jane",
        "PatientID": "P1",
        "Modality": "OT",
    }
    made = [
        element(keyword, *(value if isinstance(value, tuple) else (value,)))
        for keyword, value in (defaults | attributes).items()
        if value is not None
    ]
    return Dataset([*made, *elements])


@dataclass(frozen=True)
class Parts:
    """What a message holds, by reference; the media type is one for all."""

    media_type: str
    frames: tuple[bytes, ...]

    def __call__(self, wanted: BulkdataReference) -> Bulkdata:
        views = tuple(memoryview(frame) for frame in self.frames)
        numbers = tuple(range(2, 2 + len(views)))
        return Bulkdata(parse_media_type(self.media_type), views, numbers)


def build(
    data: Dataset,
    find: Callable[[BulkdataReference], Bulkdata] | None = None,
    limits: BuildLimits | None = None,
) -> BuiltInstance:
    return build_instance(data, find or Parts("", ()), now=NOW, limits=limits)


def build_pixels(
    media_type: str, *frames: bytes, limits: BuildLimits | None = None, **attributes: object
) -> BuiltInstance:
    """An instance whose Pixel Data is bulkdata."""
    data = metadata(reference("PixelData"), **attributes)
    return build(data, Parts(media_type, frames), limits)


def read_strictly(built: BuiltInstance) -> pydicom.Dataset:
    """The file as pydicom reads it when it tolerates nothing, and as we do."""
    source = MemorySource(built.content)
    meta = read_file_meta(source)
    file = read_dicom_file(source, meta, strict=True)
    assert not file.observations
    assert meta.transfer_syntax == built.transfer_syntax
    before = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        dataset = pydicom.dcmread(BytesIO(built.content))
        for _ in dataset.iterall():
            pass
        return dataset
    finally:
        pydicom.config.settings.reading_validation_mode = before
