"""Settings: everything that can be set from outside, and nothing read at import.

`Settings.load(os.environ)` reports every problem at once. A setting is a field:
its variable is its name in capitals. docs/settings.md is made from `reference()`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from marshmallow import Schema, missing

from app.environment import (
    Kind,
    Reader,
    SourceSettings,
    choice,
    database,
    dsn,
    flag,
    folder,
    given,
    integer,
    is_secret,
    is_unset,
    key_text,
    main_names,
    origin,
    prefix_of,
    quoted,
    read_source,
    seconds,
    sentence,
    text,
    waits,
)
from app.errors import ConfigurationError

_PRODUCT_TOKEN = "SIXSENSE_TOKEN_"  # noqa: S105  the beginning of a variable's name


def setting(default: Any, kind: Kind, about: str, *, section: str = "") -> Any:
    """A field of Settings; `section` opens a new table in the reference."""
    metadata = {"kind": kind, "about": about, "section": section}
    return field(default=default, repr=not kind.is_secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings; secrets are left out of repr()."""

    database_url: str | None = setting(
        None,
        database(),
        "PostgreSQL, by its direct address and not a pooler's. Unset: the embedded "
        "server in DATA_DIR.",
        section="Where it runs",
    )
    data_dir: Path = setting(
        Path("data"), folder(), "Folder of the embedded database and of keys made here."
    )
    mappings_dir: Path = setting(
        Path("mappings"), folder(), "Folder of the mapping files."
    )
    host: str = setting("0.0.0.0", text(), "Address that web listens on.")  # noqa: S104
    port: int = setting(
        8000, integer(0, 65535), "Port that web listens on; 0 takes a free one."
    )
    web_concurrency: int = setting(2, integer(1, 64), "Web processes.")
    web_threads: int = setting(16, integer(1, 256), "Threads of each web process.")
    public_url: str | None = setting(
        None,
        origin(),
        "Address under which senders reach web. Signatures cover it, Set-up shows it.",
    )
    trusted_proxies: int = setting(
        0,
        integer(0, 10),
        "Proxies in front of web whose X-Forwarded headers count: 1 on Heroku.",
    )
    max_body_bytes: int = setting(
        1_048_576, integer(1024), "Larger webhook bodies are answered 413."
    )
    allow_ephemeral_database: bool = setting(
        False,
        flag(),
        "Run the embedded database on a disk that a restart empties. Loses leads.",
    )

    secret_key: str | None = setting(
        None,
        key_text(16),
        "Signs the console's sessions; the same for all web processes.",
        section="Keys",
    )
    person_key: str | None = setting(
        None,
        key_text(16),
        "Keys the hash under which a person's e-mail is found again. Never change it.",
    )
    metrics_token: str | None = setting(
        None, key_text(), "Bearer token that /metrics asks for."
    )

    log_level: str = setting(
        "INFO",
        choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "Least important log line to print.",
        section="Logs",
    )
    log_format: str = setting(
        "auto",
        choice("auto", "json", "console"),
        "Form of log lines; auto: columns on a terminal, else JSON.",
    )
    sentry_dsn: str | None = setting(
        None, dsn(), "Sentry project that errors are reported to."
    )

    sixsense_token: str | None = setting(
        None,
        key_text(),
        "API token of 6sense. SIXSENSE_TOKEN_LEAD_SCORING and so on: another one for "
        "that product; SIXSENSE_TOKEN_<SOURCE>: for that source; "
        "SIXSENSE_TOKEN_<SOURCE>_LEAD_SCORING: for both. The most particular counts.",
        section="6sense",
    )
    sixsense_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    sixsense_url: str | None = setting(
        None, origin(), "One origin for all products. Unset: the three public hosts."
    )
    sixsense_allow_http: bool = setting(
        False,
        flag(),
        "Let SIXSENSE_URL begin with http:// on another machine: for a sandbox in a "
        "private network, never for an account.",
    )
    sixsense_rate_limit: int = setting(
        100, integer(0), "Calls a minute that the token may make; 0: no limit."
    )
    sixsense_timeout_s: float = setting(
        20.0, seconds(), "Longest wait for an answer of 6sense."
    )
    sixsense_partner: str | None = setting(
        None,
        key_text(),
        "Your name as a partner of 6sense, for company-identification. Nobody else "
        "needs it.",
    )
    sixsense_partner_customer: str | None = setting(
        None, key_text(), "The customer on whose behalf that partner asks."
    )

    credits_per_day: int | None = setting(
        None,
        integer(0),
        "Enrichment credits a day (UTC) of the whole installation, estimated; then "
        "each lookup goes its `when_spent` way. Unset: no limit.",
    )
    credits_per_month: int | None = setting(
        None, integer(0), "Enrichment credits a month (UTC), the same way."
    )
    identification_credits_per_day: int | None = setting(
        None, integer(0), "Company Identification credits a day, the same way."
    )
    identification_credits_per_month: int | None = setting(
        None, integer(0), "Company Identification credits a month, the same way."
    )

    rate_window_s: float = setting(
        60.5,
        seconds(),
        "Window of the rate limit: a minute, and a little for clocks and networks.",
        section="The engine's clock",
    )
    reconcile_every_s: float = setting(
        300.0,
        seconds(zero=True),
        "Time between two searches of a source for records that came without a "
        "webhook; 0: none. At most 60 for a source whose WEBHOOK_AUTH is off.",
    )
    reconcile_grace_s: float = setting(
        120.0, seconds(zero=True), "A webhook may come this late before it is missed."
    )
    tell_waiting_after_s: float = setting(
        3600.0, seconds(), "A run that waits longer has `waiting` in its outcome field."
    )
    runs_per_record: int = setting(
        10,
        integer(1),
        "Runs of one record through one mapping in a day; the next one is a loop.",
    )
    repeat_window_s: float = setting(
        600.0, seconds(), "An equal event within this time is a repeat."
    )
    enrich_lease_s: float = setting(
        30.0, seconds(), "A claimed run is free again after this time."
    )
    enrich_budget_s: float = setting(
        15.0, seconds(), "Longest turn of the enrich pump."
    )
    enrich_threads: int = setting(
        96, integer(1, 512), "Calls to 6sense at the same time, per worker."
    )
    settle_every_s: float = setting(
        1.0, seconds(), "Longest wait of an answer before it is stored."
    )
    crm_timeout_s: float | None = setting(
        None, seconds(), "Longest wait for a CRM. Unset: as its connector has it."
    )
    batch_pause_s: float = setting(
        2.0, seconds(), "Least time between the starts of two batches of a source."
    )
    batch_max_wait_s: float = setting(
        240.0, seconds(), "Longest wait of a ready run for company in its batch."
    )
    sweep_every_s: float = setting(
        5.0, seconds(), "Time between two searches for work that lies still."
    )
    heartbeat_s: float = setting(2.0, seconds(), "Time between two signs of life.")
    stalled_after_s: float = setting(
        10.0, seconds(), "A worker silent for this long counts as dead."
    )
    retry_waits_s: tuple[float, ...] = setting(
        (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 21600.0, 43200.0, 86400.0, 86400.0),
        waits(),
        "Longest waits before each retry; after the last one a run has failed.",
    )
    wake_every_s: float = setting(
        0.15, seconds(), "Least time between two wake-ups by one web process."
    )
    shutdown_s: float = setting(
        20.0, seconds(), "Time to finish when told to stop; hosts kill after 30."
    )

    keep_bodies_days: int = setting(
        7, integer(0), "Webhook bodies are purged after this.", section="Retention"
    )
    keep_runs_days: int = setting(
        30, integer(1), "Runs, answers and written values are purged after this."
    )

    #: What `load` was given; sources read theirs from it.
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Read all settings; unset and empty mean the default.

        Raises:
            ConfigurationError: every problem at once, as sentences.
        """
        reader = Reader(environ)
        values = {
            part.name: reader.read(name, part.metadata["kind"], part.default)
            for name, part in _keys()
        }
        tokens = _product_tokens(reader, environ)
        errors = reader.errors()
        kinds = {name: part.metadata["kind"] for name, part in _keys()}
        problems = quoted(environ, [*kinds, *errors.keys() - kinds.keys()])
        for name, messages in errors.items():
            kind = kinds.get(name, key_text())
            default = _written(getattr(cls, name.lower(), None))
            value = given(environ, name)
            problems.append(sentence(name, kind, value, messages, default))
        if not errors:
            loaded = cls(
                **values, sixsense_tokens=tokens, environ=MappingProxyType({**environ})
            )
            problems.extend(_contradictions(loaded))
            if not problems:
                return loaded
        raise ConfigurationError("The environment has settings to mend.", problems)

    def missing(self, *names: str) -> list[str]:
        """A sentence for each of these settings that is not set."""
        parts = dict(_keys())
        return [
            f"{name} is not set: {parts[name].metadata['about']}"
            for name in names
            if getattr(self, parts[name].name) in (None, ())
        ]

    def source(self, name: str, schema: type[Schema]) -> SourceSettings:
        """Settings of the source `name`, by key without its prefix.

        Raises:
            ConfigurationError: every problem of this source.
        """
        found, problems = read_source(name, schema, self.environ)
        if problems:
            raise ConfigurationError(f"Source {name} has settings to mend.", problems)
        return found

    def source_problems(self, schemas: Mapping[str, type[Schema]]) -> list[str]:
        """Every problem of every source, so that a caller can add its own."""
        return [
            problem
            for name, schema in schemas.items()
            for problem in read_source(name, schema, self.environ)[1]
        ]

    def unset(self, name: str, schema: type[Schema]) -> list[str]:
        """Of a source without a single setting the variables to begin with; else []."""
        is_off = is_unset(name, schema, self.environ)
        return main_names(name, schema) if is_off else []

    def shown(self) -> dict[str, str]:
        """Settings by variable for people to read: a secret is only `set`."""
        values = {}
        for name, part in _keys():
            value = getattr(self, part.name)
            is_hidden = part.metadata["kind"].is_secret and value
            values[name] = "set" if is_hidden else _written(value)
        return values


def _keys() -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    """Each setting that one variable holds: its name and its field."""
    for part in dataclasses.fields(Settings):
        if "kind" in part.metadata:
            yield part.name.upper(), part


def _product_tokens(reader: Reader, environ: Mapping[str, str]) -> Mapping[str, str]:
    """SIXSENSE_TOKEN_LEAD_SCORING=x → {"lead-scoring": "x"}."""
    found = {
        name.removeprefix(_PRODUCT_TOKEN).lower().replace("_", "-"): reader.read(
            name, key_text(), None
        )
        for name in environ
        if name.startswith(_PRODUCT_TOKEN) and given(environ, name)
    }
    return MappingProxyType(found)


def _contradictions(settings: Settings) -> Iterator[str]:
    """Values that are fine alone, but not together."""
    least = settings.sixsense_timeout_s + settings.settle_every_s + 2
    if settings.enrich_lease_s <= least:
        yield (
            f"ENRICH_LEASE_S must be above {least:g} (SIXSENSE_TIMEOUT_S + "
            f"SETTLE_EVERY_S + 2), not {settings.enrich_lease_s:g}: a lease that ends "
            "during a call lets the same lead be paid for twice."
        )
    if settings.stalled_after_s < 3 * settings.heartbeat_s:
        yield (
            f"STALLED_AFTER_S must be at least {3 * settings.heartbeat_s:g} "
            f"(3 x HEARTBEAT_S), not {settings.stalled_after_s:g}: one late heartbeat "
            "would count as a death."
        )
    if settings.batch_max_wait_s < settings.batch_pause_s:
        yield (
            f"BATCH_MAX_WAIT_S must be at least BATCH_PAUSE_S "
            f"({settings.batch_pause_s:g}), not {settings.batch_max_wait_s:g}."
        )
    if settings.keep_runs_days < settings.keep_bodies_days:
        yield (
            f"KEEP_RUNS_DAYS must be at least KEEP_BODIES_DAYS "
            f"({settings.keep_bodies_days}), not {settings.keep_runs_days}: a body "
            "goes when its runs go."
        )


def _written(value: Any) -> str:
    """A value as one would write it into the environment."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def reference(connectors: Mapping[str, type[Schema]] = MappingProxyType({})) -> str:
    """docs/settings.md; `connectors`: the settings of each connector by its name."""
    lines = [_HEAD]
    for name, part in _keys():
        if part.metadata["section"]:
            lines += [f"\n## {part.metadata['section']}\n", *_TABLE]
        default = _written(part.default)
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{name}` | {shown} | {part.metadata['about']} |")
    if connectors:
        example = min(connectors)
        variable = prefix_of(f"{example}-eu") + "URL"
        lines.append(_SOURCES.format(source=f"{example}-eu", variable=variable))
    for connector, schema in sorted(connectors.items()):
        lines += [f"\n### {connector}\n", *_source_rows(connector, schema)]
    return "\n".join(lines) + "\n"


def _source_rows(connector: str, schema: type[Schema]) -> Iterator[str]:
    yield from _TABLE
    for name, part in schema().fields.items():
        variable = prefix_of(connector) + (part.data_key or name)
        default = "" if part.load_default is missing else _written(part.load_default)
        shown = "required" if part.required else f"`{default}`" if default else ""
        about = str(part.metadata.get("description", "")).rstrip(".")
        secret = " (secret)" if is_secret(variable, part) else ""
        yield f"| `{variable}` | {shown} | {about}{secret} |"


_TABLE = ["| variable | default | what |", "|---|---|---|"]
_HEAD = """\
# Settings

<!-- Made from app/settings.py by `make docs`: edit there. -->

Leadbridge is set up by environment variables. Unset and empty mean the default;
whatever is wrong is told at the start, all at once. A name that ends in `_S` is in
seconds."""
_SOURCES = """
## Sources

A source is one account of a CRM or of a marketing system. It exists when a mapping
file names it, and its variables begin with its name in capitals: the source
`{source}` reads `{variable}`. Below, each connector's own name stands for it.
A source without any of them is off, unless they all are; with some of them, the
start stops and names the rest."""
