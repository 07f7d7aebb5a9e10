"""The statement's tables of what is supported: a row of the standard that a test proves.

What must not be here: codes and limits, which are facts of the code alone (``codes``).
"""

from collections.abc import Iterator, Sequence

from chalicelib.dicomweb.capabilities import response_text
from chalicelib.standard.bulkdata_media_types import (
    BULKDATA_MEDIA_TYPES,
    DOCUMENT_TYPES,
    BulkdataMediaType,
    Treatment,
)
from chalicelib.standard.capabilities import (
    CAPABILITIES_TYPES,
    HEADER_FIELDS,
    QUERY_PARAMETERS,
    STORE_RESOURCES,
)
from chalicelib.standard.codestream_syntaxes import VIDEO
from chalicelib.standard.media_types import ALIASES, REQUEST_TYPES, RESPONSE_TYPES
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance
from chalicelib.useragent.model import Instance
from chalicelib.useragent.payloads import DicomEncoder, Piece
from chalicelib.useragent.sources import MemorySource
from infra.conformance.created import Created
from infra.conformance.markdown import code, table
from infra.conformance.proof import Proof
from infra.conformance.sop_classes import storage_sop_classes
from infra.conformance.user_agent import UserAgent

FORMS = ("json", "xml")
_FORM_NAMES = {"json": "JSON", "xml": "XML"}
_NOT_YET = "None is supported."

POLICIES = {
    "any-storage-class": "An instance of any composite Storage SOP Class is stored, of a private "
    "one too: the origin server asks no list (PS3.4 B.4.1.2).",
    "no-other-class": "An instance of a class that is no composite storage (DICOMDIR, normalised "
    "and non-patient classes) is refused: 0122H.",
    "unknown-syntax": "An unknown or private transfer syntax is refused: C122H.",
    "many-studies": "One request to Studies may touch any number of studies. Location and "
    "Content-Location are then absent: each holds one URL.",
    "location": "When one study was touched, Location and Content-Location are its URL, built "
    "from BASE_URI.",
    "study-mismatch": "An instance of another study than the target resource's is refused: A901H. "
    "Its neighbours are stored.",
    "bad-part-alone": "A part that cannot be read fails alone. It is an item of Other Failures "
    "Sequence (0008,119A) when it names no instance.",
    "truncated-payload": "Of a payload without its closing delimiter nothing is stored: 400.",
    "406-stores-nothing": "Accept is negotiated before anything is stored.",
    "resend": "An instance that is stored already, in the same bytes or wrapped anew (other "
    "preamble, File Meta Information, length encoding, implicit VR), succeeds. The stored object "
    "stays as it is.",
    "duplicate": "Another instance with a stored SOP Instance UID is refused: 0111H. The stored "
    "one stays as it is; the explanation names the tags that differ, never their values.",
    "partitions": "Partitions are services of their own. They never see each other's UIDs.",
    "asynchronous": "Conformance to the IOD is checked after the response. What is found is in "
    "the instance's verdict and changes neither the response nor the instance.",
    "preamble-zeros": "A preamble of zeros is stored.",
    "preamble-tiff": "A preamble that starts a TIFF or BigTIFF file is stored.",
    "preamble-other": "Any other preamble is stored, with a finding.",
    "preamble-executable": "A preamble that starts an executable (MZ, ELF, Mach-O, `#!`) is "
    "refused: C007H.",
}
"""Decisions that the statement tells, by the name that follows ``policy:`` in a claim."""


class Tables:
    """The tables, of one proof."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof
        self._user_agent = UserAgent(proof)
        self._created = Created(proof)

    def policies(self, *names: str) -> str:
        """Return the decisions as a list."""
        told = [POLICIES[name] for name in names if self._proof.shows(f"policy:{name}")]
        return "\n".join(f"- {sentence}" for sentence in told) or f"*{_NOT_YET}*"

    def sop_classes(self) -> str:
        """Table N.1-1, without the columns of services that the product does not have."""
        rows = (
            (
                row.name + (f" ({row.status})" if row.status else ""),
                code(row.uid),
                _yes(self._created.is_created(row.uid)),
                _yes(self._proof.shows(f"ua-sop-class:{row.uid}")),
                "Y",
            )
            for row in storage_sop_classes()
            if self._proof.shows(f"sop-class:{row.uid}")
        )
        return table(("SOP Class", "UID", "Created", "UA", "OS"), rows, none=_NOT_YET)

    def transfer_syntaxes(self) -> str:
        """The syntaxes of application/dicom (PS3.18 Table 8.7.3-2)."""
        kept = {
            Acceptance.ACCEPTED: "stored unchanged",
            Acceptance.TOLERATED: "stored unchanged, with a finding; in strict mode C122H",
        }
        rows = (
            (row.name, code(uid), self._sent(uid), kept[row.acceptance], row.source)
            for uid, row in TRANSFER_SYNTAXES.items()
            if row.acceptance in kept and self._proof.shows(f"instance:{uid}")
        )
        header = ("Transfer Syntax", "UID", "User agent", "Origin server", "Source")
        return table(header, rows, none=_NOT_YET)

    def refused_syntaxes(self) -> str:
        """The registered syntaxes that answer C122H."""
        rows = (
            (row.name, code(uid), row.source)
            for uid, row in TRANSFER_SYNTAXES.items()
            if row.acceptance is Acceptance.REFUSED and self._proof.shows(f"refused:{uid}")
        )
        return table(("Transfer Syntax", "UID", "Why"), rows)

    def studies_service(self) -> str:
        """Table N.1-9."""
        capable = any(self._proof.shows(_capabilities(t.media_type)) for t in CAPABILITIES_TYPES)
        rows = [
            ("Retrieve", "All", "N", "N"),
            *(
                (
                    "Store",
                    resource,
                    _yes(self._user_agent.stores(resource)),
                    _yes(self._stores(resource)),
                )
                for resource in (row.name for row in STORE_RESOURCES)
            ),
            ("Search", "Instances of a Series", _yes(self._user_agent.searches()), "N"),
            ("Search", "All others", "N", "N"),
            (
                "Retrieve Capabilities",
                "Studies, Study",
                _yes(self._user_agent.asks_capabilities()),
                _yes(capable),
            ),
            ("Retrieve Capabilities", "Service", "N", _yes(capable)),
        ]
        return table(("Transaction", "Resource", "User Agent", "Origin Server"), rows)

    def resources(self) -> str:
        """Table N.5-80."""
        path = ""
        rows = []
        for row in STORE_RESOURCES:
            path = f"{path}/{row.path}"
            if self._stores(row.name):
                rows.append((row.name, code(path), row.transaction, row.meaning))
        return table(("Resource", "Path", "Method POST", "Comments"), rows, none=_NOT_YET)

    def header_fields(self) -> str:
        """Table N.5-81."""
        return table(
            ("Header Field", "Supported Values", "Comments"),
            (*self._content_types(), *self._accepts(), *self._other_headers()),
            none=_NOT_YET,
        )

    def query_parameters(self) -> str:
        """The query parameters (PS3.18 Table 10.1.2-1); there are no others."""
        rows = (
            (code(row.name), row.meaning, row.source)
            for row in QUERY_PARAMETERS
            if self._proof.shows(f"query:{row.name}")
        )
        return table(("Parameter", "Meaning", "Source"), rows, none=_NOT_YET)

    def capabilities_types(self) -> str:
        """The media types of Retrieve Capabilities."""
        rows = (
            (code(row.media_type), row.source, "answers a wildcard" if number == 0 else "")
            for number, row in enumerate(CAPABILITIES_TYPES)
            if self._proof.shows(_capabilities(row.media_type))
        )
        return table(("Media Type", "Source", "Comments"), rows, none=_NOT_YET)

    def compressed_bulkdata(self) -> str:
        """Table N.5-70."""
        rows = (
            (
                "Video" if uid in VIDEO else "Image",
                code(row.display),
                code(uid),
                TRANSFER_SYNTAXES[uid].name,
                sent,
                forms,
            )
            for row in BULKDATA_MEDIA_TYPES
            if row.treatment is Treatment.UNCHANGED
            for uid, sent, forms in self._syntaxes(row)
        )
        header = ("Category", "Media Type", "UID", "Transfer Syntax", "User Agent", "Origin Server")
        return table(header, rows, none=_NOT_YET)

    def other_bulkdata(self) -> str:
        """Bulkdata that is no compressed stream kept as it is: values, documents, GIF and PNG."""
        rows: list[Sequence[object]] = [
            (code(row.display), row.treatment.value, sent, forms, row.source)
            for row in BULKDATA_MEDIA_TYPES
            if row.treatment is not Treatment.UNCHANGED
            for _, sent, forms in self._syntaxes(row)
        ]
        for document in DOCUMENT_TYPES:
            claim = f"document:{document.media_type}"
            if forms := self._forms(claim):
                treatment, sent = Treatment.DOCUMENT.value, self._sent_forms(claim)
                rows.append((code(document.media_type), treatment, sent, forms, document.source))
        if forms := self._forms("metadata"):
            stored = "stored as an instance without"
            sent = self._sent_forms("metadata")
            rows.append(("no bulkdata", stored, sent, forms, "PS3.18 10.5.1.4"))
        header = ("Media Type", "What becomes of it", "User Agent", "Origin Server", "Source")
        return table(header, rows, none=_NOT_YET)

    def evidence(self) -> str:
        """The claims by the test function that proves them, and how many each proves."""
        tests: dict[str, list[str]] = {}
        for claim, test in self._proof.pairs():
            tests.setdefault(test.partition("[")[0], []).append(claim)
        rows = (
            (code(test.partition("::")[2]), code(test.partition("::")[0]), _summary(set(claims)))
            for test, claims in sorted(tests.items())
        )
        return table(("Test", "File", "Proves"), rows, none="Nothing is proven.")

    def _stores(self, resource: str) -> bool:
        return self._proof.shows(f"resource:{resource.lower()}")

    def _content_types(self) -> Iterator[Sequence[object]]:
        for row in REQUEST_TYPES:
            if self._proof.shows(f"request:{row.text}"):
                yield "Content-Type", code(row.text), f"{row.family.value}; {row.source}"

    def _accepts(self) -> Iterator[Sequence[object]]:
        for row in RESPONSE_TYPES:
            text = response_text(row)
            if self._proof.shows(f"response:{text}"):
                names = [
                    code(alias.name) for alias in ALIASES if alias.media_type == row.media_type
                ]
                aliases = f"; also named {', '.join(names)}" if names and not row.multipart else ""
                yield "Accept", code(text), row.source + aliases

    def _other_headers(self) -> Iterator[Sequence[object]]:
        for row in HEADER_FIELDS:
            shown = self._proof.shows(f"header:{row.name.lower()}")
            if shown and row.name not in ("Content-Type", "Accept"):
                yield row.name, row.meaning, row.source

    def _syntaxes(self, row: BulkdataMediaType) -> Iterator[tuple[str, str, str]]:
        """Yield syntaxes with the forms of metadata that are sent, and those that are read."""
        for uid in row.transfer_syntaxes:
            claim = f"bulkdata:{row.name}:{uid}"
            if forms := self._forms(claim):
                names_it = TRANSFER_SYNTAXES[uid].media_type.lower() == row.name
                yield uid, self._sent_forms(claim) if names_it else "N", forms

    def _sent(self, uid: str) -> str:
        """Return how the user agent sends a file in a transfer syntax."""
        if not self._proof.shows(f"ua-instance:{uid}"):
            return "N"
        instance = Instance("", "", "", "", uid, MemorySource("", b""))
        is_rewritten = DicomEncoder().is_rewritten(Piece(instance))
        return "as Explicit VR Little Endian" if is_rewritten else "unchanged"

    def _sent_forms(self, claim: str) -> str:
        return self._forms(f"ua-{claim}") or "N"

    def _forms(self, claim: str) -> str:
        return ", ".join(
            _FORM_NAMES[form] for form in FORMS if self._proof.shows(f"{claim}:{form}")
        )


def _yes(shown: bool) -> str:
    return "Y" if shown else "N"


def _capabilities(media_type: str) -> str:
    return f"capabilities:{media_type}"


def _summary(claims: set[str]) -> str:
    kinds: dict[str, list[str]] = {}
    for claim in sorted(claims):
        kind, _, value = claim.partition(":")
        kinds.setdefault(kind, []).append(value)
    return ", ".join(
        code(f"{kind}:{values[0]}") if len(values) == 1 else f"{len(values)} × {code(kind)}"
        for kind, values in kinds.items()
    )
