"""Decisions of the user agent that the statement tells, by the name after ``ua-policy:``."""

UA_POLICIES = {
    "listed": "An instance is stored only when an answer lists it in Referenced SOP Sequence "
    "(0008,1199). A success that lists nothing is a failure.",
    "untouched": "A DICOM file is sent in the bytes it has. Only Implicit VR Little Endian and "
    "Explicit VR Big Endian, which PS3.18 8.7.3 keeps out of Web services, are written as Explicit "
    "VR Little Endian; values stay as they are.",
    "raw": "With `--raw` these are sent as they are, too.",
    "unlisted": "What an answer leaves out is sent once more, alone; then a search (QIDO-RS) is "
    "asked. What neither settles is *unverified*.",
    "no-answer": "After a connection that broke the whole body is sent again, on another one.",
    "already-there": "0111H then means that the first attempt has stored it. Without such an "
    "attempt it is a failure: what the server holds may be another instance.",
    "gives-up": "When the attempts are used up and nothing was ever stored, the run ends; what was "
    "not sent is kept for the next.",
    "kill": "Before an instance leaves, a journal says so. A run that is killed at any moment goes "
    "on where it was, and every instance is stored once.",
    "limits": "Limits that the server's capabilities name are kept to.",
    "redirect": "A redirection to another origin is followed without credentials.",
    "tls-verified": "Certificate and name are verified, always; where they fail nothing is sent.",
    "clear-text": "Credentials do not travel over http to another machine unless "
    "`--allow-clear-text` is given.",
    "secrets": "Secrets come from the environment or files, and stand in no output or journal.",
    "forwarding": "An instance that a rule matches is sent on in the bytes it is stored in, once, "
    "and never back to a service that it came through.",
    "deterministic": "The same file and options make the same instance, UIDs included.",
}
