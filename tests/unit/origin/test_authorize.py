"""Claims become grants, grants become routes: those a token may use, and no other."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicomweb.resources import parse_resource
from chalicelib.entrypoints.authorizer import Unauthorized, to_policy
from chalicelib.origin.authorize import (
    EVERY_PARTITION,
    MAX_PARTITIONS,
    MAX_TOKEN_CHARACTERS,
    METHODS,
    SESSION_METHODS,
    Grant,
    GrantRules,
    Scope,
    TokenRefused,
    bearer_token,
    grant_of,
    permissions,
)

RULES = GrantRules()
ARN = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/api"
PARTITIONS = ("default", "a", "ab", "a-b")
PATHS = [
    "/",
    "/studies",
    "/studies/1.2.3",
    *(f"/partitions/{p}{rest}" for p in PARTITIONS for rest in ("", "/studies", "/studies/1.2.3")),
]
SESSIONS = ("/sessions", "/sessions/a1", "/sessions/a1/urls", "/sessions/a1/response")
SESSION_PATHS = [
    *SESSIONS,
    *(f"/partitions/{partition}{rest}" for partition in PARTITIONS for rest in SESSIONS),
]
METHODS_OF_ROUTES = [method for methods in METHODS.values() for method in methods]


def partition_of(path: str) -> str:
    """Return whose a path is, by its first segments."""
    first, *rest = path.split("/")[1:]
    return rest[0] if first == "partitions" else "default"


def claims(**changes: object) -> dict[str, object]:
    return {
        "sub": "modality-7",
        "scope": "openid stowage.write",
        "stowage_partitions": ["a"],
        **changes,
    }


# ---------------------------------------------------------------- the field


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_is_found_whatever_the_case_of_the_scheme(scheme: str) -> None:
    assert bearer_token(f"{scheme} a.b-_.c") == "a.b-_.c"


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer None",
        "Basic dXNlcjpwYXNz",
        "a.b.c",
        "Bearer a.b",
        "Bearer a.b.c.d.e",
        "Bearer a.b.c ",
        "Bearer a.b.c, Bearer d.e.f",
        "Bearer a.b.",
        "Bearer é.b.c",
        "Bearer a.b.c\n",
    ],
)
def test_anything_else_is_refused(field: str) -> None:
    with pytest.raises(TokenRefused, match="no bearer token"):
        bearer_token(field)


def test_an_oversized_token_is_refused_unread() -> None:
    with pytest.raises(TokenRefused, match="oversized"):
        bearer_token("Bearer a.b." + "c" * MAX_TOKEN_CHARACTERS)


# ---------------------------------------------------------------- claims


def test_claims_are_read() -> None:
    assert grant_of(claims(), RULES) == Grant(
        "modality-7", frozenset({Scope.WRITE}), frozenset({"a"})
    )


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"scope": "stowage.write stowage.read"}, {Scope.WRITE, Scope.READ}),
        ({"scope": "", "scp": "stowage.operate"}, {Scope.OPERATE}),
        ({"scope": "", "scp": ["stowage.read", "x"]}, {Scope.READ}),
        ({"scope": "write STOWAGE.WRITE stowage.writer stowage.*"}, set()),
        ({"scope": ""}, set()),
    ],
)
def test_scopes_are_words_and_nothing_near_them(
    changes: dict[str, object], scopes: set[Scope]
) -> None:
    assert grant_of(claims(**changes), RULES).scopes == scopes


def test_another_prefix_is_another_scope() -> None:
    rules = GrantRules(scope_prefix="https://pacs.example/")
    given = claims(scope="https://pacs.example/write stowage.read")

    assert grant_of(given, rules).scopes == {Scope.WRITE}


@pytest.mark.parametrize(
    ("value", "partitions"),
    [
        (["a", "b"], {"a", "b"}),
        ("a b", {"a", "b"}),
        ([], set()),
        ("", set()),
        (["*"], {EVERY_PARTITION}),
    ],
)
def test_partitions_are_listed_or_separated_by_spaces(value: object, partitions: set[str]) -> None:
    assert grant_of(claims(stowage_partitions=value), RULES).partitions == partitions


def test_a_token_without_the_claim_has_what_the_deployment_says_and_nothing_by_default() -> None:
    given = claims()
    del given["stowage_partitions"]

    assert grant_of(given, RULES).partitions == frozenset()
    rules = GrantRules(default_partitions=frozenset({"default"}))
    assert grant_of(given, rules).partitions == {"default"}


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 129},
        {"sub": "a\nb"},
        {"scope": 1},
        {"scope": ["stowage.write", 1]},
        {"scp": {"stowage.write": True}},
        {"stowage_partitions": ["a*"]},
        {"stowage_partitions": ["a/studies"]},
        {"stowage_partitions": ["?"]},
        {"stowage_partitions": ["**"]},
        {"stowage_partitions": [["a"]]},
        {"stowage_partitions": 1},
        {"stowage_partitions": None},
        {"stowage_partitions": [f"p{n}" for n in range(MAX_PARTITIONS + 1)]},
    ],
    ids=str,
)
def test_a_claim_without_its_form_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(TokenRefused):
        grant_of(claims(**changes), RULES)


def test_a_default_partition_that_is_a_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="default partition"):
        GrantRules(default_partitions=frozenset({"a*"}))


# ---------------------------------------------------------------- routes


def is_let_in(grant: Grant, method: str, path: str) -> bool:
    [statement] = to_policy(grant, f"{ARN}/GET/anything/else")["policyDocument"]["Statement"]
    matched = any(fnmatchcase(f"{ARN}/{method}{path}", one) for one in statement["Resource"])
    return matched and statement["Effect"] == "Allow"


@given(
    st.frozensets(st.sampled_from(Scope)),
    st.frozensets(st.sampled_from([*PARTITIONS, EVERY_PARTITION])),
    st.sampled_from(METHODS_OF_ROUTES),
    st.sampled_from(PATHS),
)
def test_a_policy_lets_in_to_every_route_of_its_grant_and_to_no_other(
    scopes: frozenset[Scope], partitions: frozenset[str], method: str, path: str
) -> None:
    is_scope = any(method in METHODS[scope] for scope in scopes)
    is_partition = not partitions.isdisjoint({EVERY_PARTITION, parse_resource(path).partition})

    assert is_let_in(Grant("s", scopes, partitions), method, path) == (is_scope and is_partition)


@given(
    st.frozensets(st.sampled_from(Scope)),
    st.frozensets(st.sampled_from([*PARTITIONS, EVERY_PARTITION])),
    st.sampled_from(METHODS_OF_ROUTES),
    st.sampled_from(SESSION_PATHS),
)
def test_writing_lets_in_to_all_of_sessions_and_other_scopes_to_their_methods_alone(
    scopes: frozenset[Scope], partitions: frozenset[str], method: str, path: str
) -> None:
    is_one = not path.endswith("/sessions")
    is_scope = any(method in METHODS[scope] for scope in scopes)
    is_asking = Scope.WRITE in scopes and is_one and method in SESSION_METHODS
    is_partition = not partitions.isdisjoint({EVERY_PARTITION, partition_of(path)})

    is_expected = (is_scope or is_asking) and is_partition
    assert is_let_in(Grant("s", scopes, partitions), method, path) == is_expected


def test_reading_alone_opens_no_session() -> None:
    grant = Grant("s", frozenset({Scope.READ}), frozenset({"default"}))

    assert not any(is_let_in(grant, "POST", path) for path in SESSION_PATHS)


def test_sessions_make_the_largest_policy_no_larger() -> None:
    """The gateway keeps it for each token: what another scope opens is not said twice."""
    partitions = frozenset(f"{n:02}" + "p" * 62 for n in range(MAX_PARTITIONS))

    everything = list(permissions(Grant("s", frozenset(Scope), partitions)))
    writing = list(permissions(Grant("s", frozenset({Scope.WRITE}), partitions)))

    assert len(set(everything)) == len(everything) == 2 * 6 * MAX_PARTITIONS
    assert len(set(writing)) == len(writing) == (2 + len(SESSION_METHODS)) * MAX_PARTITIONS
    assert all(len(f"{ARN}/{method}{path}") <= 512 for method, path in everything + writing)


@pytest.mark.parametrize(
    "path",
    [
        "/partitions/ab/studies",
        "/partitions/a%2Fstudies/studies",
        "/partitions/A/studies",
        "/partitions/b/studies/../../a/studies",
        "/partitions",
        "/partitions//studies",
        "/studies/1.2",
    ],
)
def test_a_path_near_an_allowed_one_is_not_allowed(path: str) -> None:
    grant = Grant("s", frozenset(Scope), frozenset({"a"}))

    assert not is_let_in(grant, "POST", path)


def test_who_may_do_nothing_is_denied_everything() -> None:
    grant = Grant("s", frozenset(), frozenset({"a"}))

    [statement] = to_policy(grant, f"{ARN}/POST/studies")["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Deny", [f"{ARN}/*"])


def test_the_policy_names_the_subject_and_only_this_api_and_stage() -> None:
    grant = Grant("modality-7", frozenset(Scope), frozenset({EVERY_PARTITION}))

    policy = to_policy(grant, f"{ARN}/POST/studies")
    assert policy["principalId"] == "modality-7"
    for resource in policy["policyDocument"]["Statement"][0]["Resource"]:
        assert resource.startswith(f"{ARN}/")
        assert "OPTIONS" not in resource


def test_the_gateway_knows_the_refusal_by_its_text() -> None:
    assert str(Unauthorized()) == "Unauthorized"


def test_every_permission_is_a_method_and_a_path() -> None:
    grant = Grant("s", frozenset(Scope), frozenset({"default"}))

    assert {method for method, _ in permissions(grant)} == set(METHODS_OF_ROUTES)
    assert all(path.startswith("/") for _, path in permissions(grant))
