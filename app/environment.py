"""Reading settings out of an environment, with every problem as a sentence.

A `Kind` says what a value must be and how to say that it is not. The mechanism
only: which settings there are is in settings.py, and in each connector's schema.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from environs import Env, EnvValidationError
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

#: A key that is called so holds something nobody else may read.
SECRET_NAME = re.compile(r"(SECRET|TOKEN|PASSWORD|PRIVATE_KEY|API_KEY)S?(_|$)")

_NEW_TEXT = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
_DATABASE_FORM = "postgresql://user:password@host:5432/name"


@dataclass(frozen=True, slots=True)
class Kind:
    """What one setting must be.

    `parser` is a method of `Reader`; `expects` completes "PORT must be ...". Where
    it is empty, the parser's own message completes "DATABASE_URL ...".
    """

    parser: str
    expects: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    is_secret: bool = False
    #: A last sentence that helps: how to make such a value.
    fix: str = ""


def integer(low: int, high: int | None = None) -> Kind:
    """A whole number, bounds included."""
    bounds = f"of at least {low}" if high is None else f"from {low} to {high}"
    limits = validate.Range(min=low, max=high)
    return Kind("int", f"a whole number {bounds}", {"validate": limits})


def seconds(above: float = 0, *, zero: bool = False) -> Kind:
    """A number of seconds, fractions allowed; `zero`: 0 as well."""
    if zero:
        kind = {"validate": validate.Range(min=0)}
        return Kind("float", "a number of seconds, 0 or more", kind)
    limits = validate.Range(min=above, min_inclusive=False)
    words = f"a number of seconds above {above:g}"
    return Kind("float", words, {"validate": limits})


def flag() -> Kind:
    """True or false."""
    return Kind("bool", "true or false (1 and 0 will do)")


def choice(*words: str) -> Kind:
    """One of these words, in any case."""
    return Kind("word", f"one of {', '.join(words)}", {"words": words})


def text() -> Kind:
    """Anything."""
    return Kind("str", "text")


def folder() -> Kind:
    """A path; it need not exist yet."""
    return Kind("path", "a path")


def origin() -> Kind:
    """http(s)://host, perhaps a path; no query; the last slash is dropped."""
    return Kind("origin", "an address like https://leads.example.com")


def waits() -> Kind:
    """Seconds above 0, comma-separated."""
    return Kind("waits", "seconds above 0, comma-separated, like 5,30,120")


def database() -> Kind:
    """A PostgreSQL address; read as SQLAlchemy's URL for psycopg."""
    return Kind("database_url", is_secret=True)


def key_text(shortest: int = 1) -> Kind:
    """A secret that may have to go into a header: visible ASCII, no blanks."""
    size = f"at least {shortest} " if shortest > 1 else ""
    fits = validate.Regexp(rf"[!-~]{{{shortest},}}\Z")
    words = f"{size}visible ASCII characters with no blank among them"
    fix = f" Make one: {_NEW_TEXT}" if shortest > 1 else ""
    return Kind("str", words, {"validate": fits}, is_secret=True, fix=fix)


def dsn() -> Kind:
    """The address of a Sentry project; it contains a key."""
    fits = validate.Regexp(r"https?://[^@/\s]+@[^@/\s]+/\S+\Z")
    words = "a DSN as Sentry shows it, like https://key@sentry.example.com/1"
    return Kind("str", words, {"validate": fits}, is_secret=True)


class _Word(fields.String):
    def __init__(self, *, words: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._words = {word.lower(): word for word in words}

    def _deserialize(self, value: str, *args: Any, **kwargs: Any) -> str:
        if value.lower() not in self._words:
            raise ValidationError("is not one of them")
        return self._words[value.lower()]


class _Origin(fields.String):
    def _deserialize(self, value: str, *args: Any, **kwargs: Any) -> str:
        try:
            parts = urlsplit(value)
            is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
            _ = parts.port
        except ValueError:
            is_one = False
        if not is_one or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValidationError("is not an address")
        return value.rstrip("/")


class _Waits(fields.Field[tuple[float, ...]]):
    def _deserialize(self, value: str, *args: Any, **kwargs: Any) -> tuple[float, ...]:
        one = fields.Float(validate=validate.Range(min=0, min_inclusive=False))
        return tuple(one.deserialize(part.strip()) for part in value.split(","))


class _DatabaseUrl(fields.String):
    """Hosts hand out postgres://; SQLAlchemy wants the driver in the scheme."""

    def _deserialize(self, value: str, *args: Any, **kwargs: Any) -> str:
        scheme, found, _ = value.partition("://")
        if not found:
            raise ValidationError(f"is not an address. Its form is {_DATABASE_FORM}")
        if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
            named = f"names {scheme}://" if scheme.isalpha() else "is something else"
            raise ValidationError(
                f"{named}, but Leadbridge keeps its ledger in PostgreSQL. "
                f"Its form is {_DATABASE_FORM}"
            )
        try:
            parts = urlsplit(value)
            is_clear = parts.port is not False and parts.netloc.count("@") < 2
        except ValueError:
            is_clear = False
        if not is_clear or parts.fragment:
            raise ValidationError(
                "cannot be taken apart. Signs like @ : / # in its password must be "
                f"written as %40 %3A %2F %23; its form is {_DATABASE_FORM}"
            )
        if "pgbouncer=true" in parts.query.lower():
            # LISTEN and session locks do not pass a transaction pooler.
            raise ValidationError("leads to a pooler; use the direct address instead")
        # Not urlunsplit: it would drop the empty host of postgresql:///name.
        return "postgresql+psycopg" + value.removeprefix(scheme)


class Reader(Env):
    """environs on a mapping handed in, not on the process's own environment.

    Blanks around a value are dropped, and an empty value counts as unset: that is
    what a form field left empty on a hosting platform means.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = environ
        for name, parser in (
            ("word", _Word),
            ("origin", _Origin),
            ("waits", _Waits),
            ("database_url", _DatabaseUrl),
        ):
            self.add_parser_from_field(name, parser)

    def _get_value(self, env_key: str, default: Any) -> Any:
        return given(self._given, env_key) or default

    def read(self, name: str, kind: Kind, default: Any) -> Any:
        """The value of `name`; a problem with it waits for `errors()`."""
        return getattr(self, kind.parser)(name, default, **kind.options)

    def errors(self) -> Mapping[str, list[str]]:
        """Messages by name of the variable; nothing can be read afterwards."""
        try:
            self.seal()
        except EnvValidationError as error:
            found = cast(Mapping[str, list[str]], error.error_messages)
            return {name: list(map(str, said)) for name, said in found.items()}
        return {}


def given(environ: Mapping[str, str], name: str) -> str:
    """The value as it stands, blanks around it dropped; empty: unset."""
    return environ.get(name, "").strip()


def quoted(environ: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """A sentence for each value that still wears its quotation marks.

    Not every reader of an env file takes them off, and a token with quotation
    marks around it is refused by the other side with no hint of why.
    """
    return [
        f"{name} begins and ends with a quotation mark. Remove both."
        for name in names
        if re.fullmatch(r"(['\"]).*\1", given(environ, name), re.DOTALL)
    ]


def sentence(
    name: str, kind: Kind, value: str, messages: Iterable[str], default: str
) -> str:
    """One problem: the variable, what is wrong, the fix; no secret's value."""
    if not kind.expects:
        return f"{name} {'; '.join(messages)}."
    fix = f" Leave it out for {default}." if default else kind.fix
    return f"{name} must be {kind.expects}{_shown(value, kind.is_secret)}.{fix}"


def _shown(value: str, is_secret: bool) -> str:
    # An address may carry a password, whatever its variable is called.
    return "" if is_secret or "@" in value else f", not {value[:60]!r}"


class SourceSettings(Mapping[str, Any]):
    """One source's settings by their key without prefix; repr shows names only."""

    def __init__(self, source: str, values: Mapping[str, Any]) -> None:
        self.source = source
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<settings of {self.source}: {', '.join(self._values)}>"


def prefix_of(source: str) -> str:
    """`marketo-eu` → `MARKETO_EU_`: how this source's variables begin."""
    return re.sub(r"[^A-Z0-9]", "_", source.upper()) + "_"


def read_source(
    source: str, schema: type[Schema], environ: Mapping[str, str]
) -> tuple[SourceSettings, list[str]]:
    """A source's settings, and the problems with them as sentences."""
    prefix, shape = prefix_of(source), schema(unknown=EXCLUDE)
    keys = {part.data_key or name: part for name, part in shape.fields.items()}
    values = {key: value for key in keys if (value := given(environ, prefix + key))}
    problems = quoted(environ, (prefix + key for key in keys))
    try:
        return SourceSettings(source, shape.load(values)), problems
    except ValidationError as error:
        # By key, or under _schema for what no single key is to blame for.
        found = cast(Mapping[str, Any], error.messages)
    for key, messages in found.items():
        part = keys.get(key)
        missing = part is not None and part.required and key not in values
        said = _named(_flat(messages), prefix, keys)
        if missing and part is not None:
            problems.append(_missing(prefix + key, part, environ, prefix, keys))
        elif part is None:
            problems.append(f"Source {source}: {said}")
        else:
            problems.append(_wrong(prefix + key, part, values.get(key, ""), said))
    return SourceSettings(source, {}), problems


def is_unset(source: str, schema: type[Schema], environ: Mapping[str, str]) -> bool:
    """Whether nobody has begun to set this source up: none of its variables is there.

    A slip of the pen in one of them is a beginning, and is told as that.
    """
    names, prefix = names_of(source, schema), prefix_of(source)
    ends = tuple("_" + name.removeprefix(prefix) for name in names)
    there = [n for n in environ if n.startswith(prefix) and given(environ, n)]
    # HUBSPOT_B_URL is the source hubspot-b's, and no slip in HUBSPOT_URL.
    slips = [n for n in there if not n.endswith(ends)]
    near = (difflib.get_close_matches(name, names, 1, 0.9) for name in slips)
    return not (set(there) & set(names) or any(near))


def names_of(source: str, schema: type[Schema]) -> list[str]:
    """The variables of a source, in the order of its schema."""
    prefix, parts = prefix_of(source), schema().fields.items()
    return [prefix + (part.data_key or name) for name, part in parts]


def main_names(source: str, schema: type[Schema]) -> list[str]:
    """Those of them with which its set-up begins: required ones, and secrets."""
    parts = schema().fields.values()
    return [
        name
        for name, part in zip(names_of(source, schema), parts, strict=True)
        if part.required or is_secret(name, part)
    ]


def is_secret(name: str, part: fields.Field[Any]) -> bool:
    """Whether a schema's field is nobody else's to read: it says so, or its name."""
    return bool(part.metadata.get("secret") or SECRET_NAME.search(name))


def _missing(
    name: str,
    part: fields.Field[Any],
    environ: Mapping[str, str],
    prefix: str,
    keys: Iterable[str],
) -> str:
    what = str(part.metadata.get("description", "")).rstrip(".")
    line = f"{name} is not set: {what}." if what else f"{name} is not set."
    known = {prefix + key for key in keys}
    others = [other for other in environ if other not in known]
    near = difflib.get_close_matches(name, others, 1, 0.9)
    return f"{line} Is {near[0]} a slip of the pen?" if near else line


def _wrong(name: str, part: fields.Field[Any], value: str, said: str) -> str:
    if not value:
        return f"{name}: {said}"
    if is_secret(name, part) or "@" in value:
        return f"{name}: {said.replace(value, '…')}"
    return f"{name}: {said} It is {value[:60]!r} now."


def _flat(messages: Any) -> str:
    """Marshmallow's messages, which may be a list or nested, as one text."""
    if isinstance(messages, Mapping):
        messages = [_flat(one) for one in messages.values()]
    if isinstance(messages, str):
        messages = [messages]
    return " ".join(f"{str(one).rstrip('.')}." for one in messages)


def _named(text: str, prefix: str, keys: Iterable[str]) -> str:
    """The message with the schema's keys as the variables they are read from."""
    words = "|".join(sorted(map(re.escape, keys), key=len, reverse=True))
    # "Not a valid URL" speaks of a kind, not of a key.
    whole = rf"(?<![\w-])(?<!valid )({words})(?![\w-])"
    return re.sub(whole, rf"{prefix}\1", text)
