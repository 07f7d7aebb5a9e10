"""Credentials come from references, fresh after a 401, and stand in no text."""

from typing import Any

import pytest

from chalicelib.forwarding.model import DeliveryState
from tests.unit.forwarding.building import World, configured, make_document
from tests.unit.useragent.fakes import Sent, answer, stores_all

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stowage/forward/there"


def world_with(auth: dict[str, Any], **secrets: str) -> World:
    world = World(configuration=configured(make_document({"auth": auth})))
    world.secrets = {ARN: "hunter2"} | secrets
    return world


@pytest.mark.parametrize(
    ("auth", "field", "value"),
    [
        ({"bearer": {"token": ARN}}, "Authorization", "Bearer hunter2"),
        ({"headers": {"X-Api-Key": ARN}}, "X-Api-Key", "hunter2"),
        ({"basic": {"user": "u", "password": ARN}}, "Authorization", "Basic dTpodW50ZXIy"),
    ],
)
def test_secrets_are_read_by_reference(auth: dict[str, Any], field: str, value: str) -> None:
    world = world_with(auth)
    [key] = world.store(1)
    world.forward([key])

    assert world.transport.posts[0].headers.get(field) == value
    assert world.state(key) is DeliveryState.DELIVERED
    assert "hunter2" not in str(world.telemetry.lines)
    assert "hunter2" not in str(world.deliveries.deliveries)


@pytest.mark.parametrize(
    "auth",
    [
        {"bearer": {"token": ARN}},
        {"headers": {"Authorization": ARN}},
        {"basic": {"user": "u", "password": ARN}},
    ],
)
def test_a_secret_that_was_changed_is_read_anew_after_a_401(auth: dict[str, Any]) -> None:
    world = world_with(auth)

    def change(sent: Sent) -> Any:
        world.secrets[ARN] = "hunter3"
        return answer(401, b"", "text/plain")

    world.answering(change, stores_all)
    [key] = world.store(1)
    world.forward([key])

    first, second = [post.headers.get("Authorization") for post in world.transport.posts]
    assert first != second
    assert world.state(key) is DeliveryState.DELIVERED


def test_client_credentials_fetch_a_token() -> None:
    auth = {"token_url": "https://id.example/token", "client_id": "c", "secret": ARN}
    world = world_with({"client_credentials": auth})
    world.answering(answer(200, {"access_token": "t", "expires_in": 60}), stores_all)
    [key] = world.store(1)
    world.forward([key])

    token, store = world.transport.posts
    assert token.url == "https://id.example/token"
    assert token.headers.get("Stowage-Via") is None
    assert store.headers.get("Authorization") == "Bearer t"


def test_a_secret_that_is_not_there_holds_the_instances() -> None:
    world = world_with({"bearer": {"token": ARN}})
    world.secrets.clear()
    [key] = world.store(1)

    assert world.forward([key]) == frozenset()
    assert world.state(key) is DeliveryState.HELD
    assert world.transport.sent == []
    assert [seconds for _, seconds in world.postponed] == [30]


@pytest.mark.parametrize("form", ["dicom", "json", "xml"])
def test_instances_leave_in_the_form_that_is_asked_for(form: str) -> None:
    world = World(configuration=configured(make_document({"representation": {"form": form}})))
    [key] = world.store(1)
    world.answering(answer(200, b"{}"))
    world.forward([key])

    kind = {"dicom": "application/dicom", "json": "dicom+json", "xml": "dicom+xml"}[form]
    assert f'{kind}"' in str(world.transport.posts[0].headers.get("Content-Type"))
