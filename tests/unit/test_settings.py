"""Settings: defaults, every problem at once in words, and no secret in any of them."""

import pytest
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.environment import prefix_of
from app.errors import ConfigurationError
from app.settings import Settings, reference

SECRET = "hunter2-hunter2-hunter2"


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ)
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_environment_means_the_defaults():
    settings = Settings.load({})
    assert settings == Settings()
    assert (settings.port, settings.host) == (8000, "0.0.0.0")  # noqa: S104
    assert settings.retry_waits_s[:3] == (5, 30, 120)
    assert len(settings.retry_waits_s) == 10


def test_an_empty_or_blank_value_means_the_default():
    assert Settings.load({"PORT": "", "LOG_LEVEL": "  "}) == Settings()


def test_values_are_read_in_their_kinds():
    settings = Settings.load(
        {
            "PORT": "0",
            "CRM_TIMEOUT_S": "2.5",
            "ALLOW_EPHEMERAL_DATABASE": "1",
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "JSON",
            "PUBLIC_URL": "https://leads.example.com/",
            "RETRY_WAITS_S": "0.5, 3",
            "SECRET_KEY": f"{SECRET}\n",
        }
    )
    assert settings.port == 0
    assert settings.crm_timeout_s == 2.5
    assert settings.allow_ephemeral_database is True
    assert (settings.log_level, settings.log_format) == ("DEBUG", "json")
    assert settings.public_url == "https://leads.example.com"
    assert settings.retry_waits_s == (0.5, 3.0)
    assert settings.secret_key == SECRET


def test_the_process_s_own_environment_is_not_looked_at(monkeypatch):
    monkeypatch.setenv("PORT", "9999")
    assert Settings.load({}).port == 8000


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_taken(scheme):
    url = f"{scheme}://me:p%40ss@db.example.com:5432/leads?sslmode=require"
    read = Settings.load({"DATABASE_URL": url}).database_url
    assert read == (
        "postgresql+psycopg://me:p%40ss@db.example.com:5432/leads?sslmode=require"
    )


def test_a_socket_address_without_a_host_keeps_its_form():
    read = Settings.load({"DATABASE_URL": "postgresql:///x?host=/srv/run"})
    assert read.database_url == "postgresql+psycopg:///x?host=/srv/run"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"mysql://me:{SECRET}@db/x", "names mysql://"),
        (f"me:{SECRET}@db/x", "is not an address"),
        (f"me:{SECRET}://db", "is something else"),
        (f"postgres://me:{SECRET}/@db:5432/x", "%2F"),
        (f"postgres://me:{SECRET}@x@db:5432/x", "%40"),
        (f"postgres://me:{SECRET}#@db:5432/x", "%23"),
        (f"postgres://me:{SECRET}@db:6432/x?pgbouncer=true", "direct address"),
    ],
)
def test_other_databases_are_refused_with_the_fix_and_without_the_password(url, words):
    (problem,) = problems_of(DATABASE_URL=url)
    assert problem.startswith("DATABASE_URL ")
    assert words in problem
    assert "hunter2" not in problem


def test_every_problem_is_told_at_once():
    problems = problems_of(
        PORT="http",
        WEB_THREADS="0",
        SIXSENSE_TIMEOUT_S="nan",
        LOG_LEVEL="loud",
        RETRY_WAITS_S="5,soon",
        ALLOW_EPHEMERAL_DATABASE="perhaps",
        PUBLIC_URL="leads.example.com",
    )
    assert len(problems) == 7
    assert problems[0] == (
        "PORT must be a whole number from 0 to 65535, not 'http'. "
        "Leave it out for 8000."
    )
    assert any(
        problem.startswith("LOG_LEVEL must be one of DEBUG, INFO")
        for problem in problems
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short-secret"),
        ("PERSON_KEY", "with a blank in the middle"),
        ("SIXSENSE_TOKEN", "two tokens"),
        ("SIXSENSE_TOKEN_LEAD_SCORING", "two tokens"),
        ("SENTRY_DSN", "sentry.example.com/secret"),
        ("METRICS_TOKEN", "secret\x07bell"),
        ("PUBLIC_URL", "https://me:secret@leads.example.com"),
    ],
)
def test_a_problem_with_a_secret_does_not_show_it(name, value):
    (problem,) = problems_of(**{name: value})
    assert problem.startswith(f"{name} must be ")
    assert value not in problem


def test_quotation_marks_of_an_env_file_are_pointed_out():
    problems = problems_of(SIXSENSE_TOKEN='"abc"', PORT="'8000'")
    assert "SIXSENSE_TOKEN begins and ends with a quotation mark. Remove both." in (
        problems
    )


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ENRICH_LEASE_S": "23"}, "ENRICH_LEASE_S must be above 23"),
        ({"SIXSENSE_TIMEOUT_S": "60"}, "ENRICH_LEASE_S must be above 63"),
        ({"HEARTBEAT_S": "4"}, "STALLED_AFTER_S must be at least 12"),
        ({"BATCH_MAX_WAIT_S": "1"}, "BATCH_MAX_WAIT_S must be at least BATCH_PAUSE_S"),
        ({"KEEP_BODIES_DAYS": "90"}, "KEEP_RUNS_DAYS must be at least"),
    ],
)
def test_values_that_contradict_each_other_are_refused(environ, words):
    (problem,) = problems_of(**environ)
    assert problem.startswith(words)


def test_a_clock_ten_times_shorter_is_possible():
    Settings.load(
        {
            "RATE_WINDOW_S": "6.05",
            "SIXSENSE_TIMEOUT_S": "2",
            "SETTLE_EVERY_S": "0.1",
            "ENRICH_LEASE_S": "4.2",
            "HEARTBEAT_S": "0.2",
            "STALLED_AFTER_S": "1",
            "RETRY_WAITS_S": "0.5,3,12",
        }
    )


def test_tokens_of_their_own_are_known_by_what_they_are_for():
    settings = Settings.load(
        {"SIXSENSE_TOKEN": "general", "SIXSENSE_TOKEN_COMPANY_FIRMOGRAPHICS_V2": "own"}
    )
    assert settings.sixsense_tokens == {"company-firmographics-v2": "own"}
    assert settings.sixsense_token == "general"


def test_missing_names_what_is_not_set_and_what_it_is_for():
    settings = Settings.load({"SECRET_KEY": SECRET})
    (problem,) = settings.missing("SECRET_KEY", "SIXSENSE_TOKEN")
    assert problem.startswith("SIXSENSE_TOKEN is not set: API token of 6sense.")


def test_no_secret_is_in_repr_or_in_what_is_shown():
    settings = Settings.load(
        {
            "DATABASE_URL": f"postgres://me:{SECRET}@db/x",
            "SECRET_KEY": SECRET,
            "PERSON_KEY": SECRET,
            "SIXSENSE_TOKEN": SECRET,
            "SIXSENSE_TOKEN_LEAD_SCORING": SECRET,
            "METRICS_TOKEN": SECRET,
            "SENTRY_DSN": f"https://{SECRET}@sentry.example.com/1",
            "CRM_CLIENT_SECRET": SECRET,
        }
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(settings.shown())
    assert settings.shown()["DATABASE_URL"] == "set"
    assert settings.shown()["PERSON_KEY"] == "set"
    assert Settings.load({}).shown()["SECRET_KEY"] == ""
    assert settings.shown()["PORT"] == "8000"


class CrmSettings(Schema):
    URL = fields.Url(required=True, metadata={"description": "Address of the API."})
    CLIENT_ID = fields.String(required=True)
    CLIENT_SECRET = fields.String(validate=validate.Length(min=8, error="Is {input}?"))
    USERNAME = fields.String()
    QUOTA = fields.Integer(load_default=1000)

    @validates_schema
    def check(self, data, **_):
        if "CLIENT_SECRET" not in data and "USERNAME" not in data:
            raise ValidationError("Set CLIENT_SECRET or USERNAME")


@pytest.mark.parametrize(
    ("source", "prefix"),
    [("crm", "CRM_"), ("crm-eu", "CRM_EU_"), ("dynamics365", "DYNAMICS365_")],
)
def test_a_source_s_variables_begin_with_its_name(source, prefix):
    assert prefix_of(source) == prefix


def test_a_source_reads_its_own_variables_only():
    settings = Settings.load(
        {
            "CRM_EU_URL": "https://eu.example.com",
            "CRM_EU_CLIENT_ID": "eu",
            "CRM_EU_CLIENT_SECRET": SECRET,
            "CRM_URL": "https://us.example.com",
        }
    )
    source = settings.source("crm-eu", CrmSettings)
    assert dict(source) == {
        "URL": "https://eu.example.com",
        "CLIENT_ID": "eu",
        "CLIENT_SECRET": SECRET,
        "QUOTA": 1000,
    }
    assert "hunter2" not in repr(source)


def test_problems_of_all_sources_are_told_at_once_without_secrets():
    settings = Settings.load(
        {
            "CRM_URL": "nowhere",
            "CRM_CLIENT_IDD": "x",
            "CRM_CLIENT_SECRET": "s3cr",
            "CRM_EU_URL": "https://eu.example.com",
            "CRM_EU_CLIENT_ID": "'eu'",
        }
    )
    schemas = {"crm": CrmSettings, "crm-eu": CrmSettings}
    assert settings.source_problems(schemas) == [
        "CRM_URL: Not a valid URL. It is 'nowhere' now.",
        "CRM_CLIENT_ID is not set. Is CRM_CLIENT_IDD a slip of the pen?",
        "CRM_CLIENT_SECRET: Is …?.",
        "CRM_EU_CLIENT_ID begins and ends with a quotation mark. Remove both.",
        "Source crm-eu: Set CRM_EU_CLIENT_SECRET or CRM_EU_USERNAME.",
    ]


def test_a_source_without_anything_says_what_it_needs():
    problems = Settings.load({}).source_problems({"crm": CrmSettings})
    assert problems == [
        "CRM_URL is not set: Address of the API.",
        "CRM_CLIENT_ID is not set.",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"CRM_URL": " ", "CRM_CLIENT_ID": ""},
        {"CRM_EU_URL": "https://eu.example.com", "CRM_EU_CLIENT_ID": "eu"},
        {"CRM_B_CLIENT_SECRET": SECRET, "CRMX": "x", "OTHER_URL": "x"},
        {"SIXSENSE_TOKEN_CRM": "x"},
    ],
)
def test_a_source_without_a_setting_of_its_own_is_not_set_up(environ):
    begins_with = ["CRM_URL", "CRM_CLIENT_ID", "CRM_CLIENT_SECRET"]
    assert Settings.load(environ).unset("crm", CrmSettings) == begins_with


@pytest.mark.parametrize(
    "name", ["CRM_URL", "CRM_QUOTA", "CRM_CLIENT_IDD", "CRM_CLIENT_SECRETS"]
)
def test_one_setting_or_a_slip_of_the_pen_begins_a_source(name):
    assert Settings.load({name: "x"}).unset("crm", CrmSettings) == []


def test_the_reference_has_sources_with_defaults_and_no_secret_s_value():
    page = reference({"crm": CrmSettings})
    assert "| `CRM_URL` | required | Address of the API |" in page
    assert "| `CRM_CLIENT_SECRET` |  |  (secret) |" in page
    assert "| `CRM_QUOTA` | `1000` |  |" in page
