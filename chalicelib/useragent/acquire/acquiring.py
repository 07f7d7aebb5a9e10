"""From a file to an instance (PS3.3 Annex A, PS3.10 7)."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.bulkdata import Bulkdata
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.instance_builder import BuildLimits, build_instance
from chalicelib.dicomweb.media_types import parse_media_type
from chalicelib.standard.created_iods import ENCAPSULATED_PDF
from chalicelib.useragent.acquire.composing import compose, unused
from chalicelib.useragent.acquire.errors import AcquireError
from chalicelib.useragent.acquire.jpeg import prepare_jpeg
from chalicelib.useragent.acquire.kinds import Kind, kind_of
from chalicelib.useragent.acquire.options import AcquireOptions
from chalicelib.useragent.acquire.pdf import check_pdf
from chalicelib.useragent.acquire.photographs import ACQUISITION_DATETIME
from chalicelib.useragent.acquire.png import prepare_png
from chalicelib.useragent.acquire.prepared import Prepared
from chalicelib.useragent.acquire.statements import Statements, read_statements
from chalicelib.useragent.acquire.video import prepare_mp4, prepare_mpeg2


@dataclass(frozen=True, slots=True)
class Acquired:
    """An instance made of a file.

    Attributes
    ----------
    content : bytes
        A DICOM file (PS3.10).
    sop_class, sop_instance, study, series : str
        UIDs.
    transfer_syntax : str
    notes : tuple of str
        Sentences for the user: what was dropped, turned, left out. No values in them.
    """

    content: bytes = field(repr=False)
    sop_class: str
    sop_instance: str
    study: str
    series: str
    transfer_syntax: str
    notes: tuple[str, ...]


def acquire(path: Path, options: AcquireOptions, *, now: datetime) -> Acquired:
    """Return the instance that a photograph, video or document makes.

    The same file and options give the same bytes on any day.

    Parameters
    ----------
    path : Path
        A JPEG, PNG, MP4, MPEG-2 or PDF file.
    options : AcquireOptions
    now : datetime
        Only to notice that a camera's clock is ahead; it goes into no instance.

    Raises
    ------
    AcquireError
        When no instance can be made, naming file, attribute and reason.
    """
    statements = read_statements(options)
    content = _read(path, options.limits.max_file_bytes)
    try:
        return _acquired(content, statements, options, now)
    except AcquireError as error:
        error.path = error.path or path
        raise
    except InstanceError as error:
        raise AcquireError(error.detail, path=path) from None


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise AcquireError(f"It cannot be read: {error.strerror}.", path=path) from None
    if len(content) > max_bytes:
        raise AcquireError(f"It has more than {max_bytes} bytes (max_file_bytes).", path=path)
    return content


def _acquired(
    content: bytes, statements: Statements, options: AcquireOptions, now: datetime
) -> Acquired:
    prepared = _prepared(content, statements, options)
    metadata = compose(content, prepared, statements.values)
    view = memoryview(prepared.content)
    bulkdata = Bulkdata(parse_media_type(prepared.media_type), (view,), (1,))

    def find(reference: BulkdataReference) -> Bulkdata:
        return bulkdata

    limits = BuildLimits(max_decoded_bytes=options.limits.max_file_bytes)
    built = build_instance(metadata, find, now=now, limits=limits)
    return Acquired(
        content=built.content,
        sop_class=prepared.sop_class,
        sop_instance=_uid(metadata, tags.SOP_INSTANCE_UID),
        study=_uid(metadata, tags.STUDY_INSTANCE_UID),
        series=_uid(metadata, tags.SERIES_INSTANCE_UID),
        transfer_syntax=built.transfer_syntax,
        notes=(
            *statements.notes,
            *unused(prepared, statements.values),
            *prepared.notes,
            *_clock(metadata, now),
        ),
    )


def _prepared(content: bytes, statements: Statements, options: AcquireOptions) -> Prepared:
    kind = kind_of(content)
    if kind is Kind.JPEG:
        return prepare_jpeg(content, options)
    if kind is Kind.PNG:
        return prepare_png(content, options)
    if kind is Kind.MP4:
        return prepare_mp4(content, statements.values, options)
    if kind is Kind.MPEG2:
        return prepare_mpeg2(content, statements.values)
    return Prepared(ENCAPSULATED_PDF, "application/pdf", content, notes=check_pdf(content))


def _clock(metadata: Dataset, now: datetime) -> tuple[str, ...]:
    """Return a note on an acquisition in the future, by the day: zones differ by less."""
    element = metadata.get(ACQUISITION_DATETIME)
    if element is None or not element.values or str(element.values[0])[:8] <= f"{now:%Y%m%d}":
        return ()
    return ("Acquisition DateTime (0008,002A) is in the future: the camera's clock may be wrong.",)


def _uid(metadata: Dataset, tag: int) -> str:
    element = metadata.get(tag)
    return str(element.values[0]) if element is not None and element.values else ""
