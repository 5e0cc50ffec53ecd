"""What every connector must do: a class of tests to inherit.

A subclass names its connector, its settings and how its system signs. Examples are
JSON files under examples/<system>/, named <kind>__<event>.json:

    webhook__  request → events, or the error
    read__     keys and fields, the calls that are made → records, or the error
    send__     updates, the calls that are made → results, or the error
    fields__   the calls that are made → some fields

`source` says where an example's shapes come from, `calls` lists each call with what
it must carry and what it is answered; `login.json` holds the calls that come first.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest
import requests
import requests_mock as mocking
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import errors
from app.connectors import CONNECTORS, connector_for
from app.connectors.base import Connector, NotOffered
from app.connectors.guide import Route, Variables
from app.domain import CrmField, Record, RecordResult, Update, WebhookRequest

EXAMPLES = Path(__file__).parent / "examples"
KINDS = ("webhook", "read", "send", "fields")
SECRET, NEXT_SECRET = "first-secret-0123456789", "second-secret-9876543210"
OPTIONAL = (
    "changed_since", "setup", "rehearse", "type_of", "create_fields",
    "request_campaign", "examine",
)  # fmt: skip


def example(system: str, name: str) -> dict[str, Any]:
    found = json.loads((EXAMPLES / system / f"{name}.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def example_names(system: str, kind: str) -> list[str]:
    folder = EXAMPLES / system
    return sorted(path.stem for path in folder.glob(f"{kind}__*.json"))


def request(body: bytes, headers: Mapping[str, str] | None = None) -> WebhookRequest:
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return WebhookRequest("POST", "/webhooks/x", "", lower, body)


def shown(error: BaseException) -> str:
    """All that a log line or an error report could take from an error."""
    notes = getattr(error, "__notes__", [])
    parts = [str(error), repr(error), repr(error.args), repr(vars(error)), *notes]
    if error.__cause__ is not None:
        parts.append(shown(error.__cause__))
    if error.__context__ is not None and not error.__suppress_context__:
        parts.append(shown(error.__context__))
    return "\n".join(parts)


def bodies() -> st.SearchStrategy[bytes]:
    """Bytes, texts, and what looks like the beginnings of JSON or of a form."""
    signs = st.text('{}[]":,=&\\ \nab1{{}}%+@', max_size=80)
    texts = st.text(max_size=80) | signs | signs.map('{{"a": {}'.format)
    return st.binary(max_size=80) | texts.map(lambda t: t.encode("utf-8", "replace"))


class ConnectorContract:
    connector_class: ClassVar[type[Connector]]
    #: As the schema loads them; the webhook secret is SECRET.
    raw_settings: ClassVar[dict[str, Any]]
    #: The setting that webhooks are authenticated by.
    secret_setting: ClassVar[str] = "WEBHOOK_SECRET"
    #: The settings that nobody may see.
    secret_keys: ClassVar[tuple[str, ...]]
    url: ClassVar[str]
    object: ClassVar[str]
    by: ClassVar[str]
    #: Two keys that exist, in the system's own form.
    keys: ClassVar[tuple[str, str]]
    field: ClassVar[str]
    #: What this connector does not offer.
    not_offered: ClassVar[tuple[str, ...]] = OPTIONAL
    #: Examples that must be there, whatever the system.
    required: ClassVar[tuple[str, ...]] = (
        "webhook__created",
        "webhook__unreadable",
        "read__order_is_kept",
        "read__missing_keys",
        "send__order_is_kept",
        "send__one_bad_record",
        "send__missing_record",
        "send__credentials_refused",
        "send__rate_limited",
        "fields__described",
    )

    @staticmethod
    def sign(body: bytes, secret: str) -> dict[str, str]:
        """The headers that the system would send; never the connector's own code."""
        raise NotImplementedError

    # The tools of the tests below.

    @classmethod
    def connector(cls, **changed: Any) -> Connector:
        schema = cls.connector_class.settings()
        given = {**cls.raw_settings, **changed}
        loaded = schema.load({k: v for k, v in given.items() if v is not None})
        return cls.connector_class(
            cls.connector_class.name, loaded, now=lambda: 0.0, sleep=lambda _: None
        )

    @classmethod
    def pytest_generate_tests(cls, metafunc: Any) -> None:
        for kind in KINDS:
            if f"{kind}_example" in metafunc.fixturenames:
                names = example_names(cls.connector_class.name, kind)
                metafunc.parametrize(f"{kind}_example", names)

    @classmethod
    def load(cls, name: str) -> dict[str, Any]:
        return example(cls.connector_class.name, name)

    @classmethod
    def mount(
        cls, mock: Any, calls: list[dict[str, Any]], *, login: bool = True
    ) -> None:
        """Answer each call of an example in turn; any other call fails the test."""
        known = cls.load("login")["calls"] if login else []
        by_call: dict[tuple[str, str], list[dict[str, Any]]] = {}
        mounted = {(c["method"], c["path"]) for c in calls}
        for call in [*calls, *known]:
            key = (call["method"], call["path"])
            if call in known and key in mounted:
                continue
            by_call.setdefault(key, []).append(_answer(call["answer"]))
        for (method, path), answers in by_call.items():
            mock.register_uri(method, cls.url + path, answers)

    @classmethod
    def check_calls(cls, mock: Any, calls: list[dict[str, Any]]) -> None:
        login = {(c["method"], c["path"]) for c in cls.load("login")["calls"]}
        listed = {(c["method"], c["path"]) for c in calls}
        made = [
            one
            for one in mock.request_history
            if (one.method, one._request.path_url.split("?")[0]) not in login - listed
        ]
        assert len(made) == len(calls)
        for one, call in zip(made, calls, strict=True):
            if "json" in call:
                assert one.json() == call["json"]
            if "form" in call:
                assert dict(parse_qsl(one.text)) == call["form"]
            if "query" in call:
                assert dict(parse_qsl(one.query)) == {
                    k.lower(): v.lower() for k, v in call["query"].items()
                }

    @classmethod
    def route(cls) -> Route:
        """What a mapping file wants that reads and writes one field."""
        name = cls.connector_class.name
        url = f"https://leads.example.com/webhooks/{name}"
        read = (cls.by, cls.field)
        return Route(
            name, "m", cls.object, url, ("created",), read, writes=(cls.field,)
        )

    @classmethod
    def variables(cls) -> Variables:
        """The settings as they stand in the environment."""
        return Variables("CRM_", cls.raw_settings)

    @classmethod
    def updates(cls, count: int = 2) -> list[Update]:
        return [
            Update(cls.object, cls.by, key, {cls.field: "x"})
            for key in (cls.keys * count)[:count]
        ]

    @classmethod
    def outbound(cls) -> list[Callable[[Connector], Any]]:
        """A read and a write, for what holds of both."""
        return [
            lambda c: c.read(cls.object, cls.by, cls.keys, [cls.field]),
            lambda c: c.send(cls.updates()),
        ]

    # What it is.

    def test_is_listed_under_its_name(self) -> None:
        name = self.connector_class.name
        assert CONNECTORS[name] is self.connector_class
        assert connector_for(f"{name}-eu-2") is self.connector_class
        assert self.connector_class.main_object == self.object

    def test_has_the_examples_that_every_system_needs(self) -> None:
        have = {
            n for kind in KINDS for n in example_names(self.connector_class.name, kind)
        }
        assert set(self.required) <= have

    def test_every_example_says_where_it_comes_from(self) -> None:
        for path in (EXAMPLES / self.connector_class.name).glob("*.json"):
            source = json.loads(path.read_text("utf-8"))["source"]
            assert source.startswith(("document", "capture", "derived")), path.name

    def test_batches_and_times_are_positive(self) -> None:
        kind = self.connector_class
        numbers = (kind.read_batch, kind.write_batch, kind.write_timeout_s)
        assert all(number > 0 for number in (*numbers, kind.call_limit.calls))

    def test_what_is_not_offered_says_so(self) -> None:
        connector = self.connector()
        arguments: dict[str, tuple[Any, ...]] = {
            "changed_since": (None, datetime.now(UTC), {}, ()),
            "setup": ([self.route()], self.variables()),
            "rehearse": (self.route(), "created", {}, self.variables(), "mark"),
            "type_of": (CrmField(self.field, "string"),),
            "create_fields": (self.object, []),
            "request_campaign": ("1", []),
            "examine": (self.object,),
        }
        for name in self.not_offered:
            with pytest.raises(NotOffered):
                getattr(connector, name)(*arguments[name])

    def test_the_set_up_names_our_address_and_no_secret(self) -> None:
        if "setup" in self.not_offered:
            return
        guide = self.connector_class.setup([self.route()], self.variables())
        said = json.dumps(asdict(guide))
        assert self.route().url in said
        for key in self.secret_keys:
            assert str(self.raw_settings[key]) not in said

    def test_a_rehearsed_webhook_is_taken_and_shows_no_secret(self) -> None:
        if "rehearse" in self.not_offered:
            return
        made = self.connector_class.rehearse(
            self.route(), "created", {self.by: self.keys[0]}, self.variables(), "mark"
        )
        assert made
        for one in made:
            assert SECRET not in repr(one)
            shown_headers = {
                h: v for h, v in one.headers.items() if h not in one.private
            }
            assert SECRET not in str(shown_headers) + one.body.decode()
            # Where the address is signed, it is that of the route.
            asked = replace(request(one.body, one.headers), url=self.route().url)
            self.connector().verify(asked)
            (event,) = self.connector().parse(asked)
            assert (event.record_id, event.event) == (self.keys[0], "created")

    def test_settings_are_described_and_secrets_are_marked(self) -> None:
        parts = self.connector_class.settings().fields
        assert all(part.metadata.get("description") for part in parts.values())
        marked = {name for name, part in parts.items() if part.metadata.get("secret")}
        assert marked == set(self.secret_keys)

    def test_settings_name_everything_that_is_missing_at_once(self) -> None:
        problems = self.connector_class.settings().validate({})
        required = {
            name
            for name, part in self.connector_class.settings().fields.items()
            if part.required
        }
        assert required <= set(problems)

    def test_plain_http_to_another_machine_is_refused(self) -> None:
        plain = {**self.raw_settings, "URL": "http://crm.example"}
        assert "URL" in self.connector_class.settings().validate(plain)
        plain["ALLOW_HTTP"] = "true"
        assert not self.connector_class.settings().validate(plain)

    # In: who may send.

    def test_the_right_secret_is_accepted(self) -> None:
        self.connector().verify(request(b"{}", self.sign(b"{}", SECRET)))

    def test_both_secrets_of_a_rotation_are_accepted(self) -> None:
        connector = self.connector(**{self.secret_setting: f"{SECRET}, {NEXT_SECRET}"})
        for secret in (SECRET, NEXT_SECRET):
            connector.verify(request(b"{}", self.sign(b"{}", secret)))

    @pytest.mark.parametrize(
        "secret", ["", " ", SECRET[:-1], SECRET + "x", SECRET.upper(), "é", "\ud800"]
    )
    def test_an_altered_secret_is_refused(self, secret: str) -> None:
        with pytest.raises(errors.SignatureInvalid) as caught:
            self.connector().verify(request(b"{}", self.sign(b"{}", secret)))
        assert SECRET not in shown(caught.value)

    def test_an_unsigned_webhook_is_refused(self) -> None:
        with pytest.raises(errors.SignatureInvalid):
            self.connector().verify(request(b"{}"))

    def test_no_secret_at_all_must_be_said_and_accepts_unsigned(self) -> None:
        schema = self.connector_class.settings()
        assert schema.validate({**self.raw_settings, self.secret_setting: ""})
        open_to_all = {self.secret_setting: None, "WEBHOOK_AUTH": "none"}
        connector = self.connector(**open_to_all)
        assert connector.accepts_unsigned
        connector.verify(request(b"{}"))

    def test_an_empty_secret_matches_nothing(self) -> None:
        connector = self.connector_class(
            "x", {**self.raw_settings, self.secret_setting: ""}
        )
        for headers in ({}, self.sign(b"{}", "")):
            with pytest.raises(errors.SignatureInvalid):
                connector.verify(request(b"{}", headers))

    def test_secrets_are_compared_in_constant_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compared = []
        original = hmac.compare_digest
        connector = self.connector(**{self.secret_setting: f"{SECRET},{NEXT_SECRET}"})

        def counted(left: Any, right: Any) -> bool:
            compared.append(right)
            return original(left, right)

        monkeypatch.setattr(hmac, "compare_digest", counted)
        connector.verify(request(b"{}", self.sign(b"{}", SECRET)))
        # Both, although the first one fits.
        assert len(compared) == 2

    # In: what was sent.

    def test_webhook_examples(self, webhook_example: str) -> None:
        given = self.load(webhook_example)
        asked = request(given["request"]["body"].encode(), given["request"]["headers"])
        expected = given["expect"]
        if "error" in expected:
            with pytest.raises(getattr(errors, expected["error"])) as caught:
                self.connector().parse(asked)
            assert expected["message"] in str(caught.value)
            self.holds_no_person(given, caught.value)
            return
        events = self.connector().parse(asked)
        assert len(events) == len(expected["events"])
        for event, wanted in zip(events, expected["events"], strict=True):
            for name, value in wanted.items():
                assert getattr(event, name) == value, name

    @settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(body=bodies())
    def test_no_body_raises_anything_but_payload_invalid(self, body: bytes) -> None:
        try:
            events = self.connector().parse(request(body))
        except errors.PayloadInvalid:
            return
        assert events

    def test_the_reply_is_a_2xx_and_never_empty(self) -> None:
        for counts in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)):
            reply = self.connector().reply(*counts)
            assert 200 <= reply.status < 300
            assert reply.body.strip()
            assert "/" in reply.content_type

    def test_a_refused_sender_learns_nothing(self) -> None:
        error = errors.SignatureInvalid("the secret of marketo-eu is wrong")
        reply = self.connector().refused(error)
        assert reply.status == 401
        assert b"marketo-eu" not in reply.body
        assert reply.body.strip()

    # Out.

    def test_read_examples(self, requests_mock: Any, read_example: str) -> None:
        given = self.load(read_example)
        self.mount(requests_mock, given["calls"])

        def run() -> list[Record]:
            return self.connector().read(**given["read"])

        records = self.expected(given, run)
        if records is not None:
            wanted = [Record(**one) for one in given["expect"]["records"]]
            assert records == wanted
        self.check_calls(requests_mock, given["calls"])

    def test_send_examples(self, requests_mock: Any, send_example: str) -> None:
        given = self.load(send_example)
        self.mount(requests_mock, given["calls"])
        updates = [Update(**one) for one in given["updates"]]

        def run() -> list[RecordResult]:
            return self.connector().send(updates)

        results = self.expected(given, run)
        if results is not None:
            wanted = given["expect"]["results"]
            assert [r.record_id for r in results] == [u.record_id for u in updates]
            assert len(results) == len(wanted)
            for result, want in zip(results, wanted, strict=True):
                self.check_result(given, result, want)
        self.check_calls(requests_mock, given["calls"])

    def check_result(
        self, given: dict[str, Any], result: RecordResult, want: dict[str, Any]
    ) -> None:
        if not want.get("error"):
            assert result.error is None
            return
        assert type(result.error) is getattr(errors, want["error"])
        for name in ("code", "field"):
            if name in want:
                assert getattr(result.error, name) == want[name]
        assert result.error is not None
        self.holds_no_person(given, result.error)

    def expected(self, given: dict[str, Any], run: Callable[[], Any]) -> Any:
        """The outcome; None if it was the error that the example expects."""
        expected = given["expect"]
        if "error" not in expected:
            return run()
        kind = getattr(errors, expected["error"])
        with pytest.raises(kind) as caught:
            run()
        error = caught.value
        assert type(error) is kind
        assert error.system == self.connector_class.name
        for name in ("code", "status", "retry_after"):
            if name in expected:
                assert getattr(error, name) == expected[name], name
        self.holds_no_secret(error)
        self.holds_no_person(given, error)
        return None

    def test_fields_examples(self, requests_mock: Any, fields_example: str) -> None:
        given = self.load(fields_example)
        self.mount(requests_mock, given["calls"])
        found = {field.name: field for field in self.connector().fields(self.object)}
        for name, wanted in given["expect"]["fields"].items():
            for key, value in wanted.items():
                have = getattr(found[name], key)
                shown = list(have) if isinstance(have, tuple) else have
                assert shown == value, f"{name}.{key}"

    def test_nothing_to_do_makes_no_call(self, requests_mock: Any) -> None:
        assert self.connector().send([]) == []
        assert self.connector().read(self.object, self.by, [], [self.field]) == []
        assert not requests_mock.called

    @pytest.mark.parametrize(
        "failure",
        [
            requests.exceptions.ConnectTimeout("https://x/?email=jane@acme.example"),
            requests.exceptions.ReadTimeout("client_secret=abc"),
            requests.exceptions.ConnectionError("reset"),
            requests.exceptions.SSLError("certificate"),
        ],
    )
    def test_no_answer_is_unreachable(
        self, requests_mock: Any, failure: Exception
    ) -> None:
        for run in self.outbound():
            self.everywhere(requests_mock, exc=failure)
            with pytest.raises(errors.Unreachable) as caught:
                run(self.connector())
            assert "jane@" not in shown(caught.value)
            self.holds_no_secret(caught.value)

    def test_a_page_with_200_is_unexpected(self, requests_mock: Any) -> None:
        for run in self.outbound():
            self.everywhere(requests_mock, text="<html>Down for maintenance</html>")
            with pytest.raises(errors.AnswerUnexpected):
                run(self.connector())

    @pytest.mark.parametrize("body", ["[]", "null", "{}", '"x"', "{", "[" * 9999])
    def test_json_of_another_shape_is_unexpected(
        self, requests_mock: Any, body: str
    ) -> None:
        for run in self.outbound():
            self.everywhere(requests_mock, text=body)
            with pytest.raises(errors.AnswerUnexpected):
                run(self.connector())

    def test_an_endless_answer_is_not_read(self, requests_mock: Any) -> None:
        for run in self.outbound():
            self.everywhere(requests_mock, content=b" " * 6_000_000)
            with pytest.raises(errors.AnswerTooLarge):
                run(self.connector())

    def test_a_redirect_is_not_followed(self, requests_mock: Any) -> None:
        for run in self.outbound():
            elsewhere = {"Location": "https://elsewhere.example/"}
            self.everywhere(requests_mock, status_code=302, headers=elsewhere)
            with pytest.raises(errors.AnswerUnexpected):
                run(self.connector())
            asked = {one.hostname for one in requests_mock.request_history}
            assert "elsewhere.example" not in asked

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (429, errors.RateLimited),
            (500, errors.RemoteFault),
            (502, errors.RemoteFault),
            (503, errors.RemoteFault),
        ],
    )
    def test_a_bare_status_is_an_error_of_its_class(
        self, requests_mock: Any, status: int, kind: type[errors.RemoteError]
    ) -> None:
        for run in self.outbound():
            self.everywhere(
                requests_mock,
                status_code=status,
                text="<html>jane@acme.example</html>",
                headers={"Retry-After": "7"},
            )
            with pytest.raises(kind) as caught:
                run(self.connector())
            assert caught.value.status == status
            assert caught.value.retry_after == 7.0
            assert "jane@" not in shown(caught.value)

    def test_nothing_shows_a_secret(self) -> None:
        connector = self.connector()
        parts = [repr(connector), str(connector), *map(repr, vars(connector).values())]
        parts.remove(repr(connector._settings))
        for key in self.secret_keys:
            assert not any(str(self.raw_settings[key]) in part for part in parts)

    def everywhere(self, mock: Any, **answer: Any) -> None:
        """Every call but those of the login is answered so."""
        mock.reset()
        mock.register_uri("GET", mocking.ANY, **answer)
        mock.register_uri("POST", mocking.ANY, **answer)
        mock.register_uri("PATCH", mocking.ANY, **answer)
        self.mount(mock, [])

    def holds_no_secret(self, error: BaseException) -> None:
        for key in self.secret_keys:
            assert str(self.raw_settings[key]) not in shown(error)
        for call in self.load("login")["calls"]:
            token = call["answer"].get("json", {}).get("access_token", "")
            assert not token or token not in shown(error)

    def holds_no_person(self, given: dict[str, Any], error: BaseException) -> None:
        for word in given.get("private", ["jane", "acme.example"]):
            assert word not in shown(error)


def _answer(answer: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"status_code": answer.get("status", 200)}
    for key in ("json", "text", "headers"):
        if key in answer:
            made[key] = answer[key]
    return made
