"""The options of ``stowage send``, in the groups that its help shows."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from chalicelib.useragent.doors import Door

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FLAGS: tuple[tuple[str, str, str], ...] = (
    ("--patient-id", "PatientID", "Patient ID of instances made from pictures and documents."),
    ("--issuer", "IssuerOfPatientID", "Issuer of that Patient ID."),
    ("--patient-name", "PatientName", "Patient's Name, as Family^Given."),
    ("--birth-date", "PatientBirthDate", "Patient's Birth Date, as YYYYMMDD."),
    ("--sex", "PatientSex", "Patient's Sex: M, F or O."),
    ("--study-uid", "StudyInstanceUID", "Study that made instances belong to; else --study."),
    ("--accession", "AccessionNumber", "Accession Number of that study."),
    ("--title", "DocumentTitle", "Document Title of a PDF."),
)
_READABLE = click.Path(exists=True, dir_okay=False)

_OPTIONS: tuple[Callable[[_Command], _Command], ...] = (
    click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True)),
    click.option("--to", "url", required=True, metavar="URL", envvar="STOWAGE_URL",
                 help="The DICOMweb service, with or without /studies. [env: STOWAGE_URL]"),
    click.option("--study", metavar="UID", help="Store to this study; others are refused."),
    click.option("--dry-run", is_flag=True, help="Show the plan; send nothing."),
    click.option("--as", "form", type=click.Choice(["dicom", "json", "xml"]), default="dicom",
                 show_default=True, help="DICOM files, or metadata with bulkdata."),
    click.option("--raw", is_flag=True, help="Send Implicit VR and Big Endian files as they are."),
    click.option("--transfer-syntax", is_flag=True, help="Name transfer syntaxes in media types."),
    click.option("--gzip", is_flag=True, help="Send with Content-Encoding: gzip."),
    click.option("--chunked", is_flag=True, help="Send chunked, without Content-Length."),
    click.option("--accept", type=click.Choice(["json", "xml"]), default="json",
                 help="What the server is to answer in, if it can."),
    click.option("--unquoted-fallback", is_flag=True,
                 help="On 400 or 415 try once with the media type's parameter unquoted."),
    click.option("--expect-continue", is_flag=True, help="Ask for leave before each body."),
    click.option("--journal", metavar="FILE", type=click.Path(dir_okay=False),
                 help="Keep the journal there; by default one for each URL and set of paths."),
    click.option("--again", is_flag=True, help="Send also what the journal says is stored."),
    click.option("--json", "json_file", metavar="FILE",
                 type=click.Path(dir_okay=False, allow_dash=True),
                 help="Write a report of every instance; - for standard output."),
    click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something fails."),
    click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True,
                 help="Requests under way at once; fewer when the server asks."),
    click.option("--batch-bytes", metavar="SIZE", show_default="4M, growing to 16M while requests "
                 "are quick",
                 help="Bytes of a request; one instance that is larger travels alone."),
    click.option("--batch-parts", type=click.IntRange(1, 10_000), default=100, show_default=True,
                 help="Instances of a request."),
    click.option("--door", type=click.Choice([one.value for one in Door]), default=Door.AUTO.value,
                 show_default=True, help="Requests, store sessions where the server offers them, "
                 "or whichever is the cheaper."),
    click.option("--attempts", type=click.IntRange(1, 100), default=6, show_default=True,
                 help="Attempts to send a batch while the fault can pass."),
    click.option("--timeout", type=click.FloatRange(1, 3600), default=120.0, show_default=True,
                 help="Seconds without a byte until a connection counts as broken."),
    click.option("--capabilities/--no-capabilities", default=True,
                 help="Ask the server for its limits first (OPTIONS)."),
    click.option("--verify/--no-verify", default=True,
                 help="Search for what no answer lists (QIDO-RS)."),
    click.option("--user", metavar="NAME", help="Basic authentication; STOWAGE_PASSWORD holds the "
                 "password, or --password-file."),
    click.option("--password-file", type=_READABLE),
    click.option("--bearer", is_flag=True, help="Bearer token from STOWAGE_TOKEN."),
    click.option("--bearer-file", type=_READABLE, help="Bearer token from a file, read again "
                 "when the server no longer takes it."),
    click.option("--oauth2-token-url", "token_url", metavar="URL",
                 help="OAuth 2.0 client credentials; STOWAGE_CLIENT_SECRET holds the secret, or "
                 "--oauth2-secret-file."),
    click.option("--oauth2-client-id", "client_id", metavar="ID"),
    click.option("--oauth2-secret-file", "client_secret_file", type=_READABLE),
    click.option("--oauth2-scope", "scope", default="", metavar="SCOPE"),
    click.option("--aws-region", metavar="REGION", help="Sign requests (AWS SigV4) with the "
                 "credentials of the environment or profile."),
    click.option("--aws-service", default="execute-api", show_default=True),
    click.option("--aws-profile", metavar="NAME"),
    click.option("--header", "headers", multiple=True, metavar="FIELD",
                 help="Another header field: 'Name: value', 'Name: env:VARIABLE' or "
                 "'Name: file:PATH'."),
    click.option("--client-cert", type=_READABLE, help="Certificate of this client (mutual TLS)."),
    click.option("--client-key", type=_READABLE,
                 help="Its key; STOWAGE_KEY_PASSWORD holds the password if it has one."),
    click.option("--ca", type=_READABLE, help="Authorities to trust instead of the system's."),
    click.option("--proxy", metavar="URL", envvar="STOWAGE_PROXY",
                 help="An HTTP proxy; its credentials, if any, in the URL in STOWAGE_PROXY."),
    click.option("--allow-clear-text", is_flag=True,
                 help="Send credentials over http, to other machines too."),
    *(click.option(flag, help=text) for flag, _, text in _FLAGS),
    click.option("--set", "assignments", multiple=True, metavar="KEYWORD=VALUE",
                 help="Another attribute of made instances."),
    click.option("--template", type=_READABLE, metavar="FILE",
                 help="A DICOM file of the same patient and study as the made instances."),
    click.option("--metadata", type=_READABLE, metavar="FILE",
                 help="JSON or YAML with attributes of made instances by keyword."),
    click.option("--new-study", is_flag=True,
                 help="Make a study from Patient ID, issuer and Accession Number."),
    click.option("--secondary-capture", is_flag=True,
                 help="Photographs become Secondary Capture instead of VL Photographic."),
    click.option("--to-baseline", is_flag=True,
                 help="Turn progressive JPEG into baseline, without loss."),
    click.option("--ignore-orientation", is_flag=True,
                 help="Take pictures as they lie, whatever they declare."),
)  # fmt: skip


def send_options(command: _Command) -> _Command:
    """Give a command all options, in order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def acquire_options(given: Mapping[str, Any]) -> Any:
    """Return the options of making instances; called only where that can be done."""
    from chalicelib.useragent.acquire import AcquireOptions, PhotoClass

    values = {
        keyword: given[flag.removeprefix("--").replace("-", "_")]
        for flag, keyword, _ in _FLAGS
        if given[flag.removeprefix("--").replace("-", "_")] is not None
    }
    for assignment in given["assignments"]:
        keyword, equals, value = assignment.partition("=")
        if not equals:
            raise click.UsageError("--set is written as KEYWORD=VALUE.")
        values[keyword.strip()] = value
    if given["study"] and not (given["template"] or given["metadata"] or given["new_study"]):
        values.setdefault("StudyInstanceUID", given["study"])  # the study that is stored to
    return AcquireOptions(
        values=values,
        metadata_file=Path(given["metadata"]) if given["metadata"] else None,
        template=Path(given["template"]) if given["template"] else None,
        new_study=given["new_study"],
        photo_class=(
            PhotoClass.SECONDARY_CAPTURE
            if given["secondary_capture"]
            else PhotoClass.VL_PHOTOGRAPHIC
        ),
        to_baseline=given["to_baseline"],
        ignore_orientation=given["ignore_orientation"],
    )
