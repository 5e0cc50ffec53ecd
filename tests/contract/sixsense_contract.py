"""What every 6sense product must do: a class of tests to inherit.

Recorded answers are sixsense/samples/<api>.<case>.json; what they are read as is in
examples/sixsense/<product>__<case>.json: `sample` (or `answer`), and `expect` with
the result and the canonical values to find under it.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app import errors
from app.domain import AnswerField, LookupResult, Unreadable
from app.sixsense import PRODUCTS, product_named
from app.sixsense.client import HOSTS, SixsenseClient

FOLDER = Path(__file__).parent
SAMPLES = FOLDER / "sixsense" / "samples"
EXAMPLES = FOLDER / "examples" / "sixsense"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
EMAIL = "jane.roe@acme.example"
#: Both loaders are safe ones, and the one in C is ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENAPI_TEXT = (FOLDER / "sixsense" / "openapi.yaml").read_text("utf-8")
OPENAPI = yaml.load(_OPENAPI_TEXT, Loader=LOADER)  # noqa: S506
INDEX = json.loads((SAMPLES / "index.json").read_text("utf-8"))["files"]
MATCHED, NO_MATCH = LookupResult.MATCHED, LookupResult.NO_MATCH

STATUS_ERRORS = {
    202: errors.AnswerUnexpected,
    206: errors.AnswerUnexpected,
    302: errors.AnswerUnexpected,
    400: errors.RequestRefused,
    401: errors.CredentialsRefused,
    402: errors.QuotaSpent,
    403: errors.CredentialsRefused,
    405: errors.RequestRefused,
    422: errors.RequestRefused,
    429: errors.RateLimited,
    500: errors.RemoteFault,
    503: errors.RemoteFault,
}
#: What may stand where something else belongs.
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["", " ", "12,5", "$1,234", "101", "A", "purchase", "\ud800\0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def sample(name: str) -> str:
    return (SAMPLES / name).read_text("utf-8")


def found_at(data: Any, path: str) -> Any:
    """`company.name`, `scores.0.product`."""
    for part in path.split("."):
        data = data[int(part)] if part.isdigit() else data[part]
    return data


def leaves(fields: tuple[AnswerField, ...]) -> Iterator[AnswerField]:
    for field in fields:
        yield field
        yield from leaves(field.members)


def resolved(node: Any) -> Any:
    """A part of the OpenAPI document, its reference followed."""
    while "$ref" in node:
        found = OPENAPI
        for part in node["$ref"].lstrip("#/").split("/"):
            found = found[part]
        node = found
    return node


@functools.cache
def operation(api: str) -> tuple[str, str, Any]:
    """Method, path and the rest of an operation of the OpenAPI document."""
    return next(
        (method.upper(), path, found)
        for path, item in OPENAPI["paths"].items()
        for method, found in item.items()
        if method in ("get", "post") and found["operationId"] == api
    )


def misfits(schema: Any, value: Any) -> list[str]:
    """What of a value does not fit a schema of the OpenAPI document."""
    whole = {**schema, "components": OPENAPI["components"]}
    errors = Draft202012Validator(whole).iter_errors(value)
    return [f"{error.json_path}: {error.message[:80]}" for error in errors]


def response_schema(api: str, status: int) -> Any:
    """None: an answer of this status has no body."""
    responses = operation(api)[2]["responses"]
    found = responses.get(str(status)) or responses[f"{status // 100}XX"]
    content = resolved(found).get("content")
    return content["application/json"]["schema"] if content else None


def body_of(request: Any) -> dict[str, Any]:
    """What a request carries: a form, JSON or a query."""
    kind = request.headers.get("Content-Type", "")
    if kind == "application/json":
        found: dict[str, Any] = json.loads(request.body)
        return found
    text = request.text if kind else urlsplit(request.url).query
    return dict(parse_qsl(text or "", keep_blank_values=True))


class SixsenseContract:
    product: ClassVar[str]
    #: The beginning of its samples' names.
    api: ClassVar[str]
    #: Inputs that are enough.
    inputs: ClassVar[dict[str, Any]] = {"email": EMAIL, "country": "US"}
    #: Inputs as they may come, what goes out of them, and the headers that do.
    offered: ClassVar[dict[str, Any]] = {
        "email": f" {EMAIL}\n",
        "country": "",
        "company": "  ",
        "title": "VP & Head, R+D 100% Zürich",
    }
    sent: ClassVar[dict[str, Any]] = {
        "email": EMAIL,
        "title": "VP & Head, R+D 100% Zürich",
    }
    headers: ClassVar[dict[str, str]] = {"Cache-Control": "no-cache"}
    #: Inputs that cost no call.
    malformed: ClassVar[list[dict[str, Any]]] = [
        {"email": email, "company": "Acme"}
        for email in ("", " ", "jane", "@acme.example", "jane@", "a@b@c", "a b@c")
    ] + [{"email": "a@b\0"}, {"email": EMAIL, "company": ["Acme"]}, {}]

    @property
    def spec(self) -> Any:
        return PRODUCTS[self.product]

    @property
    def url(self) -> str:
        return HOSTS[self.spec.host] + self.spec.path

    @staticmethod
    def client() -> SixsenseClient:
        return SixsenseClient({"default": TOKEN})

    def call(self, mock: Any, **answer: Any) -> Any:
        mock.register_uri(operation(self.api)[0], self.url, **answer)
        return self.client().call(self.product, self.inputs)

    @classmethod
    def pytest_generate_tests(cls, metafunc: Any) -> None:
        if "recorded" in metafunc.fixturenames:
            mine = [one for one in INDEX if one["api"] == cls.api]
            metafunc.parametrize("recorded", mine, ids=lambda one: one["case"])
        if "example" in metafunc.fixturenames:
            paths = sorted(EXAMPLES.glob(f"{cls.product}__*.json"))
            metafunc.parametrize("example", paths, ids=lambda path: path.stem)

    # What it reads.

    def test_every_recorded_answer_has_its_outcome(
        self, requests_mock: Any, recorded: dict[str, Any]
    ) -> None:
        status, text = recorded["status"], sample(recorded["file"])
        text = "" if recorded["empty_body"] else text
        if status in STATUS_ERRORS:
            with pytest.raises(STATUS_ERRORS[status]) as caught:
                self.call(requests_mock, status_code=status, text=text)
            assert type(caught.value) is STATUS_ERRORS[status]
            assert caught.value.system == "6sense"
            assert caught.value.operation == self.product
            message = json.loads(text).get("message", "")
            assert message[:40] in str(caught.value)
            return
        answered = self.call(requests_mock, status_code=status, text=text)
        is_blank = recorded["case"].startswith(
            ("blank", "absent", "error", "no_match", "non_actionable", "empty")
        )
        assert answered.result is (NO_MATCH if is_blank else MATCHED)
        assert answered.text == text
        assert answered.status == status
        is_paid = self.spec.info.pool is not None and not is_blank
        assert answered.credits == int(is_paid)
        if status == 200:
            assert answered.data == self.client().parse(self.product, text)

    def test_every_recorded_answer_fits_the_openapi_document(
        self, recorded: dict[str, Any]
    ) -> None:
        schema = response_schema(self.api, recorded["status"])
        assert (schema is None) == recorded["empty_body"]
        if schema is not None:
            assert not misfits(schema, json.loads(sample(recorded["file"])))

    def test_examples(self, example: Path) -> None:
        given_ = json.loads(example.read_text("utf-8"))
        assert given_["source"]
        text = sample(given_["sample"]) if "sample" in given_ else None
        text = text or json.dumps(given_["answer"])
        data = self.client().parse(self.product, text)
        expected = given_["expect"]
        assert self.spec.outcome(200, data) == expected["result"]
        for path, value in expected["values"].items():
            found = found_at(data, path)
            assert found == value, path
            assert type(found) is type(value), path
        for path, raw in expected.get("unreadable", {}).items():
            assert found_at(data, path) == Unreadable(raw), path

    def test_every_spelling_is_read(self) -> None:
        for part in self.spec.info.fields:
            for field in part.members:
                if field.kind in ("object", "object_list", "list"):
                    continue
                value = {"int": 7, "flag": True}.get(field.kind, "B")
                for alias in field.aliases:
                    row = {alias: value}
                    is_list = part.kind == "object_list"
                    raw = {part.aliases[0]: [row] if is_list else row}
                    data = self.spec.canonical(raw)[part.name]
                    row = data[0] if is_list else data
                    assert row[field.name] == value, alias
                    assert "extra" not in row

    def test_the_first_spelling_that_is_not_blank_wins(self) -> None:
        for part in self.spec.info.fields:
            for field in part.members:
                if len(field.aliases) < 2 or field.kind not in ("text", "int"):
                    continue
                first, second = field.aliases[:2]
                for blank in (None, "", " ", []):
                    row = {first: blank, second: 0 if field.kind == "int" else "B"}
                    is_list = part.kind == "object_list"
                    raw = {part.aliases[0]: [row] if is_list else row}
                    data = self.spec.canonical(raw)[part.name]
                    row = data[0] if is_list else data
                    assert row[field.name] in (0, "B")

    def test_all_forms_of_blank_are_one(self) -> None:
        parts = [part.aliases[0] for part in self.spec.info.fields]
        nothing = self.spec.canonical({})
        for blank in (None, "", [], {}):
            assert self.spec.canonical(dict.fromkeys(parts, blank)) == nothing
        assert self.client().parse(self.product, "") == nothing
        assert self.spec.outcome(200, nothing) is NO_MATCH

    def test_what_no_table_has_is_kept(self) -> None:
        data = self.spec.canonical({"novelty": {"a": 1}})
        assert data["extra"] == {"novelty": {"a": 1}}

    # differing_executors: the test is one, and each product inherits it.
    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(data=st.data())
    def test_no_answer_raises_anything_but_answer_unexpected(self, data: Any) -> None:
        raw = copy.deepcopy(json.loads(sample(f"{self.api}.document.json")))
        for _ in range(data.draw(st.integers(1, 3))):
            _spoil(raw, data)
        if data.draw(st.integers(0, 20)) == 0:
            raw = data.draw(ODD)
        try:
            found = self.spec.canonical(raw)
        except errors.AnswerUnexpected:
            return
        self.spec.outcome(200, found)
        json.dumps(found, default=str).encode()
        for part in self.spec.info.fields:
            _check_kinds(part, found[part.name])

    @pytest.mark.parametrize("depth", [100, 400, 990, 100_000])
    def test_a_deep_answer_is_read_or_unexpected(
        self, requests_mock: Any, depth: int
    ) -> None:
        deep = "[" * depth + "]" * depth
        for part in self.spec.info.fields:
            inside = {field.aliases[0]: "DEEP" for field in part.members} or "DEEP"
            text = json.dumps({part.aliases[0]: inside, "novelty": "DEEP"})
            text = text.replace('"DEEP"', deep)
            try:
                self.call(requests_mock, text=text)
            except errors.AnswerUnexpected:
                continue

    def test_a_huge_answer_is_read_or_unexpected(self, requests_mock: Any) -> None:
        document = json.loads(sample(f"{self.api}.document.json"))
        document["novelty"] = "x" * 4_900_000
        assert self.call(requests_mock, json=document).result is MATCHED
        document["novelty"] = "x" * 5_000_000
        with pytest.raises(errors.AnswerUnexpected, match="more than 5,000,000"):
            self.call(requests_mock, json=document)
        for part in self.spec.info.fields:
            if part.kind == "object_list":
                document[part.aliases[0]] = [{}, *document[part.aliases[0]] * 9_000]
        del document["novelty"]
        assert self.spec.outcome(200, self.spec.canonical(document)) is MATCHED

    # How it calls.

    def test_the_request_is_what_6sense_documents(self, requests_mock: Any) -> None:
        method, path, documented = operation(self.api)
        text = sample(f"{self.api}.document.json")
        requests_mock.register_uri(method, self.url, text=text)
        self.client().call(self.product, self.offered)
        asked = requests_mock.last_request
        assert (asked.method, urlsplit(asked.url).path) == (method, path)
        servers = OPENAPI["paths"][path]["servers"]
        assert f"https://{urlsplit(asked.url).netloc}" == servers[0]["url"]
        assert asked.headers["Authorization"] == f"Token {TOKEN}"
        assert asked.headers["Accept"] == "application/json"
        body = body_of(asked)
        assert body == self.sent
        if "requestBody" in documented:
            (kind, content), *_ = resolved(documented["requestBody"])["content"].items()
            assert asked.headers["Content-Type"] == kind
            assert not misfits(content["schema"], body)
        own = {
            name: value
            for name, value in asked.headers.items()
            if name in ("Cache-Control", "X-Forwarded-For", "EpsilonCookie")
            or name == "X-6s-CustomID"
        }
        assert own == self.headers
        given = {**own, **(body if method == "GET" else {})}
        for parameter in map(resolved, documented.get("parameters", [])):
            value = given.pop(parameter["name"], None)
            assert value is not None or not parameter["required"]
            is_number = parameter["schema"]["type"] == "integer"
            if value is not None:
                assert not misfits(
                    parameter["schema"], int(value) if is_number else value
                )
        assert not given

    def test_every_input_goes_out(self, requests_mock: Any) -> None:
        requests_mock.register_uri(operation(self.api)[0], self.url, status_code=204)
        special = {
            "email": EMAIL,
            "ip": "192.0.2.7",
            "domain": "acme.example",
            "page_number": 2,
            "page_size": 5,
            **{name: [name] for name in ("titles", "country", "state", "city")},
        }
        is_search = self.product == "people-search"
        inputs = {
            name: special.get(name, name)
            if is_search or name not in ("country", "state", "city")
            else name
            for name in self.spec.info.inputs
        }
        self.client().call(self.product, inputs)
        asked = requests_mock.last_request
        sent = [*body_of(asked).values(), *asked.headers.values()]
        for value in inputs.values():
            assert value in sent or str(value) in sent

    def test_a_malformed_input_costs_no_call(self, requests_mock: Any) -> None:
        for inputs in self.malformed:
            with pytest.raises(errors.RequestRefused) as caught:
                self.client().call(self.product, inputs)
            assert not requests_mock.called
            assert caught.value.code in ("input-missing", "input-malformed"), inputs
            for value in inputs.values():
                is_told = isinstance(value, str) and value.strip() in str(caught.value)
                assert not is_told or len(value) < 2

    def test_an_unknown_input_is_refused(self, requests_mock: Any) -> None:
        with pytest.raises(errors.RequestRefused, match="has no input emial"):
            self.client().call(self.product, {**self.inputs, "emial": "x"})
        assert not requests_mock.called

    def test_it_has_its_documented_version(self) -> None:
        assert self.api.endswith(f"_{self.spec.info.version}")

    def test_it_is_found_by_its_path_too(self) -> None:
        assert product_named(self.spec.info.path_alias) is self.spec
        assert self.spec.path.endswith(self.spec.info.path_alias)

    # What statuses mean.

    def test_204_is_no_match_and_its_body_is_not_read(self, requests_mock: Any) -> None:
        answered = self.call(requests_mock, status_code=204)
        assert (answered.result, answered.text) == (NO_MATCH, "")
        assert (answered.status, answered.credits) == (204, 0)

    def test_201_is_read_as_data(self, requests_mock: Any) -> None:
        text = sample(f"{self.api}.document.json")
        answered = self.call(requests_mock, status_code=201, text=text)
        assert (answered.result, answered.status) == (MATCHED, 201)

    def test_404_in_the_error_form_is_no_match(self, requests_mock: Any) -> None:
        body = {"status": "error", "message": f"Invalid email ID {EMAIL}"}
        answered = self.call(requests_mock, status_code=404, json=body)
        assert (answered.result, answered.status) == (NO_MATCH, 404)
        assert answered.message == "Invalid email ID …"
        assert answered.credits == 0

    @pytest.mark.parametrize("text", ["<html>nginx</html>", "", "{}", "Not found"])
    def test_any_other_404_is_perhaps_not_6sense(
        self, requests_mock: Any, text: str
    ) -> None:
        with pytest.raises(errors.AnswerUnexpected, match="Is the address right"):
            self.call(requests_mock, status_code=404, text=text)

    @pytest.mark.parametrize("status", sorted(STATUS_ERRORS))
    def test_every_other_status_is_an_error(
        self, requests_mock: Any, status: int
    ) -> None:
        echo = (
            f"No: {EMAIL}, {EMAIL.replace('@', '%40')}, token {TOKEN}\r\n" + "x" * 999
        )
        with pytest.raises(STATUS_ERRORS[status]) as caught:
            self.call(requests_mock, status_code=status, text=echo)
        error = caught.value
        assert type(error) is STATUS_ERRORS[status]
        assert error.status == status
        said = "\n".join([str(error), repr(error), repr(vars(error))])
        assert "jane.roe" not in said
        assert TOKEN not in said
        assert len(str(error)) < 300
        assert "\n" not in str(error)

    def test_2xx_with_an_error_in_it_is_an_error(self, requests_mock: Any) -> None:
        body = {"status": "error", "message": "Email ID is mandatory"}
        with pytest.raises(errors.RequestRefused, match="mandatory"):
            self.call(requests_mock, json=body)

    def test_2xx_that_says_no_data_found_is_no_match(self, requests_mock: Any) -> None:
        body = {"status": "error", "message": "No data found. Please contact"}
        answered = self.call(requests_mock, json=body)
        assert answered.result is NO_MATCH
        assert answered.message == "No data found. Please contact"

    @pytest.mark.parametrize("text", ["<html>Maintenance</html>", "", "OK", "[]", "1"])
    def test_200_that_is_no_object_is_unexpected(
        self, requests_mock: Any, text: str
    ) -> None:
        with pytest.raises(errors.AnswerUnexpected):
            self.call(requests_mock, text=text)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("30", 30.0),
            ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
            ("Wed, 21 Oct 2026 07:00:00 GMT", 0.0),
            ("999999999999", 86_400.0),
            ("soon", None),
            ("", None),
        ],
    )
    def test_429_tells_how_long_to_wait(
        self, requests_mock: Any, header: str, seconds: float | None
    ) -> None:
        headers = {"Retry-After": header, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}
        with pytest.raises(errors.RateLimited) as caught:
            self.call(requests_mock, status_code=429, headers=headers, text="")
        assert caught.value.retry_after == seconds


def _spoil(raw: Any, data: Any) -> None:
    """Put something odd somewhere into an answer, or take something away."""
    place = raw
    while isinstance(place, (dict, list)) and place:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        is_leaf = not isinstance(place[key], (dict, list)) or not place[key]
        if is_leaf or data.draw(st.booleans()):
            if isinstance(place, dict) and data.draw(st.booleans()):
                del place[key]
            else:
                place[key] = data.draw(ODD)
            return
        place = place[key]


def _check_kinds(field: AnswerField, value: Any) -> None:
    """Whatever came: a value of the field's kind, blank, or Unreadable."""
    if isinstance(value, Unreadable):
        assert field.kind not in ("object", "object_list", "list")
        return
    if field.kind == "object_list":
        assert isinstance(value, list)
        for row in value:
            for member in field.members:
                _check_kinds(member, row[member.name])
    elif field.kind == "object":
        for member in field.members:
            _check_kinds(member, value[member.name])
    elif field.kind == "list":
        assert isinstance(value, list)
        assert all(isinstance(one, int | str | Unreadable) for one in value)
    else:
        kinds = {"int": int, "flag": bool}
        assert value is None or type(value) is kinds.get(field.kind, str)
        assert not field.name.endswith("_score") or value in (None, *range(101))
