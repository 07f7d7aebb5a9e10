"""What ``stowage send`` puts on the wire (PS3.2 Tables N.5-78, N.5-79), and stores as it came."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydicom
import pytest

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.standard.capabilities import WADL
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance, Encoding
from chalicelib.useragent.headers import read_identity
from infra.conformance.sop_classes import storage_sop_classes
from infra.conformance.user_agent import SENT_FIELDS
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, make_file, uid_of
from tests.end_to_end.test_every_transfer_syntax import make_instance
from tests.end_to_end.test_stowage_send import ROOT, command, stored_in
from tests.end_to_end.wire import Step, Wire, lists, wired
from tests.unit.useragent.fakes import answer

STUDY = uid_of("on the wire")
ONE = Uids.of("on the wire", study=STUDY)
CLASSES = [row.uid for row in storage_sop_classes()]
SYNTAXES = [
    uid for uid, row in TRANSFER_SYNTAXES.items() if row.acceptance is not Acceptance.REFUSED
]
REWRITTEN = (Encoding.IMPLICIT_LITTLE, Encoding.EXPLICIT_BIG)
SECRET = "s3cret-of-the-test"


def run(
    folder: Path, url: str, *options: str, environ: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], str]:
    """Run the command; return its report and all that it wrote."""
    words = command(folder, url, "--json", "-", *options)
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    written = done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else {}, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "one").write_bytes(make_file(ONE).encode())
    return folder


def send(
    folder: Path, *options: str, script: tuple[Step, ...] = (), **given: Any
) -> tuple[Wire, str]:
    """Send the folder to a server that stores; return what came there."""
    with wired(*(script or (lists(ONE.instance),))) as wire:
        report, written = run(folder, wire.url, "--no-capabilities", *options, **given)
    assert (report["exit_code"], report["stored"]) == (0, 1), written
    return wire, written


FIELDS = {row.claim: row for row in SENT_FIELDS}
PLAIN, NAMED, UNQUOTED, JSON, XML = (claim for claim in FIELDS if claim.startswith("ua-request:"))


def content_type_of(claim: str) -> str:
    return claim.removeprefix("ua-request:").replace("{UID}", "1.2.840.10008.1.2.1")


def without_boundary(content_type: str) -> str:
    text, count = re.subn(r"; boundary=[^;]+", "", content_type)
    assert count == 1
    return text


def shape(options: str, *names: str, absent: str = "") -> Any:
    claims = [name if name in FIELDS else f"ua-header:{name}" for name in names]
    return pytest.param(options, claims, absent, marks=pytest.mark.proves(*claims), id=options)


@pytest.mark.parametrize(
    ("options", "claims", "absent"),
    [
        shape(
            "",
            PLAIN,
            "accept",
            "accept-encoding",
            "user-agent",
            "content-length",
            absent="Transfer-Encoding",
        ),
        shape("--transfer-syntax", NAMED),
        shape("--as json", JSON),
        shape("--as xml", XML),
        shape("--gzip", PLAIN, "content-encoding", "content-length"),
        shape("--chunked", PLAIN, "transfer-encoding", absent="Content-Length"),
        shape(
            "--gzip --chunked",
            PLAIN,
            "content-encoding",
            "transfer-encoding",
            absent="Content-Length",
        ),
        shape("--expect-continue", PLAIN, "expect"),
    ],
)
def test_a_request_has_the_fields_that_the_statement_names(
    folder: Path, options: str, claims: tuple[str, ...], absent: str
) -> None:
    wire, _ = send(folder, *options.split())

    [sent] = wire.posts
    for claim in claims:
        row = FIELDS[claim]
        value = sent.headers.get(row.name) or ""
        if row.name == "Content-Type":
            assert without_boundary(value) == content_type_of(claim)
        elif row.name == "User-Agent":
            assert re.fullmatch(r"stowage(/\d+(\.\d+)*)?", value)
        else:
            assert value.isdigit() if row.value == "{uint}" else value == row.value
    assert not absent or sent.headers.get(absent) is None


def test_xml_is_preferred_where_it_is_asked_for(folder: Path) -> None:
    wire, _ = send(folder, "--accept", "xml")

    accept = wire.posts[0].headers.get("Accept")
    assert accept == "application/dicom+xml, application/dicom+json;q=0.9, */*;q=0.1"


@pytest.mark.proves(UNQUOTED)
def test_the_type_is_unquoted_once_when_a_server_cannot_read_it(folder: Path) -> None:
    wire, _ = send(folder, "--unquoted-fallback", script=(400, lists(ONE.instance)))

    types = [without_boundary(one.headers.get("Content-Type") or "") for one in wire.posts]
    assert types == [content_type_of(PLAIN), content_type_of(UNQUOTED)]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        pytest.param((), "", marks=pytest.mark.proves("ua-resource:studies")),
        pytest.param(
            ("--study", STUDY), f"/{STUDY}", marks=pytest.mark.proves("ua-resource:study")
        ),
    ],
)
def test_both_resources_are_stored_to(folder: Path, options: tuple[str, ...], path: str) -> None:
    wire, _ = send(folder, *options)
    assert [one.url for one in wire.posts] == [f"/dicom-web/studies{path}"]


@pytest.mark.proves(f"ua-capabilities:{WADL}", "ua-policy:limits")
def test_limits_of_the_capabilities_are_kept_to(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    all_uids = [Uids.of("limits", number, study=STUDY) for number in range(3)]
    for one in all_uids:
        (folder / one.instance).write_bytes(make_file(one).encode())
    document = (
        b'<application xmlns="http://wadl.dev.java.net/2009/02">'
        b'<doc title="Limit max_parts">1</doc></application>'
    )
    stores = lists(*(one.instance for one in all_uids))
    with wired(answer(200, document, WADL), stores) as wire:
        report, _ = run(folder, wire.url, "--connections", "1")

    assert report["stored"] == 3
    assert (wire.sent[0].method, wire.sent[0].headers.get("Accept")) == ("OPTIONS", WADL)
    assert [len(one.parts) for one in wire.posts] == [1, 1, 1]


# ---------------------------------------------------------------- who sends


def way(name: str, options: str, environ: Mapping[str, str], field: str, starts: str) -> Any:
    marks = pytest.mark.proves(f"ua-auth:{name}", "ua-policy:secrets")
    return pytest.param(options.split(), environ, field, starts, marks=marks, id=name)


@pytest.mark.parametrize(
    ("options", "environ", "field", "starts"),
    [
        way("basic", "--user me", {"STOWAGE_PASSWORD": SECRET}, "Authorization", "Basic "),
        way("bearer", "--bearer", {"STOWAGE_TOKEN": SECRET}, "Authorization", f"Bearer {SECRET}"),
        way("header", "--header X-Api-Key:env:KEY", {"KEY": SECRET}, "X-Api-Key", SECRET),
        way(
            "sigv4",
            "--aws-region eu-west-1",
            {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET},
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
        ),
    ],
)
def test_credentials_come_from_the_environment_and_are_never_shown(
    folder: Path, options: list[str], environ: Mapping[str, str], field: str, starts: str
) -> None:
    wire, written = send(folder, *options, environ=environ)

    assert (wire.posts[0].headers.get(field) or "").startswith(starts)
    kept = b"".join(path.read_bytes() for path in folder.parent.glob("journal*"))
    assert SECRET not in written
    assert SECRET.encode() not in kept


@pytest.mark.proves("ua-auth:oauth2")
def test_a_token_is_fetched_with_client_credentials(folder: Path) -> None:
    token = answer(200, {"access_token": "t0ken", "expires_in": 60}, "application/json")
    with wired(token) as issuer:
        options = ("--oauth2-token-url", f"{issuer.url}/token", "--oauth2-client-id", "me")
        wire, _ = send(folder, *options, environ={"STOWAGE_CLIENT_SECRET": SECRET})

    assert b"grant_type=client_credentials" in issuer.sent[0].body
    assert wire.posts[0].headers.get("Authorization") == "Bearer t0ken"


@pytest.mark.proves("ua-policy:clear-text")
def test_credentials_do_not_travel_in_clear_text(folder: Path) -> None:
    url = "http://pacs.invalid/dicom-web"
    report, written = run(folder, url, "--bearer", environ={"STOWAGE_TOKEN": SECRET})

    assert report == {}
    assert "--allow-clear-text" in written


# ---------------------------------------------------------------- what is sent


@pytest.mark.proves(*(f"ua-sop-class:{uid}" for uid in CLASSES))
def test_an_instance_of_every_storage_class_is_sent(
    local_stack: LocalStack, partition: str, tmp_path: Path
) -> None:
    files = {
        f"1.2.{number}": make_file(Uids(f"1.2.{number}", "1.3", "1.4", uid)).encode()
        for number, uid in enumerate(CLASSES)
    }
    assert stored_from(local_stack, partition, tmp_path, files) == files


@pytest.mark.proves(*(f"ua-instance:{uid}" for uid in SYNTAXES), "ua-policy:untouched")
def test_an_instance_in_every_transfer_syntax_is_sent(
    local_stack: LocalStack, partition: str, tmp_path: Path
) -> None:
    files = {
        f"1.2.{number}": make_instance(uid, Uids(f"1.2.{number}", "1.3", "1.4", CLASSES[0]))
        for number, uid in enumerate(SYNTAXES)
    }

    stored = stored_from(local_stack, partition, tmp_path, files)

    for (name, file), uid in zip(files.items(), SYNTAXES, strict=True):
        if TRANSFER_SYNTAXES[uid].encoding in REWRITTEN:
            syntax = read_identity(MemorySource(stored[name])).transfer_syntax
            assert syntax == pydicom.uid.ExplicitVRLittleEndian
        else:
            assert stored[name] == file


def stored_from(
    stack: LocalStack, partition: str, tmp_path: Path, files: Mapping[str, bytes]
) -> Mapping[str, bytes]:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    report, written = run(folder, f"{stack.url}/partitions/{partition}")
    assert (report["exit_code"], report["stored"]) == (0, len(files)), written
    return stored_in(stack, partition)
