"""What the worst requests may cost: memory by what is allocated, work by counting it."""

import gzip
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from pydicom.datadict import DicomDictionary

from chalicelib.dicomweb.byte_source import Buffer, MemorySource
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.structure import StructuralWalk, StructureLimits
from chalicelib.settings import Settings
from chalicelib.standard.reasons import FailureReason as Reason
from chalicelib.standard.transfer_syntaxes import Encoding
from tests.builders_dicom import IMPLICIT, LITTLE, UNDEFINED, element, item, nested, sequence
from tests.hostile.answers import FAILURE_REASON, items, module_of, value
from tests.hostile.cases import (
    BOUNDARY,
    MULTIPART,
    Part,
    Sequence,
    good_file,
    join_parts,
)
from tests.hostile.corpus import CASES
from tests.hostile.fake_origin import FakeOrigin

MEGABYTE = 1 << 20


@contextmanager
def allocating_at_most(size: int) -> Iterator[None]:
    """Fail when what the block holds at once grows beyond ``size`` bytes."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= size, f"{peak / MEGABYTE:.1f} MB"


@contextmanager
def computing_at_most(seconds: float) -> Iterator[None]:
    """Fail when this thread computes for longer; waiting does not count."""
    begun = time.thread_time()
    yield
    assert time.thread_time() - begun <= seconds


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("gzip bomb", 2 * Settings.max_inflated_bytes + MEGABYTE),
        ("gzip bomb inside gzip", 3 * MEGABYTE),
        ("deflate bomb", 2 * Settings.max_inflated_bytes + 3 * MEGABYTE),
        ("100,000 empty parts", 8 * MEGABYTE),
        ("part header without end", 4 * MEGABYTE),
        ("thousands of almost boundaries in a body", 4 * MEGABYTE),
        ("bombs: all that is stored", 24 * MEGABYTE),
        ("10,000 deep EXPLICIT_LITTLE defined", 4 * MEGABYTE),
    ],
)
def test_memory_stays_near_the_limit(name: str, size: int, fake_origin: FakeOrigin) -> None:
    request = CASES[name].request
    fake_origin.post(b"warm", MULTIPART)

    with allocating_at_most(size):
        answer = fake_origin.post(request.body, str(request.content_type), request.headers)

    assert answer.status == CASES[name].status


class CountedSource(MemorySource):
    """Counts how often it is looked at."""

    looks = 0

    def window(self, offset: int, at_least: int) -> tuple[Buffer, int]:
        self.looks += 1
        return super().window(offset, at_least)


LIMITS = StructureLimits(max_depth=32, max_elements=5_000)


@pytest.mark.parametrize(
    ("data_set", "reason", "looks"),
    [
        (element(0x00091010, "UN") * 50_000, Reason.TOO_MANY_ELEMENTS, 5_001),
        (
            sequence(0x7FE11001, item() * 50_000, length=UNDEFINED),
            Reason.TOO_MANY_ELEMENTS,
            5_001,
        ),
        (
            sequence(0x7FE00010, item() * 50_000, length=UNDEFINED, vr="OB"),
            Reason.TOO_MANY_ELEMENTS,
            5_001,
        ),
        (nested(10_000, undefined=True), Reason.TOO_DEEP, 2 * 33),
        (nested(10_000, undefined=False), Reason.TOO_DEEP, 2 * 33),
        (nested(10_000, undefined=True, vr="UN"), Reason.TOO_DEEP, 2 * 33),
    ],
)
def test_a_walk_ends_at_its_limit(data_set: bytes, reason: Reason, looks: int) -> None:
    assert DicomDictionary  # pydicom's dictionaries are loaded before memory is looked at
    source = CountedSource(data_set)

    with allocating_at_most(MEGABYTE), pytest.raises(InstanceError) as refused:
        for _ in StructuralWalk(source, LITTLE, encapsulated=True, limits=LIMITS):
            pass

    assert refused.value.reason is reason
    assert source.looks <= looks


@pytest.mark.parametrize("encoding", [LITTLE, IMPLICIT])
def test_zeros_cost_one_look_at_each_stretch(encoding: Encoding) -> None:
    source = CountedSource(bytes(4 * MEGABYTE))

    with allocating_at_most(MEGABYTE):
        assert list(StructuralWalk(source, encoding, encapsulated=False, limits=LIMITS)) == []

    assert source.looks < 100


LONG = 10_000


@pytest.mark.parametrize(
    "post",
    [
        lambda o: o.post(f"--b\r\nX:{' ' * 16_000}\0\r\n\r\nx\r\n--b--".encode(), _typed("b")),
        lambda o: o.post(b"--b\r\nX:" + b"\r\n " * 5_000 + b"\0\r\n\r\nx\r\n--b--", _typed("b")),
        lambda o: o.post(b"x", "application/dicom", (("Accept-Charset", "a" + " " * LONG + "x"),)),
        lambda o: o.post(b"x", "application/dicom", (("Accept", '"' * LONG),)),
        lambda o: o.post(b"x", "application/dicom", (("Accept", "a/b;q" + " " * LONG + "x"),)),
        lambda o: o.post(b"x", "multipart/related;" + ";" * LONG),
        lambda o: o.post(b"x", 'multipart/related; type="' + "\\a" * (LONG // 2)),
        lambda o: o.post(b"x", "multipart/related; " + "a" * LONG + " " * LONG),
    ],
    ids=[
        "blanks in a part's header",
        "folds in a part's header",
        "blanks in Accept-Charset",
        "quotes in Accept",
        "blanks in Accept",
        "semicolons in Content-Type",
        "escapes in Content-Type",
        "a long name in Content-Type",
    ],
)
def test_no_header_keeps_a_parser_busy(
    post: Callable[[FakeOrigin], object], fake_origin: FakeOrigin
) -> None:
    with computing_at_most(5.0):
        post(fake_origin)


def _typed(boundary: str) -> str:
    return f'multipart/related; type="application/dicom"; boundary={boundary}'


def test_a_small_request_of_many_bombs_ends_in_time() -> None:
    """Each part inflates to the limit of elements: after the deadline no more are looked at."""
    bomb = CASES["element flood"].request.body
    [one] = bomb.split(f"--{BOUNDARY}".encode())[1:-1]
    parts = [Part(one.partition(b"\r\n\r\n")[2])] * 40
    left = iter([25.0] * 3 + [4.9] * 1_000)

    with FakeOrigin.running(max_elements=1_000) as origin:
        answer = origin.post(
            gzip.compress(join_parts(*parts, good_file("late")), 1),
            MULTIPART,
            (("Content-Encoding", "gzip"),),
            remaining=lambda: next(left),
        )

    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(answer.headers["Retry-After"]) > 0
    module = module_of(answer)
    assert [value(i, FAILURE_REASON) for i in items(module, Sequence.FAILED)] == [
        Reason.TOO_MANY_ELEMENTS.code
    ] * 3
    assert [value(i, FAILURE_REASON) for i in items(module, Sequence.OTHER)] == [
        Reason.OUT_OF_TIME.code
    ] * 38
    assert origin.instances.objects == {}
