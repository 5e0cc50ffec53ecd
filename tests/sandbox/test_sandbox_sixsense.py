"""6sense's answers, against its OpenAPI document and its table of cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox import people

CONTRACT = Path(__file__).parents[1] / "contract" / "sixsense"
FULL, SCORE = "/v2/people/full", "/v2/people/score"


def _sample(case: str, api: str = "lead_scoring_firmographics_v2") -> Any:
    text = (CONTRACT / "samples" / f"{api}.{case}.json").read_text(encoding="utf-8")
    return json.loads(text)


@pytest.mark.parametrize("name", ["acme", "globex", "initech", "tubes", "a-b.c"])
def test_full_answers_company_scores_and_segments(
    sixsense: Any, conforms: Any, name: str
) -> None:
    email = f"jo@{name}.example"
    body = conforms(sixsense.full(email), FULL)
    assert body == people.full_answer(email)
    document = _sample("document")
    assert list(body) == list(document)
    assert list(body["company"]) == list(document["company"])
    assert list(body["scores"][0]) == list(document["scores"][0])


def test_score_answers_scores_only(sixsense: Any, conforms: Any) -> None:
    body = conforms(sixsense.score("jo@tubes.example"), SCORE)
    assert body == {"scores": people.scores_for("jo@tubes.example")}


def test_table_names_come_by_switch(control: Any, sixsense: Any, conforms: Any) -> None:
    control.config(sixsense={"names": "table"})
    body = conforms(sixsense.full("jo@acme.example"), FULL)
    assert list(body["company"]) == list(_sample("table")["company"])
    assert body["company"]["employee_count"] == "900"


def test_inputs_are_trimmed_and_others_ignored(sixsense: Any) -> None:
    answer = sixsense.full(" jo@acme.example\r\n", title="CFO\n", unknown="x")
    assert answer.json()["company"]["titleLevel"] == "C-level"


@pytest.mark.parametrize(
    ("email", "status", "case"),
    [
        ("", 400, "error_400"),
        ("  ", 400, "error_400"),
        ("no-at-sign", 404, "error_404_invalid_email"),
        ("two@at@signs.example", 404, "error_404_invalid_email"),
        ("x@nomatch.example", 200, "blank_nulls"),
        ("x@gmail.com", 200, "blank_nulls"),
    ],
)
def test_blank_malformed_and_unmatched_emails_differ(
    sixsense: Any, conforms: Any, email: str, status: int, case: str
) -> None:
    answer = sixsense.full(email)
    assert answer.status_code == status
    assert conforms(answer, FULL) == _sample(case)


@pytest.mark.parametrize(
    ("switch", "email", "status", "case"),
    [
        ({"malformed": "blank"}, "no-at-sign", 200, "blank_nulls"),
        ({"unmatched": "404"}, "x@nomatch.example", 404, "error_404"),
        ({"blank_texts": "empty"}, "x@gmail.com", 200, "blank_empty_strings"),
    ],
)
def test_no_match_has_switches(
    control: Any, sixsense: Any, conforms: Any, switch: Any, email: str,
    status: int, case: str,
) -> None:  # fmt: skip
    control.config(sixsense=switch)
    answer = sixsense.full(email)
    assert answer.status_code == status
    assert conforms(answer, FULL) == _sample(case)


def test_no_match_can_be_an_empty_204(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"unmatched": "204"})
    answer = sixsense.full("x@nomatch.example")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers
    assert sixsense.full("x@acme.example").status_code == 200


def test_no_match_can_be_a_null_company(
    control: Any, sixsense: Any, conforms: Any
) -> None:
    control.config(sixsense={"blank_company": "null"})
    assert conforms(sixsense.full("x@gmail.com"), FULL)["company"] is None


def test_an_unmatched_email_has_no_scores(sixsense: Any, conforms: Any) -> None:
    answer = sixsense.score("x@gmail.com")
    assert conforms(answer, SCORE) == _sample("blank", "lead_scoring_v2")


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Token", "Token ", f"Bearer {'a1' * 20}", f"token {'a1' * 20}",
        f"Token  {'a1' * 20}", f"Token {'a1' * 19}", f"Token {'a1' * 19}-x",
        f"Basic {'a1' * 20}", "a1" * 20,
    ],
)  # fmt: skip
def test_only_the_token_scheme_with_a_good_token_is_let_in(
    control: Any, conforms: Any, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    data = {"email": "jo@acme.example"}
    answer = control.session.post(control.url + FULL, data=data, headers=headers)
    assert answer.status_code == 401
    assert conforms(answer, FULL) == _sample("error_401")


def test_unlisted_tokens_can_be_refused(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"accept_any_token": False, "tokens": {"short": {}}})
    assert sixsense.full("jo@acme.example").status_code == 401
    assert sixsense.full("jo@acme.example", token="short").status_code == 200


def test_a_token_without_the_api_is_403(
    control: Any, sixsense: Any, conforms: Any
) -> None:
    control.config(sixsense={"tokens": {"t": {"apis": ["lead-scoring"]}}})
    answer = sixsense.full("jo@acme.example", token="t")
    assert answer.status_code == 403
    assert conforms(answer, FULL) == _sample("error_403")
    assert sixsense.score("jo@acme.example", token="t").status_code == 200


def test_without_advanced_scores_are_empty(
    control: Any, sixsense: Any, conforms: Any
) -> None:
    control.config(sixsense={"tokens": {"t": {"scores": False}}})
    body = conforms(sixsense.full("jo@acme.example", token="t"), FULL)
    assert body["scores"] == []
    assert body["company"]["name"] == "Acme"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("off", {"ids": [], "names": [], "list": []}),
        ("ids", {"ids": [4713, 28237], "names": [],
                 "list": [{"id": 4713, "name": None}, {"id": 28237, "name": None}]}),
    ],
)  # fmt: skip
def test_segments_come_as_ids_or_not_at_all(
    control: Any, sixsense: Any, conforms: Any, form: str, expected: Any
) -> None:
    control.config(sixsense={"segments": form})
    assert conforms(sixsense.full("jo@acme.example"), FULL)["segments"] == expected


def test_the_order_of_scores_can_be_shuffled(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"shuffle_scores": True, "products": list("ABCDE")})
    orders = set()
    for _ in range(6):
        scores = sixsense.score("jo@tubes.example").json()["scores"]
        orders.add("".join(score["product"] for score in scores))
        assert {score["product"] for score in scores} == set("ABCDE")
    assert len(orders) > 1


def test_a_json_body_is_422_unless_switched(
    control: Any, conforms: Any, sixsense: Any
) -> None:
    headers = {"Authorization": f"Token {'a1' * 20}"}
    body = {"email": "jo@acme.example"}
    answer = control.session.post(control.url + FULL, json=body, headers=headers)
    assert answer.status_code == 422
    assert conforms(answer, FULL) == _sample("error_422")


def test_wrong_methods_and_paths_have_the_documented_error_form(
    control: Any,
) -> None:
    headers = {"Authorization": f"Token {'a1' * 20}"}
    answer = control.session.get(control.url + FULL, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (405, "error")
    for path in ("/v2/people/nothing", "/", "/v2/people/full/"):
        answer = control.session.get(control.url + path, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (404, "error")


def test_a_wrong_country_can_empty_the_match(control: Any, sixsense: Any) -> None:
    assert sixsense.full("jo@acme.example", country="FR").json()["scores"]
    control.config(sixsense={"country_filters": True})
    assert not sixsense.full("jo@acme.example", country="FR").json()["scores"]
    assert sixsense.full("jo@acme.example", country="us").json()["scores"]
