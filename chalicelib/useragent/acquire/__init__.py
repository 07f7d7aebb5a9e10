"""Instances from what a clinic has: photographs, videos and documents (PS3.2 N.9).

::

    flags, metadata file, template ──> statements ──┐
                                                    ├──> composing ──> build_instance ──> Acquired
    JPEG, PNG, MP4, MPEG-2, PDF ───> prepared ──────┘

What belongs here: whose instance a file becomes, what of the file goes in and what is dropped.
What must not: encapsulation and pixel description, which the protocol's instance builder does;
sending. Nothing asks the time, and the file's name and dates on disk go nowhere.

Dates come from the user, or from EXIF: DateTimeOriginal becomes Content Date and Time and, with
OffsetTimeOriginal, Acquisition DateTime. Study Date comes from the user or the template alone.
"""

from chalicelib.useragent.acquire.acquiring import Acquired, acquire
from chalicelib.useragent.acquire.errors import AcquireError
from chalicelib.useragent.acquire.options import AcquireLimits, AcquireOptions, PhotoClass

__all__ = ["AcquireError", "AcquireLimits", "AcquireOptions", "Acquired", "PhotoClass", "acquire"]
