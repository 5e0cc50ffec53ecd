"""The tests inside a mapping file: what they say of the world, step by step."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain import AnswerField, CrmField, LookupResult, ProductInfo
from app.mapping.catalogue import named
from app.mapping.comparisons import FileMissing
from app.mapping.files import Recorder
from app.mapping.findings import Findings, closest, did_you_mean
from app.mapping.model import MappingFile
from app.mapping.nodes import Items, Node, Scalar, Table, plain
from app.mapping.questions import lookups_of, product_named
from app.mapping.shape import Shape, shape_findings, shape_of
from app.mapping.spans import span_of
from app.mapping.trial_schema import FieldSchema, StepSchema, TrialSchema, an_answer
from app.values import read_moment

#: The clock of a test that names none.
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Given:
    """What a test says that 6sense answers: a result, or an answer in raw shape."""

    result: LookupResult
    api: str
    raw: Any = None
    #: From a recorded file: judged like a live one, so it may be no match.
    is_recorded: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a test; what it does not name stays as the step before left it."""

    node: Table
    lead: Mapping[str, Any]
    current: Mapping[str, Any]
    #: Field → our last value and how long ago it was written.
    last_written: Mapping[str, tuple[Any, timedelta]]
    answers: Mapping[str, Given]
    run: Mapping[str, Any]
    after: timedelta
    expect: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """One test and the events that follow in it."""

    name: str
    now: datetime
    schema: Mapping[str, CrmField]
    steps: tuple[Step, ...]


class Trials:
    """Compiles the tests of one mapping."""

    def __init__(
        self,
        mapping: MappingFile,
        recorder: Recorder,
        findings: Findings,
        pulled: Mapping[str, CrmField] | None,
        lookups: Collection[str],
    ) -> None:
        self.mapping = mapping
        self.recorder = recorder
        self.findings = findings
        self.pulled = pulled or {}
        # All that the file names: one whose API is wrong has its complaint already.
        answers: dict[str, Any] = {name: Shape(an_answer) for name in lookups}
        self.trial_schema = TrialSchema.from_dict(answers)()
        self.step_schema = StepSchema.from_dict(answers)()

    def compile(self, node: Node | None) -> tuple[Trial, ...]:
        """All tests of the right shape; complains about the others."""
        if node is None:
            return ()
        if not isinstance(node, Items):
            self.findings.say("M107", "`tests` wants a list", node, TrialSchema.example)
            return ()
        found = [self._trial(item) for item in node.items]
        trials = tuple(trial for trial in found if trial is not None)
        names = [trial.name for trial in trials]
        for trial in trials:
            if names.count(trial.name) > 1:
                message = f"two tests are named '{trial.name}'"
                self.findings.say("M502", message, trial.steps[0].node)
        return trials

    def _fits(self, schema: Any, node: Node, example: str) -> bool:
        if not isinstance(node, Table):
            self.findings.say("M107", "a map is wanted here", node, example)
            return False
        problems = shape_findings(schema, node)
        self.findings.add(problems)
        return not problems

    def _trial(self, node: Node) -> Trial | None:
        if not self._fits(self.trial_schema, node, TrialSchema.example):
            return None
        if not isinstance(node, Table):
            return None
        nexts = node.get("next")
        if nexts is not None and not isinstance(nexts, Items):
            self.findings.say("M107", "`next` wants a list", nexts, StepSchema.example)
            return None
        steps = [self._step(node)]
        for item in nexts.items if nexts is not None else ():
            if self._fits(self.step_schema, item, StepSchema.example):
                steps.append(self._step(item))
        now = read_moment(plain(node.entries["now"])) if "now" in node.entries else NOW
        return Trial(
            str(plain(node.entries["name"])),
            NOW if now is None else now,
            {**self.pulled, **self._schema(node.get("schema"))},
            tuple(steps),
        )

    def _step(self, node: Node) -> Step:
        if not isinstance(node, Table):  # pragma: no cover - its shape was checked
            raise TypeError("a step is a map")
        values = plain(node)
        after = span_of(values.get("after"))
        return Step(
            node,
            values.get("lead", {}),
            values.get("current", {}),
            _last_written(values.get("last_written", {})),
            self._answers(node),
            values.get("run", {}),
            after if after is not None else timedelta(0),
            values["expect"],
        )

    def _answers(self, node: Table) -> dict[str, Given]:
        found: dict[str, Given] = {}
        for lookup in self.mapping.lookups:
            answer = node.get(lookup.name)
            if answer is not None:
                given = self._given(answer, lookup.api)
                if given is not None:
                    found[lookup.name] = given
        return found

    def _given(self, node: Node, api: str) -> Given | None:
        if isinstance(node, Scalar):
            word = str(node.value)
            if word.endswith(".json"):
                return self._recorded(node, word, api)
            return Given(LookupResult(word), api)
        raw = plain(node)
        said = raw.pop("api", None)
        products = lookups_of(self.mapping.products)
        info = product_named(products, said if said else api)
        if info is None:
            place = node.entries["api"] if isinstance(node, Table) else node
            fix = did_you_mean(str(said), products)
            self.findings.say("M106", f"'{said}' is not an API of 6sense", place, fix)
            return None
        self._check_answer(node, info)
        return Given(LookupResult.MATCHED, info.name, raw)

    def _recorded(self, node: Scalar, name: str, api: str) -> Given | None:
        try:
            raw = json.loads(self.recorder.text(name))
        except FileMissing as error:
            self.findings.say("M602", str(error), node, "Look at the file's name.")
            return None
        except (ValueError, RecursionError):
            self.findings.say("M602", f"{name} is not readable JSON", node)
            return None
        return Given(LookupResult.MATCHED, api, raw, is_recorded=True)

    def _check_answer(self, node: Node, info: ProductInfo) -> None:
        """Names that 6sense does not send are typing errors."""
        root = node.at[-1] if node.at else ""
        if isinstance(node, Table):
            inner = {key: each for key, each in node.entries.items() if key != "api"}
            self._check_names(replace(node, entries=inner), info.fields, info, root)

    def _check_names(
        self, node: Node, fields: Sequence[AnswerField], info: ProductInfo, at: str
    ) -> None:
        for item in node.items if isinstance(node, Items) else (node,):
            for key, each in item.entries.items() if isinstance(item, Table) else ():
                known = named(fields, key)
                if known is None and isinstance(item, Table):
                    near = closest(key, [field.name for field in fields])
                    fix = f"Did you mean {near}?" if near else ""
                    message = f"{at}.{key} is not in {info.name}"
                    self.findings.say("M603", message, item.keys[key], fix)
                elif known is not None and known.members:
                    self._check_names(each, known.members, info, f"{at}.{key}")

    def _schema(self, node: Node | None) -> dict[str, CrmField]:
        found: dict[str, CrmField] = {}
        for name, each in node.entries.items() if isinstance(node, Table) else ():
            if self._fits(shape_of(FieldSchema), each, FieldSchema.example):
                said = plain(each)
                values = said.get("values")
                found[name] = CrmField(
                    name,
                    said["type"],
                    length=said.get("length"),
                    read_only=said.get("read_only", False),
                    values=tuple(values) if values else None,
                )
        return found


def warn_unread(
    mapping: MappingFile, read: Mapping[str, Scalar], found: Findings
) -> None:
    """A field of the lead that no test has is often a slip of the hand."""
    if not mapping.trials:
        return
    given = {
        name for trial in mapping.trials for step in trial.steps for name in step.lead
    }
    for name, node in read.items():
        near = closest(name, given)
        if name not in given and near is not None:
            message = f"no test has lead.{name}"
            found.say("W210", message, node, f"Did you mean lead.{near}?")


def _last_written(said: Mapping[str, Any]) -> dict[str, tuple[Any, timedelta]]:
    found: dict[str, tuple[Any, timedelta]] = {}
    for name, value in said.items():
        if isinstance(value, Mapping):
            ago = span_of(value.get("ago"))
            found[name] = (value.get("value"), ago or timedelta(0))
        else:
            found[name] = (value, timedelta(0))
    return found
