"""Settings come from the environment, and a wrong one says which."""

import pytest

from chalicelib.settings import (
    ALGORITHMS,
    ForwardSettings,
    Settings,
    SettingsError,
    TokenSettings,
    load,
    load_audit_log,
    load_forward_settings,
    load_token_settings,
)

NEEDED = {"BUCKET": "b", "TABLE": "t", "EVENT_BUS": "e", "BASE_URI": "https://h"}


def test_what_is_not_set_has_a_default() -> None:
    assert load(NEEDED) == Settings("b", "t", "e", "https://h")


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_is_named_when_missing(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({**NEEDED, name: " "})


@pytest.mark.parametrize(
    ("text", "value"), [("on", True), ("1", True), ("TRUE", True), ("off", False), ("", False)]
)
def test_switches(text: str, value: bool) -> None:
    assert load({**NEEDED, "STRICT": text}).strict is value
    assert load({**NEEDED, "EXPLAIN": text}).explain is value


@pytest.mark.parametrize(
    ("name", "text"),
    [("STRICT", "perhaps"), ("MAX_PARTS", "-1"), ("MAX_PARTS", "0"), ("MAX_ELEMENTS", "ten")],
)
def test_nonsense_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({**NEEDED, name: text})


@pytest.mark.parametrize(
    "name",
    [
        "MAX_PARTS",
        "MAX_PART_HEADER_BYTES",
        "MAX_PART_HEADER_FIELDS",
        "MAX_INFLATED_BYTES",
        "MAX_NESTING_DEPTH",
        "MAX_ELEMENTS",
        "CONCURRENCY",
    ],
)
def test_every_limit_can_be_set(name: str) -> None:
    assert load({**NEEDED, name: "7"}) != load(NEEDED)


# ---------------------------------------------------------------- of single functions

TOKENS = {
    "JWT_ISSUER": "https://issuer.example/",
    "JWT_AUDIENCE": "stowage",
    "JWT_JWKS_URL": "https://issuer.example/keys",
}


def test_whose_tokens_let_in_must_be_said() -> None:
    assert load_token_settings(TOKENS) == TokenSettings(*TOKENS.values())
    for name in TOKENS:
        with pytest.raises(SettingsError, match=name):
            load_token_settings({**TOKENS, name: ""})


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "ES256K", "RS1", "rs256"])
def test_an_algorithm_that_a_reader_of_tokens_could_sign_with_is_refused(algorithm: str) -> None:
    with pytest.raises(SettingsError, match="JWT_ALGORITHMS"):
        load_token_settings({**TOKENS, "JWT_ALGORITHMS": f"RS256,{algorithm}"})


def test_every_other_algorithm_can_be_allowed() -> None:
    given = {**TOKENS, "JWT_ALGORITHMS": ", ".join(sorted(ALGORITHMS))}

    assert load_token_settings(given).algorithms == ALGORITHMS


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/keys",
        "file:///etc/passwd",
        "https://user@issuer.example/keys",
        "https://issuer.example",
        "http://127.0.0.1.evil.example/keys",
        "http://localhost.evil.example/keys",
    ],
)
def test_keys_come_over_https_or_from_this_machine(url: str) -> None:
    with pytest.raises(SettingsError, match="JWT_JWKS_URL"):
        load_token_settings({**TOKENS, "JWT_JWKS_URL": url})
    assert load_token_settings({**TOKENS, "JWT_JWKS_URL": "http://127.0.0.1:80/k"})


def test_the_audit_log_must_be_named() -> None:
    assert load_audit_log({"AUDIT_LOG": "/stowage/audit"}) == "/stowage/audit"
    with pytest.raises(SettingsError, match="AUDIT_LOG"):
        load_audit_log({})


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, ForwardSettings()),
        ({"FORWARD_RULES": " "}, ForwardSettings()),
        ({"FORWARD_RULES": "s3://bucket/a/b.yaml"}, ForwardSettings("s3://bucket/a/b.yaml")),
        (
            {"FORWARD_RULES": "rules.yaml", "FORWARD_LOCAL": "on"},
            ForwardSettings("rules.yaml", True),
        ),
    ],
)
def test_where_forwarding_rules_are(env: dict[str, str], expected: ForwardSettings) -> None:
    assert load_forward_settings(env) == expected


@pytest.mark.parametrize("rules", ["s3://bucket", "s3:///key", "s3:bucket/key"])
def test_rules_are_nowhere_else(rules: str) -> None:
    with pytest.raises(SettingsError, match="FORWARD_RULES"):
        load_forward_settings({"FORWARD_RULES": rules})
