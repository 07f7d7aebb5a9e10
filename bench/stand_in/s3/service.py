"""Which operation a request means, and whether it may be carried out."""

from collections.abc import Callable, Mapping

from bench.stand_in.contents import OWN_FILE, Nowhere, Store
from bench.stand_in.s3.documents import Call
from bench.stand_in.s3.objects import Objects
from bench.stand_in.s3.presigned import check_presigned
from bench.stand_in.s3.receiving import Receiving
from bench.stand_in.s3.uploads import Uploads
from bench.stand_in.values import AwsError, Request, Response, Sink

# By method, by what must be in the query, and by whether the target is a key.
_OPERATIONS = (
    ("POST", "uploads", True, "CreateMultipartUpload"),
    ("POST", "uploadId", True, "CompleteMultipartUpload"),
    ("PUT", "uploadId", True, "UploadPart"),
    ("GET", "uploadId", True, "ListParts"),
    ("DELETE", "uploadId", True, "AbortMultipartUpload"),
    ("PUT", "", True, "PutObject"),
    ("GET", "", True, "GetObject"),
    ("HEAD", "", True, "HeadObject"),
    ("DELETE", "", True, "DeleteObject"),
    ("POST", "delete", False, "DeleteObjects"),
    ("GET", "uploads", False, "ListMultipartUploads"),
    ("GET", "list-type", False, "ListObjectsV2"),
    ("PUT", "", False, "CreateBucket"),
    ("HEAD", "", False, "HeadBucket"),
)
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}


class S3:
    """All of it.

    Parameters
    ----------
    store : Store
        Where bodies are kept.
    secret : str
        What presigned URLs must have been signed with.
    clock : callable
        Returns seconds since 1970.
    """

    def __init__(self, store: Store, secret: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._secret = secret
        self._clock = clock
        self.objects = Objects(is_readable=not isinstance(store, Nowhere))
        self.uploads = Uploads(self.objects)
        objects, uploads = self.objects, self.uploads
        self._operations: dict[str, Callable[[Call], Response]] = {
            "AbortMultipartUpload": uploads.abort,
            "CompleteMultipartUpload": uploads.complete,
            "CreateBucket": lambda call: Response(200),
            "CreateMultipartUpload": uploads.create,
            "DeleteObject": objects.delete,
            "DeleteObjects": objects.delete_many,
            "GetObject": objects.get,
            "HeadBucket": lambda call: Response(200),
            "HeadObject": objects.get,
            "ListMultipartUploads": uploads.list,
            "ListObjectsV2": objects.list,
            "ListParts": uploads.list_parts,
            "PutObject": lambda call: objects.put(call, self._received(call.request)),
            "UploadPart": lambda call: uploads.part(call, self._received(call.request)),
            "UploadPartCopy": uploads.copy,
        }

    def operation(self, request: Request) -> str:
        """Return the name of the operation that the method, query and headers mean."""
        call = Call.of(request)
        for method, parameter, is_key, name in _OPERATIONS:
            if method != request.method or is_key != bool(call.key):
                continue
            if not parameter or parameter in call.query:
                return _COPIES.get(name, name) if "x-amz-copy-source" in request.headers else name
        return request.method.title()

    def sink(self, request: Request, length: int) -> Sink | None:
        """Return what takes a large body, None for a small one."""
        if request.method != "PUT" or length < OWN_FILE:
            return None
        return Receiving(self._store, request.headers, length)

    def _received(self, request: Request) -> Receiving:
        _check_framing(request.headers)
        if isinstance(request.sink, Receiving):
            return request.sink
        received = Receiving(self._store, request.headers, len(request.body))
        received.write(request.body)
        return received

    def call(self, operation: str, request: Request) -> Response:
        """Carry the operation out.

        Raises
        ------
        AwsError
            S3 would have refused it, or the stand-in does not know it.
        """
        call = Call.of(request)
        check_presigned(request, call.query, self._secret, self._clock())
        if operation not in self._operations:
            raise AwsError(501, "NotImplemented", f"The stand-in has no {operation}.")
        self.objects.bucket(call.bucket)
        return self._operations[operation](call)

    def forget_upload(self, request: Request) -> None:
        """Lose the upload of a CompleteMultipartUpload that met another: a 409 ends it in S3."""
        self.uploads.open.pop(Call.of(request).query.get("uploadId", ""), None)


def _check_framing(headers: Mapping[str, str]) -> None:
    """Refuse a body whose length is not told beforehand, but for the SDK's own framing."""
    if "aws-chunked" in headers.get("content-encoding", ""):
        return
    if "transfer-encoding" in headers:
        message = "A header you provided implies functionality that is not implemented"
        raise AwsError(501, "NotImplemented", message)
    if "content-length" not in headers:
        raise AwsError(411, "MissingContentLength", "You must provide the Content-Length header.")
