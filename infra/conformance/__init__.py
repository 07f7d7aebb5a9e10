"""The conformance statement (PS3.2 Annex N), generated from the product's tables and its tests.

A row says "supported" only if a test proves it: a test in ``tests/end_to_end`` that sends such a
thing over HTTP to the running product and looks at what came of it; for the user agent, one that
looks at what the running product sends over HTTP and makes of the answer. The test
names the claims it proves::

    @pytest.mark.proves("instance:1.2.840.10008.1.2.4.50")

- ``make proof`` runs these tests and writes ``docs/conformance-proof.json`` (claim -> test ids)
  and ``docs/conformance-statement.md``. Nothing is written when a test fails.
- ``make test`` fails when the claims that its tests proved are not those of the file.
- ``make check`` (``python -m infra.conformance --check``) runs no test. It fails when the
  statement is not what tables and proof make of ``statement.md``, when a test that the proof names
  is gone or is not end to end, or when a proven claim is printed nowhere.
- ``python -m infra.conformance`` writes the statement alone and lists what is not claimed for
  want of proof.

Proving tests may not be skipped on any machine: they need no peer and no network.

Claims are named ``kind:value``:

=================================== ============================================================
``instance:{uid}``                  stored as application/dicom in this transfer syntax
``refused:{uid}``                   this transfer syntax answers C122H
``sop-class:{uid}``                 an instance of this SOP Class is stored
``bulkdata:{type}:{uid}:{form}``    metadata in ``json`` or ``xml`` with bulkdata of this media type
                                    (``BulkdataMediaType.name``) is stored in this syntax
``document:{type}:{form}``          the same of an encapsulated document (``DocumentType``)
``metadata:{form}``                 metadata alone, without any bulkdata, is stored
``request:{Content-Type}``          this payload is read (``RequestType.text``)
``response:{Accept}``               this form of the response is sent
``capabilities:{type}``             the capabilities are sent in this media type
``resource:{name}``                 instances are stored to ``studies`` or ``study``
``header:{name}``                   the request header field is obeyed; lower case
``query:{name}``                    the query parameter is obeyed
``policy:{name}``                   what the statement says of a decision (``tables.POLICIES``)
``ua-resource:{name}``              the user agent stores to ``studies`` or ``study``
``ua-request:{Content-Type}``       it sends this payload (``user_agent.SENT_FIELDS``)
``ua-header:{name}``                it sends the header field; lower case
``ua-status:{code}``                its behaviour on a status; ``2xx``, ``3xx``, ``other``: the rest
``ua-reason:{kind}``                its behaviour on a Failure Reason (``FailureKind``, lower case)
``ua-instance:{uid}``               it sends files in this transfer syntax
``ua-sop-class:{uid}``              it sends instances of this SOP Class
``ua-bulkdata:…``, ``ua-document:…``, ``ua-metadata:…``  as above, sent
``ua-search:instances``             it searches for an instance
``ua-capabilities:{type}``          it retrieves capabilities
``ua-auth:{name}``                  it authenticates so (``user_agent.AUTHENTICATION``)
``ua-policy:{name}``                a decision (``user_agent_policies.UA_POLICIES``)
``created:{uid}:{kind}``            an instance of this SOP Class is made of such a file, lower case
=================================== ============================================================
"""
