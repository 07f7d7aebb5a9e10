"""What holds of an instance: flags, metadata file and template brought together.

What is stated twice counts once, flags before file before template. Patient ID, its issuer and
the study are different: they say whose instance this is, and a name or birth date that stands
beside another ID would be another patient's. Sources that disagree on them are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.standard.created_iods import OF_ENTITY, SETTABLE
from chalicelib.standard.created_modules import CreatedAttribute, Entity
from chalicelib.useragent.acquire.errors import AcquireError, attribute
from chalicelib.useragent.acquire.identity import new_study_uid
from chalicelib.useragent.acquire.metadata_file import read_metadata_file
from chalicelib.useragent.acquire.options import AcquireOptions
from chalicelib.useragent.acquire.template import read_template
from chalicelib.useragent.acquire.values import checked

_PATIENT_ID, _ISSUER = SETTABLE["PatientID"], SETTABLE["IssuerOfPatientID"]
_STUDY, _ACCESSION = SETTABLE["StudyInstanceUID"], SETTABLE["AccessionNumber"]
_REQUIRED = (_PATIENT_ID, _ISSUER, _STUDY, _ACCESSION)


@dataclass(frozen=True, slots=True)
class Statements:
    """Values by tag, "" where an attribute is stated to be empty; notes for the user."""

    values: Mapping[int, str] = field(repr=False)
    notes: tuple[str, ...]


def read_statements(options: AcquireOptions) -> Statements:
    """Return what the user states, checked.

    Raises
    ------
    AcquireError
        For an unknown attribute or a value it cannot hold; when sources disagree on the patient;
        without Patient ID, issuer, study or accession.
    """
    flags = _checked(options.values)
    file: Mapping[int, str] = {}
    if options.metadata_file is not None:
        limit = options.limits.max_metadata_bytes
        try:
            file = _checked(read_metadata_file(options.metadata_file, max_bytes=limit))
        except AcquireError as error:
            error.path = options.metadata_file
            raise
    _check_same_patient(flags, file, "the metadata file")
    template: Mapping[int, str] = {}
    notes: tuple[str, ...] = ()
    if options.template is not None:
        template, notes = _usable(read_template(options.template))
        stated = {**file, **flags}
        _check_same_patient(stated, template, "the template")
        template = _of_study(template, stated, options)
    values = {**template, **file, **flags}
    if options.new_study:
        values[_STUDY.tag] = _new_study(values)
    _check_required(values)
    return Statements(values, notes)


def _checked(stated: Mapping[str, str]) -> dict[int, str]:
    values = {}
    for keyword, text in stated.items():
        row = SETTABLE.get(keyword)
        if row is None:
            named = keyword if keyword.isidentifier() and len(keyword) <= 64 else "A key"
            raise AcquireError(f"{named} is no attribute that can be set here.")
        values[row.tag] = checked(row, text)
    return values


def _usable(stated: Mapping[str, str]) -> tuple[dict[int, str], tuple[str, ...]]:
    """Return a template's values; one that is against the rules is left out, identity apart."""
    values, notes = {}, []
    for keyword, text in stated.items():
        row = SETTABLE[keyword]
        try:
            values[row.tag] = checked(row, text)
        except AcquireError as error:
            if row in _REQUIRED:
                raise
            notes.append(f"Of the template left out: {error.detail}")
    return values, tuple(notes)


def _check_same_patient(stated: Mapping[int, str], other: Mapping[int, str], source: str) -> None:
    for row in (_PATIENT_ID, _ISSUER):
        here, there = stated.get(row.tag), other.get(row.tag)
        if here is not None and there and here != there:
            raise AcquireError(
                f"{attribute(row.keyword, row.tag)} is stated otherwise in {source}: "
                "its other attributes may be another patient's.",
                tag=row.tag,
            )


def _of_study(
    template: Mapping[int, str], stated: Mapping[int, str], options: AcquireOptions
) -> Mapping[int, str]:
    """Return a template without its study attributes when the instance is of another study."""
    study = stated.get(_STUDY.tag)
    is_same = not options.new_study and study in (None, template.get(_STUDY.tag))
    if is_same:
        return template
    return {tag: value for tag, value in template.items() if OF_ENTITY[tag] is Entity.PATIENT}


def _new_study(values: Mapping[int, str]) -> str:
    if values.get(_STUDY.tag):
        raise AcquireError(
            f"{attribute(_STUDY.keyword, _STUDY.tag)} is stated, and a new study is asked for.",
            tag=_STUDY.tag,
        )
    accession = values.get(_ACCESSION.tag, "")
    if not accession:
        raise _missing(_ACCESSION, "; a new study is known by it")
    return new_study_uid(values.get(_PATIENT_ID.tag, ""), values.get(_ISSUER.tag, ""), accession)


def _check_required(values: Mapping[int, str]) -> None:
    """No instance without a patient and a study: nobody would find it again.

    An issuer or accession that is stated to be empty is an answer; silence is none.
    """
    for row in (_PATIENT_ID, _STUDY):
        if not values.get(row.tag):
            hint = "; or ask for a new study" if row is _STUDY else ""
            raise _missing(row, hint)
    for row in (_ISSUER, _ACCESSION):
        if row.tag not in values:
            raise _missing(row, ", or to be stated as empty")


def _missing(row: CreatedAttribute, hint: str) -> AcquireError:
    named = attribute(row.keyword, row.tag)
    return AcquireError(
        f"{named} is missing: it has to come from a flag, the metadata file or the template{hint}.",
        tag=row.tag,
    )
