"""Native pixel data beside the attributes that describe them (PS3.5 8.1, PS3.18 8.7.3.3.1)."""

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.draft import Draft, mismatch
from chalicelib.dicomweb.pixel_description import (
    ALLOCATED,
    COLUMNS,
    NUMBER_OF_FRAMES,
    PHOTOMETRIC,
    PLANAR,
    REPRESENTATION,
    ROWS,
    SAMPLES,
    agree,
    agree_on_stored_bits,
    require_description,
    set_frame_time,
    set_number_of_frames,
)
from chalicelib.dicomweb.transformed import Picture
from chalicelib.standard.common_modules import (
    COMPRESSED_PHOTOMETRIC_INTERPRETATIONS,
    SAMPLES_KEPT_OF_A_PIXEL,
)


def check_native_pixels(draft: Draft, length: int) -> None:
    """Compare native pixel data with their description, which has to be whole.

    Frames of 1 bit run on without alignment (PS3.18 8.7.3.3.1 note 2); the byte that makes the
    length even may be there or not.

    Parameters
    ----------
    draft : Draft
    length : int
        Of the pixel data, in bytes.

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH naming what is missing or does not fit.
    """
    require_description(draft, "and native pixel data do not tell it (PS3.18 10.5.2)")
    photometric = draft.text(PHOTOMETRIC)
    if photometric in COMPRESSED_PHOTOMETRIC_INTERPRETATIONS:
        raise mismatch(PHOTOMETRIC, f"is {photometric}, which native pixel data cannot have")
    rows, columns = draft.number(ROWS) or 0, draft.number(COLUMNS) or 0
    samples, allocated = draft.number(SAMPLES) or 0, draft.number(ALLOCATED) or 0
    stated = draft.number(NUMBER_OF_FRAMES)
    frames = 1 if stated is None else stated
    kept = SAMPLES_KEPT_OF_A_PIXEL.get(photometric, samples)
    due = -(-rows * columns * kept * allocated * frames // 8)
    if not due:
        raise mismatch(ROWS, "and what else describes the pixels make an image of 0 bytes")
    if length not in (due, due + (due & 1)):
        raise mismatch(
            tags.PIXEL_DATA,
            f"has {length} bytes; {frames} frames of {rows} x {columns} x {kept} samples of "
            f"{allocated} bits are {due}",
        )


def native_vr(draft: Draft) -> str:
    """Return the VR of native pixel data (PS3.5 8.1.2, A.2): OW above 8 bits."""
    if (draft.number(ALLOCATED) or 0) > 8:
        return "OW"
    element = draft.get(tags.PIXEL_DATA)
    return "OW" if element is not None and element.vr == "OW" else "OB"


def describe_picture(draft: Draft, picture: Picture) -> None:
    """Complete and check the description of a picture that was decoded (PS3.18 10.5.2).

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH naming the attribute that contradicts the picture.
    """
    agree(draft, SAMPLES, picture.samples)
    agree(draft, ROWS, picture.rows)
    agree(draft, COLUMNS, picture.columns)
    agree(draft, ALLOCATED, picture.bits)
    agree_on_stored_bits(draft, picture.bits)
    if not draft.number(REPRESENTATION):
        draft.complete(REPRESENTATION, "US", 0)
    else:
        raise mismatch(REPRESENTATION, "is 1, the picture has unsigned samples")
    _describe_colour(draft, picture)
    _describe_frames(draft, picture)


def _describe_colour(draft: Draft, picture: Picture) -> None:
    due, allowed = "RGB", {"RGB"}
    if picture.samples == 1:
        due, allowed = "MONOCHROME2", {"MONOCHROME1", "MONOCHROME2"}
    stated = draft.text(PHOTOMETRIC)
    if not stated:
        draft.complete(PHOTOMETRIC, "CS", due)
    elif stated not in allowed:
        draft.coerce(PHOTOMETRIC, "CS", due)
    if picture.samples == 1:
        return
    planar = draft.number(PLANAR)
    if planar is None:
        draft.complete(PLANAR, "US", 0)
    elif planar:
        draft.coerce(PLANAR, "US", 0)


def _describe_frames(draft: Draft, picture: Picture) -> None:
    stated, counted = draft.number(NUMBER_OF_FRAMES), len(picture.frames)
    if stated is None and counted > 1:
        set_number_of_frames(draft, counted)
    elif stated is not None and stated != counted:
        raise mismatch(NUMBER_OF_FRAMES, f"is {stated}, the picture has {counted} frames")
    if counted > 1 and picture.frame_time:
        set_frame_time(draft, picture.frame_time)
