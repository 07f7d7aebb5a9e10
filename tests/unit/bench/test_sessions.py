"""The bench's sessions are real ones: what it measures was sent, stored and judged."""

import os
from collections.abc import Iterator

import pytest

from bench.rows_sessions import cost_rows, require_stored
from bench.session_inputs import write_ct_folder, write_sparse_video
from bench.sessions.processes import Process
from bench.sessions.scene import Scene, Told

COPIED = 70_000_000
"""Bytes of an instance that is not held."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Scene(tmp_path_factory.mktemp("scene")) as scene:
        yield scene


def test_a_study_goes_through_every_process(scene: Scene) -> None:
    write_ct_folder(scene.place / "ct", 20)
    told = scene.run([scene.place / "ct"])
    require_stored(told, 20)
    assert told.calls["ingest"]["s3.PutObject"] >= 20
    assert told.calls["validation"]["dynamodb.PutItem"] == 20
    assert told.calls["index"]["dynamodb.Query"]
    assert set(told.usage) >= {"API", "sender", "ingest", "validation", "index", "stand-in"}
    assert sum(one.cpu for one in told.usage.values()) > 0


def test_a_large_instance_is_copied_and_validated_by_ranges(scene: Scene) -> None:
    write_sparse_video(scene.place / "video.dcm", COPIED, study=2)
    told = scene.run([scene.place / "video.dcm"])
    require_stored(told, 1)
    assert told.calls["ingest"]["s3.UploadPartCopy"] == 1
    assert told.usage["validation"].peak < COPIED / 4
    assert told.calls["validation"]["dynamodb.PutItem"] == 1


def test_a_floor_takes_in_what_was_uploaded_plainly(scene: Scene) -> None:
    write_ct_folder(scene.place / "plain", 2)
    size = (scene.place / "plain" / "000000.dcm").stat().st_size
    assert scene.upload_plainly([scene.place / "plain"])["bytes"] == 2 * size
    assert scene.floor(2 * size, size) >= 0
    assert len(scene.stand_in.held()["objects"]["floor"]) == 2


@pytest.mark.parametrize("told", [Told(1, 202, 2, 2), Told(1, 200, 1, 2), Told(1, 200, 2, 1)])
def test_nothing_is_reported_of_a_session_that_did_not_store_all(told: Told) -> None:
    with pytest.raises(RuntimeError, match="not stored"):
        require_stored(told, 2)


def test_a_process_that_ends_is_no_answer() -> None:
    with (
        Process(os.environ, "bench.sessions.no_such_module") as process,
        pytest.raises(RuntimeError, match="no_such_module ended"),
    ):
        process.hear()


def test_both_doors_have_a_price() -> None:
    small, *sessions = cost_rows()
    assert small.ratio is None
    assert all(one.ratio is not None and one.ratio < 1.1 for one in sessions)
