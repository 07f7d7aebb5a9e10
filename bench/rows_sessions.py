"""Rows of the bench for store sessions: a study of CT instances and one large instance, end to end.

Everything goes through the file-backed stand-in, and every process is measured from outside. CPU
and memory are the processes' own; rates depend on who else uses the machine.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.rows import Plan, Row
from bench.session_inputs import write_ct_folder, write_sparse_video
from bench.sessions.scene import Scene, Told
from infra.doors import DOORS, taking_in

GB = 1e9
MOST = "<= 128 MB"
AIMS = {"sender": "<= 64 MB", "ingest": MOST, "validation": MOST}
"""Of memory over base."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is sent: so many CT instances of 0.5 MB, and one instance of so many bytes."""

    instances: int
    large: int

    @classmethod
    def of(cls, *, quick: bool) -> "Sizes":
        """Return the sizes of a full or a quick run."""
        return cls(120, 256_000_000) if quick else cls(2_000, 5_000_000_000)


@dataclass(frozen=True, slots=True)
class Sent:
    """One input: what became of it by session, and what the least of it costs.

    Attributes
    ----------
    plain : sequence of dict
        What `bench.plain_upload` measured before and after.
    floor : float
        CPU seconds of `bench.sessions.floor`.
    """

    name: str
    told: Told
    plain: Sequence[dict[str, float]]
    floor: float

    def per_gb(self, seconds: float) -> float:
        """Return seconds for a GB."""
        return seconds * GB / self.told.size

    @property
    def rates(self) -> tuple[float, float]:
        """Return MB/s by session, and of both plain uploads."""
        plain = sum(one["bytes"] for one in self.plain) / sum(one["wall"] for one in self.plain)
        return self.told.size / self.told.seconds["sender"] / 1e6, plain / 1e6


def session_rows(plan: Plan) -> Iterator[Row]:
    """Measure uploading, ingest, validation and memory."""
    sizes = Sizes.of(quick=plan.is_quick)
    with (
        tempfile.TemporaryDirectory(prefix="bench-sessions-") as place,
        Scene(Path(place)) as scene,
    ):
        many, large = _send_many(scene, sizes), _send_large(scene, sizes)
    for sent in (many, large):
        yield _rate(sent)
    yield _cpu(many, "<= 8 s", "ranges+SHA-256+put by bare boto3")
    yield _cpu(large, "<= 2 s", "ranges+SHA-256 by bare boto3")
    for sent in (many, large):
        yield _end_to_end(sent)
    yield from _memory((many, large))
    yield from cost_rows()


def cost_rows() -> Iterator[Row]:
    """Yield what a terabyte costs by each door, as `infra.doors` models it."""
    bills = [sum(cost.usd for cost in taking_in(door)) for door in DOORS]
    for door, usd in zip(DOORS, bills, strict=True):
        beside = "" if door is DOORS[0] else DOORS[0].name
        baseline = bills[0] if beside else None
        yield Row(f"modelled USD per TB, {door.name}", usd, "USD", baseline, beside)


def _send_many(scene: Scene, sizes: Sizes) -> Sent:
    folder = scene.place / "ct"
    write_ct_folder(folder, sizes.instances)
    size = (folder / "000000.dcm").stat().st_size
    sent = _send(scene, f"{sizes.instances} CT", folder, size * sizes.instances, size)
    require_stored(sent.told, sizes.instances)
    return sent


def _send_large(scene: Scene, sizes: Sizes) -> Sent:
    video = scene.place / "video.dcm"
    write_sparse_video(video, sizes.large, study=2)
    sent = _send(scene, f"one of {sizes.large / GB:.2g} GB", video, sizes.large, 0)
    require_stored(sent.told, 1)
    return sent


def _send(scene: Scene, name: str, path: Path, size: int, instance: int) -> Sent:
    """Send by session between two plain uploads of the same."""
    before = scene.upload_plainly([path])
    floor = scene.floor(size, instance)
    told = scene.run([path])
    return Sent(name, told, (before, scene.upload_plainly([path])), floor)


def require_stored(told: Told, count: int) -> None:
    """Refuse to report on a session that did not store everything."""
    if (told.status, told.stored, told.listed) != (200, count, count):
        raise RuntimeError(f"not stored: status {told.status}, {told.stored} of {count}")


def _rate(sent: Sent) -> Row:
    ours, plain = sent.rates
    calls = sent.told.calls["sender"]
    note = f"open to accepted; {calls['s3.UploadPart']} parts, API {_api(sent):.2f} s CPU"
    return Row(f"session upload, {sent.name}", ours, "MB/s", plain, "plain multipart upload",
               ">= 0.8", note)  # fmt: skip


def _api(sent: Sent) -> float:
    return sent.told.usage["API"].cpu


def _cpu(sent: Sent, aim: str, beside: str) -> Row:
    ours, floor = sent.per_gb(sent.told.usage["ingest"].cpu), sent.per_gb(sent.floor)
    calls = sent.told.calls["ingest"]
    note = f"{sum(calls.values())} calls: " + ", ".join(
        f"{count} {name.partition('.')[2]}" for name, count in calls.most_common(4)
    )
    return Row(f"ingest CPU per GB, {sent.name}", ours, "s", floor, beside, aim, note)


def _end_to_end(sent: Sent) -> Row:
    """Say how long all of it took; what a reader judges by is in the note."""
    seconds, calls = sent.told.seconds, sent.told.calls["validation"]
    note = ", ".join(f"{name} {one:.1f} s" for name, one in seconds.items())
    reads = calls["s3.GetObject"] / sent.told.stored
    note += f"; validated by {reads:.2g} reads an instance"
    wall = sum(seconds.values())
    return Row(f"end to end, {sent.name}", wall, "s", note=note)


def _memory(inputs: Sequence[Sent]) -> Iterator[Row]:
    for name in inputs[0].told.usage:
        peaks = [sent.told.usage[name].peak / 1e6 for sent in inputs]
        beside = "plain upload" if name == "sender" else ""
        plain = max(one["peak"] for sent in inputs for one in sent.plain) / 1e6
        note = ", ".join(
            f"{sent.name} {peak:.0f} MB" for sent, peak in zip(inputs, peaks, strict=True)
        )
        baseline = plain if beside else None
        yield Row(f"memory of {name}, over base", max(peaks), "MB", baseline, beside,
                  AIMS.get(name, ""), note)  # fmt: skip
