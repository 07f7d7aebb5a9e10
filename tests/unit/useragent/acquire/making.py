"""Files as cameras, recorders and printers make them, and what reads an instance independently."""

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from PIL import Image, ImageChops, ImageCms
from pydicom.encaps import generate_frames

from chalicelib.useragent.acquire import Acquired, AcquireOptions, acquire

_SAMPLES = Path(__file__).parents[3] / "samples"
NOW = datetime(2026, 5, 4, 12, 30)
STATED = {
    "PatientID": "0042",
    "IssuerOfPatientID": "CLINIC",
    "PatientName": "Müller^Zoë",
    "PatientSex": "F",
    "PatientBirthDate": "19701231",
    "StudyInstanceUID": "1.2.826.0.1.3680043.2.1",
    "StudyDate": "20260501",
    "StudyTime": "0930",
    "StudyID": "7",
    "AccessionNumber": "A-100",
    "BodyPartExamined": "HAND",
    "Laterality": "L",
    "SeriesNumber": "3",
    "InstanceNumber": "1",
}
PLACE = b"51.5007"
CAMERA_DATE = "2025:11:30 08:15:59"
MAKE = "Maker"


def sample(name: str) -> Path:
    """Return where a stream lies that is whole."""
    whole = _SAMPLES / "whole" / name
    return whole if whole.exists() else _SAMPLES / "codestreams" / name


def make(path: Path, values: Mapping[str, str] | None = None, **options: Any) -> Acquired:
    """Acquire a file with what is stated by default, more of it, or something else."""
    stated = {**STATED, **(values or {})}
    return acquire(path, AcquireOptions(values=stated, **options), now=NOW)


def read(acquired: Acquired) -> pydicom.Dataset:
    """Read an instance by another implementation, strictly."""
    previous = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        dataset = pydicom.dcmread(BytesIO(acquired.content))
        for element in dataset.iterall():
            assert element.value is not None or element.VM == 0
        return dataset
    finally:
        pydicom.config.settings.reading_validation_mode = previous


def fragment(dataset: pydicom.Dataset) -> bytes:
    """Return the one frame of encapsulated pixels."""
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    return bytes(frame)


def picture(columns: int = 96, rows: int = 64, mode: str = "RGB") -> Image.Image:
    """Return a smooth picture without any symmetry."""
    across = Image.linear_gradient("L").resize((columns, rows)).rotate(90)
    down = Image.linear_gradient("L").resize((columns, rows))
    blob = Image.new("L", (columns, rows), 40)
    blob.paste(200, (4, 6, 30, 20))
    image = Image.merge("RGB", (across, down, blob))
    return image if mode == "RGB" else image.convert(mode)


def exif_of(orientation: int = 1) -> Image.Exif:
    """Return EXIF with a camera, a date, a position and an orientation."""
    exif = Image.Exif()
    exif[0x010F] = MAKE
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = CAMERA_DATE
    exif.get_ifd(0x8769)[0x9011] = "+01:00"
    exif.get_ifd(0x8769)[0xA430] = "Owner Name"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[0x1B] = PLACE
    return exif


def profile() -> bytes:
    """Return a colour profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def jpeg(image: Image.Image | None = None, **options: Any) -> bytes:
    """Return a JPEG; keyword arguments are Pillow's."""
    stream = BytesIO()
    (image or picture()).save(stream, "JPEG", **{"quality": 90, "subsampling": 0, **options})
    return stream.getvalue()


def png(image: Image.Image | None = None, **options: Any) -> bytes:
    """Return a PNG; keyword arguments are Pillow's."""
    stream = BytesIO()
    (image or picture()).save(stream, "PNG", **options)
    return stream.getvalue()


def decoded(content: bytes) -> Image.Image:
    """Return the picture of a JPEG or PNG as it lies."""
    image = Image.open(BytesIO(content))
    image.load()
    return image


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    """Return by how much two pictures of one size differ at most."""
    assert one.size == other.size
    extrema = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema()
    return max(highest for _, highest in extrema)  # type: ignore[misc, union-attr]


def pdf(body: bytes = b"1 0 obj<</Type/Catalog>>endobj\n") -> bytes:
    """Return what starts and ends as a PDF does."""
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF\n"
