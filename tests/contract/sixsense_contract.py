"""What every 6sense product must do: a class of tests to inherit.

Recorded answers are sixsense/samples/<api>.<case>.json; what they are read as is in
examples/sixsense/<product>__<case>.json: `sample` (or `answer`), and `expect` with
the result and the canonical values to find under it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import errors
from app.domain import AnswerField, LookupResult, Unreadable
from app.sixsense import PRODUCTS, product_named
from app.sixsense.client import HOSTS, SixsenseClient

FOLDER = Path(__file__).parent
SAMPLES = FOLDER / "sixsense" / "samples"
EXAMPLES = FOLDER / "examples" / "sixsense"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
EMAIL = "jane.roe@acme.example"
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


class SixsenseContract:
    product: ClassVar[str]
    #: The beginning of its samples' names.
    api: ClassVar[str]
    #: Inputs that are enough.
    inputs: ClassVar[dict[str, str]] = {"email": EMAIL, "country": "US"}

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
        mock.register_uri("POST", self.url, **answer)
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
        is_blank = recorded["case"].startswith(("blank", "absent", "error"))
        assert answered.result is (NO_MATCH if is_blank else MATCHED)
        assert answered.text == text
        assert answered.status == status
        is_paid = self.spec.info.pool is not None and not is_blank
        assert answered.credits == int(is_paid)
        if status == 200:
            assert answered.data == self.client().parse(self.product, text)

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
                    raw = {part.name: [row] if part.kind == "object_list" else row}
                    data = self.spec.canonical(raw)[part.name]
                    row = data[0] if part.kind == "object_list" else data
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
                    raw = {part.name: [row] if part.kind == "object_list" else row}
                    data = self.spec.canonical(raw)[part.name]
                    row = data[0] if part.kind == "object_list" else data
                    assert row[field.name] in (0, "B")

    def test_all_forms_of_blank_are_one(self) -> None:
        parts = [part.name for part in self.spec.info.fields]
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

    # How it calls.

    def test_the_request_is_what_6sense_documents(self, requests_mock: Any) -> None:
        requests_mock.post(self.url, text=sample(f"{self.api}.document.json"))
        given_ = {"email": f" {EMAIL}\n", "country": "", "company": "  ", "title": "VP"}
        self.client().call(self.product, given_)
        sent = requests_mock.last_request
        assert dict(parse_qsl(sent.text)) == {"email": EMAIL, "title": "VP"}
        assert sent.headers["Authorization"] == f"Token {TOKEN}"
        assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert sent.headers["Cache-Control"] == "no-cache"
        assert sent.headers["Accept"] == "application/json"
        assert "X-Forwarded-For" not in sent.headers

    @pytest.mark.parametrize(
        "email", ["", " ", "jane", "@acme.example", "jane@", "a@b@c", "a b@c", "a@b\0"]
    )
    def test_a_malformed_email_costs_no_call(
        self, requests_mock: Any, email: str
    ) -> None:
        with pytest.raises(errors.RequestRefused) as caught:
            self.client().call(self.product, {"email": email, "company": "Acme"})
        assert not requests_mock.called
        assert caught.value.code in ("input-missing", "input-malformed")
        assert email.strip() == "" or email not in str(caught.value)

    def test_an_unknown_input_is_refused(self, requests_mock: Any) -> None:
        with pytest.raises(errors.RequestRefused, match="has no input emial"):
            self.client().call(self.product, {"email": EMAIL, "emial": "x"})
        assert not requests_mock.called

    def test_it_is_found_by_its_path_too(self) -> None:
        assert product_named(self.spec.info.path_alias) is self.spec
        assert self.spec.path.endswith(self.spec.info.path_alias)

    # What statuses mean.

    def test_204_is_no_match_and_its_body_is_not_read(self, requests_mock: Any) -> None:
        answered = self.call(requests_mock, status_code=204)
        assert (answered.result, answered.text) == (NO_MATCH, "")
        assert (answered.status, answered.credits) == (204, 0)

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
