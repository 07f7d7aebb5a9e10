"""The data set of an instance: each row of its IOD with the value that applies."""

from collections.abc import Mapping

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element, Value
from chalicelib.standard.created_iods import CREATED_IODS, SETTABLE
from chalicelib.standard.created_modules import CreatedAttribute, ValueSource
from chalicelib.useragent.acquire.anatomy import anatomic_region, is_unpaired
from chalicelib.useragent.acquire.errors import AcquireError, attribute
from chalicelib.useragent.acquire.identity import instance_uid, series_uid
from chalicelib.useragent.acquire.prepared import Prepared

CONTENT_REFERENCE = BulkdataReference("content")
_ENCAPSULATED_DOCUMENT = 0x00420011
_BODY_PART, _ANATOMIC_REGION = 0x00180015, 0x00082218
_LATERALITY, _IMAGE_LATERALITY = 0x00200060, 0x00200062
_KEYWORDS = {row.tag: row.keyword for row in SETTABLE.values()}


def compose(file: bytes, prepared: Prepared, stated: Mapping[int, str]) -> Dataset:
    """Return the metadata of an instance; the content is bulkdata at CONTENT_REFERENCE.

    Parameters
    ----------
    file : bytes
        As it was found: its hash identifies the instance.
    prepared : Prepared
    stated : mapping of int to str
        What the user states, by tag.

    Raises
    ------
    AcquireError
        When a type 1 attribute is stated to be empty; when a video has no region of the body.
    """
    iod = CREATED_IODS[prepared.sop_class]
    rows = {row.tag: row for row in iod.rows()}
    values: dict[int, tuple[Value, ...]] = {tag: (text,) for tag, text in iod.defaults.items()}
    values |= {tag: (text,) for tag, text in prepared.hints.items()}
    values |= {tag: (text,) if text else () for tag, text in stated.items()}
    values |= prepared.values
    values[_ANATOMIC_REGION] = anatomic_region(values.get(_BODY_PART, ()), iod.sop_class)
    study = stated[tags.STUDY_INSTANCE_UID]
    shared = {tag: str(values[tag][0]) for tag in iod.series_tags() if values.get(tag)}
    values[tags.SOP_CLASS_UID] = (iod.sop_class,)
    values[tags.SERIES_INSTANCE_UID] = (series_uid(study, iod.sop_class, shared),)
    identity = instance_uid(file, study, iod.sop_class, prepared.treatment)
    values[tags.SOP_INSTANCE_UID] = (identity,)
    if values.get(_IMAGE_LATERALITY) or is_unpaired(values.get(_BODY_PART, ())):
        rows = {tag: row for tag, row in rows.items() if tag != _LATERALITY or values.get(tag)}
    elements = (_element(row, values.get(row.tag, row.fixed)) for row in rows.values())
    return Dataset(element for element in elements if element is not None)


def unused(prepared: Prepared, stated: Mapping[int, str]) -> tuple[str, ...]:
    """Return a note for each stated attribute that instances of this class do not have."""
    iod = CREATED_IODS[prepared.sop_class]
    known = {row.tag for row in iod.rows()}
    return tuple(
        f"{attribute(_KEYWORDS[tag], tag)} has no place in {iod.name} instances and was left out."
        for tag, text in sorted(stated.items())
        if text and tag not in known
    )


def _element(row: CreatedAttribute, values: tuple[Value, ...]) -> Element | None:
    """Return the element of a row by its type (PS3.5 7.4), None where it has none."""
    if row.tag in (tags.PIXEL_DATA, _ENCAPSULATED_DOCUMENT):
        return Element(row.tag, row.vr, row.keyword, bulkdata=CONTENT_REFERENCE)
    if values:
        return Element(row.tag, row.vr, row.keyword, values)
    if row.type == "2" or row.is_due:
        return Element(row.tag, row.vr, row.keyword)
    if row.type == "1" and row.source is not ValueSource.CONTENT:
        raise AcquireError(f"{attribute(row.keyword, row.tag)} cannot be empty.", tag=row.tag)
    return None  # optional, its condition not met, or filled in from the codestream
