"""The Image Pixel Description Macro beside the codestream it describes (PS3.3 C.7.6.3.3).

What the codestream knows is filled in where metadata leave it out (PS3.18 10.5.2) and compared
where they state it; what it cannot know, metadata decide: MONOCHROME1, PALETTE COLOR, Bits Stored
within the precision, signedness of JPEG.
"""

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.codestream_intake import CodedPixels
from chalicelib.dicomweb.codestreams import Codec
from chalicelib.dicomweb.draft import Draft, mismatch
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.photometric import photometric_of
from chalicelib.standard.codestream_syntaxes import JPEG_RECOMPRESSION, MULTI_COMPONENT, VIDEO
from chalicelib.standard.common_modules import PHOTOMETRIC_INTERPRETATIONS, PIXEL_ATTRIBUTES
from chalicelib.standard.reasons import FailureReason

SAMPLES, PHOTOMETRIC, PLANAR = 0x00280002, 0x00280004, 0x00280006
NUMBER_OF_FRAMES, ROWS, COLUMNS = 0x00280008, 0x00280010, 0x00280011
ALLOCATED, STORED, HIGH_BIT, REPRESENTATION = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_FRAME_INCREMENT_POINTER, _FRAME_TIME = 0x00280009, 0x00181063
_TELLS_TIME = (_FRAME_INCREMENT_POINTER, _FRAME_TIME, 0x00181065, 0x00180040, 0x00082144)
_LOSSY, _LOSSY_RATIO, _LOSSY_METHOD = 0x00282110, 0x00282112, 0x00282114
_LOSSY_METHODS = {
    Codec.JPEG: "ISO_10918_1",
    Codec.JPEG_LS: "ISO_14495_1",
    Codec.JPEG_2000: "ISO_15444_1",
    Codec.HTJ2K: "ISO_15444_15",
    Codec.JPEG_XL: "ISO_18181_1",
    Codec.MPEG2: "ISO_13818_2",
    Codec.H264: "ISO_14496_10",
    Codec.H265: "ISO_23008_2",
}
"""Defined terms of PS3.3 C.7.6.1.1.5.1."""
MAX_FRAMES = 0x7FFFFFFF


def describe_coded_pixels(draft: Draft, pixels: CodedPixels, *, derives: bool) -> None:
    """Complete and check the description of encapsulated pixels.

    Parameters
    ----------
    draft : Draft
    pixels : CodedPixels
    derives : bool
        Whether the media type lets metadata leave the macro out (PS3.18 Table 10.5.2-1).

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH naming the attribute that is missing or contradicts the codestream.
    """
    if not derives:
        require_description(draft, "beside this media type (PS3.18 10.5.2)")
    header = pixels.header
    samples = _samples(draft, pixels)
    agree(draft, SAMPLES, samples)
    agree(draft, ROWS, header.rows)
    agree(draft, COLUMNS, header.columns)
    _describe_bits(draft, pixels, samples)
    _describe_colour(draft, pixels, samples)
    require_description(draft, "and the codestream does not tell it")
    _describe_frames(draft, pixels, samples)
    _describe_loss(draft, pixels)


def require_description(draft: Draft, why: str) -> None:
    """Refuse an image whose description is not whole.

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH naming every attribute that is missing.
    """
    missing = [row.tag for row in PIXEL_ATTRIBUTES if not draft.has_value(row.tag)]
    if draft.has_value(SAMPLES) and (draft.number(SAMPLES) or 0) > 1:
        missing += [] if draft.has_value(PLANAR) else [PLANAR]
    if missing:
        named = ", ".join(tags.format_tag(tag) for tag in missing)
        raise InstanceError(
            FailureReason.DATA_SET_MISMATCH,
            f"The description of the pixels lacks {named} {why}.",
            tag_path=tags.format_tag(missing[0]),
        )


def _samples(draft: Draft, pixels: CodedPixels) -> int:
    """Return Samples per Pixel. Part 2 of JPEG 2000 may code frames as components (A.4.4)."""
    components = pixels.header.samples
    if pixels.transfer_syntax in MULTI_COMPONENT:
        return draft.number(SAMPLES) or (3 if components == 3 else 1)
    samples = components or draft.number(SAMPLES) or 0
    if samples not in (0, 1, 3):
        raise mismatch(SAMPLES, f"would be {samples}; PS3.3 C.7.6.3.1.1 knows 1 and 3")
    return samples


def agree(draft: Draft, tag: int, known: int | None) -> None:
    """Complete an attribute that the pixels tell, or refuse one that contradicts them."""
    stated = draft.number(tag)
    if known is None or stated == known:
        return
    if stated is not None:
        raise mismatch(tag, f"is {stated}, the pixels have {known}")
    if not 0 < known <= 0xFFFF:
        raise mismatch(tag, f"would be {known}, which its VR cannot hold")
    draft.complete(tag, "US", known)


def _describe_bits(draft: Draft, pixels: CodedPixels, samples: int) -> None:
    """Complete and check depth and signedness (PS3.5 8.1.1, 8.2)."""
    header = pixels.header
    if header.codec is Codec.RLE:
        _check_segments(draft, pixels, samples)
    if header.bits is not None:
        _describe_allocated(draft, pixels, header.bits)
    agree_on_stored_bits(draft, header.bits)
    stated = draft.number(REPRESENTATION)
    if stated is None:
        draft.complete(REPRESENTATION, "US", int(bool(header.signed)))
    elif header.signed is not None and stated != int(header.signed):
        raise mismatch(REPRESENTATION, f"is {stated}, the codestream has {int(header.signed)}")


def agree_on_stored_bits(draft: Draft, precision: int | None) -> None:
    """Complete Bits Stored and High Bit, or refuse what lies outside the precision.

    Fewer bits than the precision are the sender's to state: a codec may round up.
    """
    stored = draft.number(STORED)
    if stored is None and precision is not None:
        draft.complete(STORED, "US", precision)
    elif stored is not None and precision is not None and not 0 < stored <= precision:
        raise mismatch(STORED, f"is {stored}, the pixels have {precision} bits")
    stored, high_bit = draft.number(STORED), draft.number(HIGH_BIT)
    if stored and high_bit is None:
        draft.complete(HIGH_BIT, "US", stored - 1)
    elif stored and high_bit != stored - 1:
        raise mismatch(HIGH_BIT, f"is {high_bit}; beside Bits Stored it shall be {stored - 1}")


def _describe_allocated(draft: Draft, pixels: CodedPixels, precision: int) -> None:
    """Complete or check Bits Allocated: whole bytes, and just those a lossy JPEG or video fills."""
    least = -(-precision // 8) * 8
    stated = draft.number(ALLOCATED)
    header = pixels.header
    is_fixed = pixels.timing is not None or (header.codec is Codec.JPEG and not header.lossless)
    if stated is None:
        draft.complete(ALLOCATED, "US", least)
    elif stated == 1 == precision:
        return
    elif stated < least or stated % 8 or (is_fixed and stated != least):
        raise mismatch(ALLOCATED, f"is {stated}, the codestream has {precision} bits")


def _check_segments(draft: Draft, pixels: CodedPixels, samples: int) -> None:
    """Refuse RLE frames whose segments are not the bytes of their pixels (PS3.5 G.2)."""
    allocated = draft.number(ALLOCATED) or 0
    segments = len(pixels.header.segment_offsets)
    if segments * 8 != samples * allocated:
        raise mismatch(
            ALLOCATED, f"is {allocated} for {samples} samples, a frame has {segments} RLE segments"
        )


def _describe_colour(draft: Draft, pixels: CodedPixels, samples: int) -> None:
    """Complete Photometric Interpretation and Planar Configuration, or correct them (PS3.5 8.2)."""
    stated = draft.text(PHOTOMETRIC)
    wanted = PHOTOMETRIC_INTERPRETATIONS.get(stated, samples)
    if stated and wanted != samples:
        raise mismatch(PHOTOMETRIC, f"has {wanted} samples, the codestream has {samples}")
    due, allowed = photometric_of(pixels, samples)
    if not stated:
        if due:
            draft.complete(PHOTOMETRIC, "CS", due)
    elif allowed and stated not in allowed and stated in PHOTOMETRIC_INTERPRETATIONS:
        draft.coerce(PHOTOMETRIC, "CS", due)
    if samples < 2:
        return
    planar = draft.number(PLANAR)
    if planar is None:
        draft.complete(PLANAR, "US", 0)
    elif planar != 0 and pixels.header.codec is not Codec.RLE:
        draft.coerce(PLANAR, "US", 0)


def _describe_frames(draft: Draft, pixels: CodedPixels, samples: int) -> None:
    """Count the frames, or compare the count (PS3.3 C.7.6.6)."""
    counted: int | None = len(pixels.fragments)
    if pixels.timing is not None:
        counted = pixels.timing.frames
    elif pixels.transfer_syntax in MULTI_COMPONENT:
        counted = pixels.components // max(samples, 1)
    stated = draft.number(NUMBER_OF_FRAMES)
    if stated is None and counted is None:
        raise mismatch(NUMBER_OF_FRAMES, "is missing and the video does not tell it")
    if stated is None and counted is not None and (counted > 1 or pixels.timing is not None):
        set_number_of_frames(draft, counted)
    if stated is not None and counted is not None and stated != counted:
        raise mismatch(NUMBER_OF_FRAMES, f"is {stated}, the bulkdata have {counted} frames")
    if pixels.timing is not None and pixels.timing.frame_time:
        set_frame_time(draft, pixels.timing.frame_time)


def set_number_of_frames(draft: Draft, frames: int) -> None:
    """Add Number of Frames, which metadata left out though it is no part of the macro."""
    if frames > MAX_FRAMES:
        raise mismatch(NUMBER_OF_FRAMES, f"would be {frames}")
    draft.coerce(NUMBER_OF_FRAMES, "IS", str(frames))


def set_frame_time(draft: Draft, milliseconds: float) -> None:
    """Add Frame Time where nothing in the data set tells time (PS3.3 C.7.6.5, C.7.6.6)."""
    if any(draft.get(tag) is not None for tag in _TELLS_TIME):
        return
    draft.coerce(_FRAME_TIME, "DS", f"{milliseconds:.10g}")
    draft.coerce(_FRAME_INCREMENT_POINTER, "AT", _FRAME_TIME)


def _describe_loss(draft: Draft, pixels: CodedPixels) -> None:
    """Say that a lossy codestream is lossy (PS3.3 C.7.6.1.1.5); silence about others stays."""
    if pixels.header.lossless is not False:
        return
    stated = draft.text(_LOSSY)
    if not stated:
        draft.complete(_LOSSY, "CS", "01")
    elif stated != "01":
        draft.coerce(_LOSSY, "CS", "01")
    if not draft.has_value(_LOSSY_RATIO):
        draft.complete(_LOSSY_RATIO, "DS", f"{_ratio(draft, pixels):.4g}")
    if not draft.has_value(_LOSSY_METHOD):
        codec = pixels.header.codec
        # What was lost, the JPEG had lost before it was packed anew.
        method = Codec.JPEG if pixels.transfer_syntax == JPEG_RECOMPRESSION else codec
        draft.complete(_LOSSY_METHOD, "CS", _LOSSY_METHODS[method])


def _ratio(draft: Draft, pixels: CodedPixels) -> float:
    """Return native bytes for each byte of the codestreams."""
    pixels_of_frame = (draft.number(ROWS) or 0) * (draft.number(COLUMNS) or 0)
    bits = pixels_of_frame * (draft.number(SAMPLES) or 1) * (draft.number(ALLOCATED) or 8)
    frames = draft.number(NUMBER_OF_FRAMES) or 1
    return bits * frames / 8 / sum(len(fragment) for fragment in pixels.fragments)


def has_offsets(pixels: CodedPixels) -> bool:
    """Return whether each fragment is a frame."""
    return pixels.transfer_syntax not in VIDEO | MULTI_COMPONENT
