"""What the settings allow, as the rooms take it: limits of files, parts, metadata and sessions.

What belongs here: values made of settings. What must not: anything that reaches AWS (`bootstrap`).
"""

from typing import TYPE_CHECKING

from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.dicomweb.dicom_file import DicomFileLimits
    from chalicelib.origin.intake import IntakePolicy


def file_limits(configured: Settings) -> "DicomFileLimits":
    """Return what one DICOM file may be."""
    from chalicelib.dicomweb.dicom_file import DicomFileLimits
    from chalicelib.dicomweb.structure import StructureLimits

    structure = StructureLimits(configured.max_depth, configured.max_elements)
    return DicomFileLimits(structure, configured.max_inflated_bytes)


def intake_policy(configured: Settings) -> "IntakePolicy":
    """Return how payloads are taken."""
    from chalicelib.dicomweb.decoded import MetadataLimits
    from chalicelib.origin.intake import IntakePolicy

    return IntakePolicy(
        strict=configured.strict,
        limits=file_limits(configured),
        metadata=MetadataLimits(
            max_instances=configured.max_parts,
            max_depth=configured.max_depth,
            max_elements=configured.max_elements,
        ),
    )


def part_limits(configured: Settings, max_parts: int) -> dict[str, int]:
    """Return what the parts of a body may be, as the multipart parser names it."""
    return {
        "max_parts": max_parts,
        "max_header_bytes": configured.max_part_header_bytes,
        "max_header_fields": configured.max_part_header_fields,
    }


def session_limits(configured: Settings) -> dict[str, int]:
    """Return what one store session may be, nothing where there are none."""
    if not configured.staging_bucket:
        return {}
    return {
        "max_session_bytes": configured.max_session_bytes,
        "max_session_parts": configured.max_session_parts,
    }
