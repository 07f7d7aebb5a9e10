"""JPEG turned, or made baseline, without decoding its samples: by the program ``jpegtran``.

Coefficients are moved and entropy coded anew, so every sample stays what it was. libjpeg-turbo
keeps the program, every system packages it; no Python package offers the same. It is needed only
when a photograph has to be turned or is progressive, and asked to refuse (``-perfect``) what it
could not turn whole: blocks at the edge that are not full.
"""

import subprocess

from chalicelib.useragent.acquire.errors import AcquireError

_TURNS: dict[int, tuple[str, ...]] = {
    1: (),
    2: ("-flip", "horizontal"),
    3: ("-rotate", "180"),
    4: ("-flip", "vertical"),
    5: ("-transpose",),
    6: ("-rotate", "90"),
    7: ("-transverse",),
    8: ("-rotate", "270"),
}
"""What sets the picture of an EXIF orientation upright (Exif 2.32 4.6.4)."""


def rewrite(jpeg: bytes, orientation: int, *, program: str, max_seconds: float) -> bytes:
    """Return the JPEG upright, in sequential coding, without metadata.

    Parameters
    ----------
    jpeg : bytes
    orientation : int
        1 to 8, 1 to leave it as it lies.
    program : str
        Name or path of jpegtran.
    max_seconds : float

    Raises
    ------
    AcquireError
        When the program is missing, takes too long, or cannot do it without loss.
    """
    command = [program, "-copy", "none", "-perfect", *_TURNS[orientation]]
    try:
        done = subprocess.run(
            command, input=jpeg, capture_output=True, timeout=max_seconds, check=False
        )
    except (FileNotFoundError, PermissionError):
        raise AcquireError(
            f"{_wish(orientation)} without loss needs the program jpegtran of libjpeg-turbo, "
            "which is not installed (Debian: libjpeg-turbo-progs; Homebrew: jpeg-turbo)."
            + _otherwise(orientation)
        ) from None
    except subprocess.TimeoutExpired:
        raise AcquireError(f"jpegtran took longer than {max_seconds:g} seconds.") from None
    if b"perfect" in done.stderr:
        raise AcquireError(
            "The photograph cannot be turned without loss: its edge cuts through coded blocks."
            + _otherwise(orientation)
        )
    if done.returncode or not done.stdout:
        raise AcquireError("jpegtran cannot rewrite the JPEG: it is damaged or of a rare kind.")
    return done.stdout


def _wish(orientation: int) -> str:
    return "Turning the photograph" if orientation != 1 else "Making the JPEG baseline"


def _otherwise(orientation: int) -> str:
    if orientation == 1:
        return ""
    return (
        " Save it upright as PNG and send that, or ask for its orientation to be ignored "
        "if it lies right."
    )
