"""`leadbridge sixsense PRODUCT ...`: 6sense asked by hand, one command a product."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from app.cli import answers
from app.errors import (
    AnswerUnexpected,
    ConfigurationError,
    CredentialsRefused,
    QuotaSpent,
    RateLimited,
    RemoteError,
    RequestRefused,
)
from app.sixsense import PRODUCTS, people_search, people_search_dictionary
from app.sixsense.client import DEFAULT
from app.sixsense.product import Product, trimmed

if TYPE_CHECKING:
    from app.sixsense.client import Answered

#: Asks one product with these inputs.
Ask = Callable[[str, Mapping[str, Any]], "Answered"]

#: Of a product's first argument, by what the product needs.
_ABOUT = {
    ("email",): "EMAIL",
    ("email", "domain"): "EMAIL|DOMAIN",
    ("email", "linkedinUrl", "peopleId"): "EMAIL|LINKEDIN|PEOPLE_ID",
    ("ip",): "IP",
}
_HELP = {
    "lead-scoring-and-firmographics": "Company, scores and segments of a person.",
    "lead-scoring": "Scores of a person. Takes no credit.",
    "company-firmographics": "A company, by a person's e-mail or by its domain.",
    "company-firmographics-v2": "A company by e-mail: the former version.",
    "people-enrichment": "A person, by e-mail, LinkedIn address or people id.",
    "company-identification": "The company behind an IPv4 address.",
}
_INPUTS = {
    "country": "Base country of the company.",
    "website": "Of the company.",
    "company": "Its name.",
    "domain": "Tried where the e-mail knows nothing.",
    "title": "The person's job title.",
    "leadsource": "As your own database has it.",
    "firstname": "Of the person.",
    "lastname": "Of the person.",
    "role": "Of the person.",
    "industry": "Of the company.",
    "ip": "The person's IPv4 address.",
    "EpsilonCookie": "Passed on as it is.",
}
#: Inputs that the first argument stands for.
_NAMED = frozenset({"email", "linkedinUrl", "peopleId"})

AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON.")
AS_CSV = click.option("--csv", "as_csv", is_flag=True, help="CSV for spreadsheets.")
YES = click.option("--yes", is_flag=True, help="A credit may be spent.")


@click.group()
def sixsense() -> None:
    """Ask 6sense by hand: one command for each product.

    Needs SIXSENSE_TOKEN. Before a call that may cost a credit it is said what it may
    cost; 6sense tells no costs, so they are estimated. Where this machine knows the
    service's database, calls wait in turn with the service's own. No answer is stored.
    """


def _command(product: Product) -> click.Command:
    """The command of a product that has one answer."""
    info = product.info
    (group,) = info.required
    about = click.Argument(["about"], metavar=_ABOUT[group])
    options: list[click.Parameter] = [
        click.Option([f"--{_dashed(name)}", name], help=_INPUTS[name])
        for name in info.inputs
        if name not in _NAMED and (name,) != group
    ]

    @AS_JSON
    @AS_CSV
    @YES
    def run(
        about: str, as_json: bool, as_csv: bool, yes: bool, **inputs: str | None
    ) -> int:
        given = {**inputs, **_about(group, about)}
        return _one(product, given, as_json=as_json, as_csv=as_csv, yes=yes)

    made = click.command(info.name, help=_HELP[info.name])(run)
    made.params = [about, *options, *made.params]
    if info.pool is None:
        made.params = [param for param in made.params if param.name != "yes"]
        made.callback = lambda **given: run(yes=True, **given)
    return made


def _dashed(name: str) -> str:
    return "epsilon-cookie" if name == "EpsilonCookie" else name


def _about(group: Sequence[str], about: str) -> dict[str, str]:
    """Which of the inputs that will do the argument is."""
    if "email" in group and ("@" in about or len(group) == 1):
        return {"email": about}
    if "linkedinUrl" in group:
        return {"linkedinUrl" if "/" in about else "peopleId": about}
    return {group[-1]: about}


def _one(
    product: Product,
    inputs: Mapping[str, Any],
    *,
    as_json: bool,
    as_csv: bool,
    yes: bool,
) -> int:
    from app.cli.preview import may_spend
    from app.pipeline.live_preview import cost_of

    _one_form(as_json, as_csv)
    name = product.info.name
    with _asking(name) as ask:
        # First, so that nobody agrees to pay for what is not asked then.
        product.check(trimmed(inputs))
        if product.info.successor:
            click.echo(
                f"{name} is a former version; {product.info.successor} is the present "
                "one.",
                err=True,
            )
        cost = cost_of(name)
        if cost and not may_spend(f"Asking {name} {cost}", yes=yes):
            click.echo("Nothing was asked.", err=True)
            return 0
        answered = ask(name, inputs)
    click.echo(_summary(product, answered), err=True)
    rows = list(answers.paths_of(product.info.fields, answered.data or {}))
    if as_json:
        answers.print_json(_as_data(product, answered))
    elif as_csv:
        answers.print_csv(("path", "value"), rows)
    elif rows:
        answers.print_table(("path", "value"), rows)
    return 0


def _one_form(as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise click.UsageError("Say one of --json and --csv.")


def _as_data(product: Product, answered: Answered) -> dict[str, Any]:
    return {
        "product": product.info.name,
        "version": product.info.version,
        "result": answered.result.value,
        "status": answered.status,
        "credits_estimated": answered.credits,
        "message": answered.message,
        "data": answered.data,
    }


def _summary(product: Product, answered: Answered) -> str:
    """`lead-scoring v2: matched, 0 credits (estimated), 41 ms`."""
    count = f"{answered.credits} credit{'s' * (answered.credits != 1)} (estimated)"
    said = f": {answered.message}" if answered.message else ""
    name = f"{product.info.name} {product.info.version}"
    return f"{name}: {answered.result}, {count}, {answered.ms:.0f} ms{said}"


@sixsense.command("people-search")
@click.argument("domain")
@click.option("--title", "titles", multiple=True, help="At most 10, one each time.")
@click.option("--country", multiple=True, help="At most 10.")
@click.option("--state", multiple=True, help="At most 10.")
@click.option("--city", multiple=True, help="At most 10.")
@click.option("--industry", help="One only.")
@click.option("--most", type=click.IntRange(1), help="Stop after so many people.")
@AS_JSON
@AS_CSV
def search(
    domain: str,
    industry: str | None,
    most: int | None,
    as_json: bool,
    as_csv: bool,
    **filters: tuple[str, ...],
) -> int:
    """The people of a company, over all pages; names stay masked. Takes no credit.

    Filters understand the words of `people-search-dictionary`. Contact details are
    bought one by one: `people-enrichment PEOPLE_ID`.
    """
    _one_form(as_json, as_csv)
    size = min(most or people_search.PAGE_SIZE, people_search.PAGE_SIZE)
    lists = {name: list(values) for name, values in filters.items()}
    inputs = {"domain": domain, "industry": industry, "page_size": size, **lists}
    name = people_search.PRODUCT.info.name
    found, total = _gathered(name, inputs, lambda page: len(page["people"]), most)
    people = [row for page in found for row in page["people"]][:most]
    total = max(total, len(people))
    click.echo(f"{len(people):,} of {total:,} people.", err=True)
    if as_json:
        answers.print_json({"domain": domain, "total": total, "people": people})
        return 0
    (profile,) = (f for f in people_search.PRODUCT.info.fields if f.name == "people")
    names = [field.name for field in profile.members]
    _print(names, [[one[name] for name in names] for one in people], as_csv)
    return 0


@sixsense.command("people-search-dictionary")
@click.argument("domain")
@AS_JSON
@AS_CSV
def dictionary(domain: str, as_json: bool, as_csv: bool) -> int:
    """The words that a search of a company understands. Takes no credit."""
    _one_form(as_json, as_csv)
    names = people_search_dictionary.LISTS
    name = people_search_dictionary.PRODUCT.info.name
    found, _ = _gathered(name, {"domain": domain}, lambda page: 0, None)
    lists = {name: [word for page in found for word in page[name]] for name in names}
    counts = ", ".join(f"{len(lists[name]):,} {name}" for name in names)
    click.echo(f"{counts}.", err=True)
    if as_json:
        answers.print_json({"domain": domain, **lists})
        return 0
    rows = zip_longest(*lists.values(), fillvalue="")
    _print(names, list(rows), as_csv)
    return 0


def _print(names: Sequence[str], rows: Sequence[answers.Row], as_csv: bool) -> None:
    if as_csv:
        answers.print_csv(names, rows)
    elif rows:
        answers.print_table(names, rows)


def _gathered(
    name: str,
    inputs: Mapping[str, Any],
    count: Callable[[Mapping[str, Any]], int],
    most: int | None,
) -> tuple[list[Mapping[str, Any]], int]:
    """All pages, or as many as hold `most`; and how many records there are."""
    from app.sixsense.paging import pages

    found: list[Mapping[str, Any]] = []
    total = so_far = 0
    with _asking(name) as ask, ExitStack() as stack:
        step: Callable[[int], None] | None = None
        for answered in pages(ask, name, inputs):
            page = answered.data
            if page is None:
                break
            found.append(page)
            so_far += count(page)
            total = max(total, _whole(page["total_record_count"]), so_far)
            if step is None:
                step = stack.enter_context(_progress(_whole(page["total_pages"])))
            step(1)
            if most is not None and so_far >= most:
                break
    return found, total


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


@contextmanager
def _progress(pages: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, if there is something to wait for."""
    if pages < 2 or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=pages, file=sys.stderr, label="pages") as bar:
        yield bar.update


@contextmanager
def _asking(product: str) -> Iterator[Ask]:
    """Calls of one product, in turn; errors of 6sense say what to do about them."""
    from app import runtime
    from app.cli.preview import database_if_there
    from app.cli.serve import load_settings
    from app.cli.turns import OwnTurns, SharedTurns

    settings = load_settings(LOG_LEVEL="WARNING")
    client = runtime.sixsense_of(settings)
    with ExitStack() as stack:
        database = database_if_there(settings, stack)
        if database is not None:
            ring = runtime.ring_of(settings, database, client, product)
            turns: SharedTurns | OwnTurns = SharedTurns(ring, _say_wait)
        else:
            calls, window_s = settings.sixsense_rate_limit, settings.rate_window_s
            turns = OwnTurns(calls, window_s, _say_wait)

        def ask(name: str, inputs: Mapping[str, Any]) -> Answered:
            with turns.turn():
                return client.call(name, inputs)

        try:
            yield ask
        except RemoteError as error:
            fix = what_to_do(product, client.token_name(product), error)
            # 6sense's own words may end in one already.
            raise ConfigurationError(f"{error}".rstrip(".") + ".", [fix]) from error


def _say_wait(seconds: float) -> None:
    click.echo(f"Waiting {seconds:.0f} s: the calls of this minute are made.", err=True)


def variable_of(token: str) -> str:
    """The setting that holds a token, by the token's name."""
    own = "" if token == DEFAULT else f"_{token.upper().replace('-', '_')}"
    return f"SIXSENSE_TOKEN{own}"


def what_to_do(product: str, token: str, error: RemoteError) -> str:
    """The way out of an error of 6sense, for whoever can change settings."""
    variable = variable_of(token)
    if isinstance(error, CredentialsRefused):
        return f"Look at {variable}, and at what that token was made for."
    if isinstance(error, QuotaSpent):
        pool = PRODUCTS[product].info.pool
        return f"Credits ({pool}) are topped up by your customer success manager."
    if isinstance(error, RateLimited):
        wait = f"in {error.retry_after:.0f} s" if error.retry_after else "in a minute"
        return f"Try again {wait}; somebody else may use that token as well."
    if isinstance(error, RequestRefused):
        return f"leadbridge sixsense {product} --help tells what it takes."
    if isinstance(error, AnswerUnexpected):
        return "Look at SIXSENSE_URL; unset, 6sense's own hosts are asked."
    return "Try again in a while. A credit may have been taken."


for _product in PRODUCTS.values():
    if _product.info.is_lookup:
        sixsense.add_command(_command(_product))
