"""The one place where parts meet: Settings → everything a process needs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import structlog

from app.connectors import CONNECTORS, connector_for
from app.connectors.base import Connector
from app.errors import ConfigurationError
from app.ledger import Ledger, embedded, installation
from app.ledger.database import Database, DatabaseAway, schema_state, upgrade
from app.ledger.embedded import EmbeddedServer
from app.ledger.rates import RateRing
from app.mapping.load import load_mappings
from app.mapping.model import Lookup, MappingFile
from app.pipeline.intake import Intake
from app.pipeline.parts import Parts, Source
from app.pipeline.waking import Waker
from app.settings import Settings
from app.sixsense import PRODUCTS
from app.sixsense.client import Partner, SixsenseClient

log = structlog.get_logger()

#: Connections of one process; the smallest hosted PostgreSQL has 20 for all.
WEB_CONNECTIONS = 3
WORKER_CONNECTIONS = 5
#: With the engine's two, and a listener for each of its three queues.
WORKER_MOST_CONNECTIONS = WORKER_CONNECTIONS + 5
#: A window of n seconds is kept as n and this share of a minute more (engine.md).
WINDOW_MARGIN_S = 0.5
#: How long a starting process waits for a database that is starting too, in seconds.
DATABASE_WAIT_S = 30.0


@dataclass
class Runtime:
    """One process's parts; `server` only where this process runs PostgreSQL."""

    settings: Settings
    parts: Parts
    intake: Intake
    waker: Waker
    server: EmbeddedServer | None = None

    @property
    def database(self) -> Database:
        """The ledger's database."""
        return self.parts.ledger.database

    def close(self) -> None:
        """Give back connections and leave the embedded server."""
        self.database.close()
        if self.server is not None:
            self.server.stop()


def build(settings: Settings, *, role: str) -> Runtime:
    """All parts of a `web` or `worker` process.

    Raises:
        ConfigurationError: everything that is wrong with mapping files, then with
            sources and tokens, then with the database; each all at once.
    """
    mappings, connectors, sixsense = configured(settings, is_told=True)
    url, server = database_url(settings)
    count = WEB_CONNECTIONS if role == "web" else WORKER_CONNECTIONS
    database = Database(url, connections=count, name=f"leadbridge {role}")
    _await_database(database)
    _require_schema(database, url, server)
    parts = _parts(settings, database, mappings, connectors, sixsense, role)
    return Runtime(
        settings,
        parts,
        Intake(parts),
        Waker(database, settings.wake_every_s),
        server,
    )


def configured(
    settings: Settings, *, is_told: bool = False
) -> tuple[tuple[MappingFile, ...], dict[str, Connector], SixsenseClient]:
    """What files and environment say, without a database or a call.

    Mapping files of sources that are switched off are left out; `is_told`: with a
    warning for each of these sources.

    Raises ConfigurationError with everything that is wrong.
    """
    mappings = load_mappings(
        settings.mappings_dir,
        {name: product.info for name, product in PRODUCTS.items()},
        sources=CONNECTORS,
    )
    problems = settings_problems(settings, mappings)
    if problems:
        raise ConfigurationError("The environment has settings to mend.", problems)
    off = switched_off(settings, mappings)
    for name, why in off.items() if is_told else ():
        log.warning("source is off", source=name, why=why)
    mappings = tuple(each for each in mappings if each.source not in off)
    sources = dict.fromkeys(each.source for each in mappings)
    connectors = {name: connector_named(settings, name) for name in sources}
    return mappings, connectors, _sixsense(settings)


def switched_off(settings: Settings, mappings: Iterable[MappingFile]) -> dict[str, str]:
    """Sources of these files without a single setting: why each is off, and the fix.

    A mapping file that came with Leadbridge asks nobody for an account. But if no
    source is set up at all, none is off: they all lack their settings.
    """
    files: dict[str, list[MappingFile]] = {}
    for each in mappings:
        files.setdefault(each.source, []).append(each)
    unset = {
        name: settings.unset(name, kind.settings)
        for name, kind in _kinds(files).items()
    }
    if all(unset.values()):
        return {}
    return {
        name: f"none of {', '.join(names)} is set; set them, or delete "
        + " and ".join(str(each.path or each.name) for each in files[name])
        for name, names in unset.items()
        if names
    }


def _parts(
    settings: Settings,
    database: Database,
    mappings: tuple[MappingFile, ...],
    connectors: Mapping[str, Connector],
    sixsense: SixsenseClient,
    role: str,
) -> Parts:
    key = installation.person_key(database, settings.person_key)
    for each in mappings:
        installation.remember_mapping(
            database,
            version=each.version,
            name=each.name,
            source=each.source,
            text=each.text,
        )
    repeat_window = timedelta(seconds=settings.repeat_window_s)
    parts = Parts(
        settings=settings,
        ledger=Ledger.on(
            database,
            person_key=key,
            repeat_window=repeat_window,
            most_runs=settings.runs_per_record,
        ),
        mappings={each.name: each for each in mappings},
        sources=_sources(database, mappings, connectors),
        sixsense=sixsense,
        rings=_rings(settings, database, mappings, sixsense),
        person_key=key,
        callers=None if role == "web" else _callers(settings),
    )
    for source in parts.sources.values():
        source.ring.prepare()
        source.at_once.prepare()
    for ring in parts.rings.values():
        ring.prepare()
    return parts


def sixsense_of(
    settings: Settings, mappings: Iterable[MappingFile] = ()
) -> SixsenseClient:
    """6sense, for a command that asks it; for these mappings, if it is about some.

    Raises ConfigurationError without a token.
    """
    problems = _token_problems(settings, mappings)
    if problems:
        raise ConfigurationError("The environment has settings to mend.", problems)
    return _sixsense(settings)


def ledger_of_command(settings: Settings, database: Database) -> Ledger:
    """The ledger in `database`, with the key of its hashes."""
    return Ledger.on(
        database,
        person_key=installation.person_key(database, settings.person_key),
        repeat_window=timedelta(seconds=settings.repeat_window_s),
    )


def whole_parts_of_command(settings: Settings, database: Database) -> Parts:
    """All routes and sources, for a command that calls nobody.

    Raises ConfigurationError: what keeps web and worker from starting here.
    """
    return _parts(settings, database, *configured(settings), "web")


def parts_of_command(
    settings: Settings,
    database: Database,
    mapping: MappingFile,
    connector: Connector,
    sixsense: SixsenseClient | None = None,
) -> Parts:
    """What a command needs to call one source, and 6sense, under the shared limits."""
    rings = _rings(settings, database, (mapping,), sixsense) if sixsense else {}
    sources = {mapping.source: connector}
    parts = parts_of_sources(settings, database, (mapping,), sources)
    for ring in rings.values():
        ring.prepare()
    return replace(parts, sixsense=sixsense or parts.sixsense, rings=rings)


def parts_of_sources(
    settings: Settings,
    database: Database,
    mappings: tuple[MappingFile, ...],
    connectors: Mapping[str, Connector],
) -> Parts:
    """What a command needs to call sources under the shared limits, and no 6sense."""
    ledger = ledger_of_command(settings, database)
    parts = Parts(
        settings=settings,
        ledger=ledger,
        mappings={each.name: each for each in mappings},
        sources=_sources(database, mappings, connectors),
        sixsense=SixsenseClient({}),
        rings={},
        person_key=ledger.written.key,
    )
    for source in parts.sources.values():
        source.ring.prepare()
        source.at_once.prepare()
    return parts


def _callers(settings: Settings) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.enrich_threads, thread_name_prefix="6sense")


def connector_named(settings: Settings, source: str) -> Connector:
    """One source's connector. Raises ConfigurationError: what its settings lack."""
    kind = _kinds([source])[source]
    return kind(
        source,
        settings.source(source, kind.settings),
        write_timeout_s=settings.crm_timeout_s,
    )


def settings_problems(settings: Settings, mappings: Iterable[MappingFile]) -> list[str]:
    """What the sources of these and 6sense lack in the environment, as sentences.

    A source that is switched off lacks nothing.
    """
    files = tuple(mappings)
    off = switched_off(settings, files)
    used = [each for each in files if each.source not in off]
    kinds = _kinds(each.source for each in used)
    schemas = {name: kind.settings for name, kind in kinds.items()}
    return [
        *settings.source_problems(schemas),
        *_unmeant_tokens(settings, files),
        *_token_problems(settings, used),
    ]


def _kinds(sources: Iterable[str]) -> dict[str, type[Connector]]:
    """The connector of each source, by name of the source."""
    kinds = {}
    for source in sources:
        kind = connector_for(source)
        if kind is None:
            raise ConfigurationError(f"there is no connector for {source}")
        kinds[source] = kind
    return kinds


def _token_problems(
    settings: Settings, mappings: Iterable[MappingFile] = ()
) -> list[str]:
    """Questions of these mappings that there is no token for."""
    tokens = _tokens(settings)
    if not tokens:
        return settings.missing("SIXSENSE_TOKEN")
    client = SixsenseClient(dict.fromkeys(tokens, "x"))
    lacking = {
        f"SIXSENSE_TOKEN is not set, and {source} has no token of its own for {api}."
        for api, source in _questions(mappings)
        if client.token_name(api, source) not in tokens
    }
    return sorted(lacking)


def _unmeant_tokens(settings: Settings, mappings: Iterable[MappingFile]) -> list[str]:
    """Tokens for nothing that is there; of all mapping files, or it means nothing."""
    sources = {each.source for each in mappings}
    meant = {*PRODUCTS, *sources, *(f"{s}-{p}" for s in sources for p in PRODUCTS)}
    return [
        f"SIXSENSE_TOKEN_{name.upper().replace('-', '_')} is for no product of 6sense "
        f"and for no source. Products: {', '.join(PRODUCTS)}. "
        f"Sources: {', '.join(sorted(sources))}."
        for name in settings.sixsense_tokens
        if sources and name not in meant
    ]


def _tokens(settings: Settings) -> dict[str, str]:
    found = dict(settings.sixsense_tokens)
    if settings.sixsense_token is not None:
        found["default"] = settings.sixsense_token
    return found


def _questions(mappings: Iterable[MappingFile]) -> set[tuple[str, str]]:
    """What may be asked on behalf of which source."""
    return {
        (api, mapping.source)
        for mapping in mappings
        for lookup in mapping.lookups
        for api in _apis(lookup)
    }


def _sixsense(settings: Settings) -> SixsenseClient:
    tokens = _tokens(settings)
    partner = settings.sixsense_partner
    client = SixsenseClient(
        tokens,
        url=settings.sixsense_url,
        partner=Partner(partner, settings.sixsense_partner_customer or "")
        if partner
        else None,
        read_timeout_s=settings.sixsense_timeout_s,
        pool_size=settings.enrich_threads,
        allow_http=settings.sixsense_allow_http,
    )
    for name in client.odd_tokens:
        # Only its name: a slip of the hand can be anything, a password too.
        log.warning("6sense token is not of 40 letters and digits", product=name)
    return client


def _sources(
    database: Database,
    mappings: tuple[MappingFile, ...],
    connectors: Mapping[str, Connector],
) -> dict[str, Source]:
    sources = {}
    for name, connector in connectors.items():
        limit = connector.limit
        window = timedelta(seconds=limit.per_s + WINDOW_MARGIN_S)
        ring = RateRing(database, f"calls:{name}", calls=limit.calls, window=window)
        at_once = RateRing(
            database,
            f"at once:{name}",
            calls=connector.most_at_once,
            window=timedelta(seconds=connector.longest_call_s),
            share=1.0,
        )
        routes = tuple(each for each in mappings if each.source == name)
        sources[name] = Source(name, connector, ring, at_once, routes)
    return sources


def _rings(
    settings: Settings,
    database: Database,
    mappings: tuple[MappingFile, ...],
    sixsense: SixsenseClient,
) -> dict[str, RateRing]:
    """The ring of every token that these mappings may ask under, by the token's name.

    The ring itself is named after the token's value: two names for one token share
    its limit, and a token that was replaced begins a ring of its own.
    """
    asked = _questions(mappings) or {(api, "") for api in PRODUCTS}
    return {
        sixsense.token_name(*one): ring_of(settings, database, sixsense, *one)
        for one in asked
    }


def tokens_meant(
    sixsense: SixsenseClient, mappings: Iterable[MappingFile]
) -> dict[str, list[tuple[str, str]]]:
    """Every token by name, with the APIs that are asked under it, and for whom.

    One that no mapping asks under is meant for what its name says; perhaps nothing.
    """
    found: dict[str, list[tuple[str, str]]] = {n: [] for n in sixsense.token_names}
    for api, source in sorted(_questions(mappings)):
        asked = found.get(sixsense.token_name(api, source), [])
        if api not in {one for one, _ in asked}:
            asked.append((api, source))
    for name, asked in found.items():
        if not asked:
            # The longest: `lead-scoring-and-firmographics` begins with another one.
            for api in sorted(PRODUCTS, key=len):
                if name == api or name.endswith(f"-{api}"):
                    asked[:] = [(api, name.removesuffix(api).rstrip("-"))]
    return found


def ring_of(
    settings: Settings,
    database: Database,
    sixsense: SixsenseClient,
    api: str,
    source: str = "",
) -> RateRing:
    """The ring under which every process asks this product for this source."""
    return RateRing(
        database,
        sixsense.token_limit_name(api, source),
        calls=settings.sixsense_rate_limit,
        window=timedelta(seconds=settings.rate_window_s),
    )


def _apis(lookup: Lookup) -> set[str]:
    """The APIs a lookup may ask: its own, and what it falls back to."""
    return {lookup.api, lookup.when_spent} & PRODUCTS.keys()


def database_url(settings: Settings) -> tuple[str, EmbeddedServer | None]:
    """DATABASE_URL, or the embedded server's after starting or joining it.

    Raises ConfigurationError where the embedded server would lose leads.
    """
    if settings.database_url is not None:
        return settings.database_url, None
    refused = loses_leads(settings)
    if refused and not settings.allow_ephemeral_database:
        raise ConfigurationError(f"DATABASE_URL is not set. {refused}")
    server = EmbeddedServer(settings.data_dir)
    return server.start(), server


def loses_leads(settings: Settings) -> str | None:
    """Why an embedded database would be gone after a restart here, or None."""
    mounts = Path("/proc/self/mountinfo")
    text = mounts.read_text() if mounts.exists() else ""
    return embedded.refusal(settings.data_dir, settings.environ, text)


def _await_database(database: Database) -> None:
    """Wait for a database that is starting at the same time as we are."""
    deadline = time.monotonic() + DATABASE_WAIT_S
    while not database.is_up():
        if time.monotonic() > deadline:
            raise DatabaseAway(
                "the database of DATABASE_URL did not answer for "
                f"{DATABASE_WAIT_S:g} seconds. Is it running, and is the address right?"
            )
        log.warning("waiting for the database")
        time.sleep(1)


def _require_schema(
    database: Database, url: str, server: EmbeddedServer | None
) -> None:
    """An embedded database is upgraded on the way; any other by the release step."""
    problem = schema_state(database)
    if problem is not None and server is not None:
        upgrade(url)
        problem = schema_state(database)
    if problem is not None:
        raise ConfigurationError(problem)
