"""One mapping file, from its text to a MappingFile or to findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.domain import CrmField, ProductInfo
from app.mapping.check import check_entries, check_outcome, check_read
from app.mapping.comparisons import Maker
from app.mapping.conditions import Condition, Conditions
from app.mapping.entries import Made, Tools, make_entry
from app.mapping.files import Files, Recorder
from app.mapping.findings import Findings
from app.mapping.fragments import with_fragments
from app.mapping.header import (
    check_reply,
    check_source,
    defaults_of,
    events_of,
    name_of,
    outcome_of,
    reply_of,
)
from app.mapping.model import MappingFile
from app.mapping.nodes import Node, Table, text_at
from app.mapping.offers import Offer, check_offer
from app.mapping.questions import Questions, answering
from app.mapping.readers import Path
from app.mapping.resolve import EVENT_ONLY, Reach, Resolver
from app.mapping.rows import with_rows
from app.mapping.schema import SOURCES, MappingSchema
from app.mapping.shape import shape_findings, shape_of
from app.mapping.tables import Tables
from app.mapping.tree import UnreadableFile, parse
from app.mapping.trials import Trials, warn_unread

Schemas = Mapping[str, Mapping[str, Mapping[str, CrmField]]]

CURRENT_IS_OFF = "current is off, so nothing of it can be read"


class Compiler:
    """What all files of one loading are compiled against."""

    def __init__(
        self,
        products: Mapping[str, ProductInfo],
        schemas: Schemas | None = None,
        sources: Mapping[str, Offer] | None = None,
    ) -> None:
        self.products = products
        self.schemas = schemas or {}
        self.sources = sources

    def compile(
        self, name: str, files: Files, findings: Findings
    ) -> tuple[MappingFile, Table] | None:
        """The mapping of a file and its tree, or None after complaints."""
        # Its own findings first: what is wrong in one file is not looked for in others.
        own = Findings()
        made = self._compile(name, files, own)
        findings.add(own.all)
        return made if not own.errors else None

    def _compile(
        self, name: str, files: Files, findings: Findings
    ) -> tuple[MappingFile, Table] | None:
        recorder = Recorder(files)
        text = files.text(name)
        try:
            tree, problems = parse(text, files.called(name))
        except UnreadableFile as error:
            findings.add([error.finding])
            return None
        findings.add(problems)
        if not isinstance(tree, Table):
            fix = "Start with `mapping: 1`."
            findings.say("M101", "a mapping file is a map of keys", tree, fix)
            return None
        if "fragment" in tree.entries and "mapping" not in tree.entries:
            fix = "Put it into a folder; only routes lie directly in mappings."
            findings.say("M505", f"{name} is a fragment", tree, fix)
            return None
        tree = with_rows(with_fragments(tree, recorder, findings), findings)
        findings.add(shape_findings(shape_of(MappingSchema), tree))
        made = _OneFile(self, name, files, tree, recorder, findings).mapping(text)
        return (made, tree) if made else None


class _OneFile:
    """One file while it is compiled; keys of a wrong shape are left out."""

    def __init__(
        self,
        compiler: Compiler,
        name: str,
        files: Files,
        tree: Table,
        recorder: Recorder,
        findings: Findings,
    ) -> None:
        self.compiler = compiler
        self.file = name
        self.files = files
        self.tree = tree
        self.recorder = recorder
        self.findings = findings
        self.wrong = {finding.at[:3] for finding in findings.errors}
        self.lookups = answering(tree.get("lookups"), compiler.products)
        self.resolver = Resolver(findings, compiler.products, self.lookups)
        self.is_current_off = text_at(tree.get("current")) == "off"
        self.tools = self._tools()

    def mapping(self, text: str) -> MappingFile | None:
        """Everything of it; None if a key without which there is none is wrong."""
        tree = self.tree
        match = self._match(tree.get("match"))
        skip_when = self._condition("skip_when", tree.get("skip_when"))
        priority = tree.get("priority")
        bulk = priority.get("bulk") if isinstance(priority, Table) else None
        bulk_when = self._condition("priority", bulk)
        questions = Questions(self.tools, self.compiler.products)
        lookups = questions.compile(tree.get("lookups"), self._wrong("lookups"))
        made = self._fields(tree.get("fields"))
        check_outcome(tree.get("outcome"), self.tools)
        check_reply(tree, self.findings)
        check_read(self.resolver.current_fields, self.tools)
        self._unused_tables()
        check_source(tree.get("source"), self.compiler.sources, self.findings)
        check_offer(tree, self.tools.source, self.compiler.sources, self.findings)
        name = name_of(tree, self.file, self.findings)
        if match is None:
            return None
        written = [each.entry.field for each in made]
        mapping = MappingFile(
            name=name,
            source=self.tools.source,
            object=self.tools.object,
            path=self.files.path(self.file),
            text=text,
            version="",
            events=events_of(tree.get("on"), self.tools.object),
            match_by=match[0],
            match_from=match[1],
            entries=tuple(each.entry for each in made),
            lookups=lookups,
            skip_when=skip_when,
            bulk_when=bulk_when,
            outcome=outcome_of(tree.get("outcome")),
            reply=reply_of(tree.get("reply")),
            reads_current=not self.is_current_off,
            lead_fields=frozenset(self.resolver.lead_fields),
            lead_places=dict(self.resolver.lead_fields),
            current_fields=tuple(
                dict.fromkeys([*written, *self.resolver.current_fields])
            ),
            compared_fields=frozenset(
                [
                    *self.resolver.current_fields,
                    *(m.entry.field for m in made if m.entry.rule.compares),
                ]
            ),
            scored=frozenset(self.resolver.scored),
            products=self.compiler.products,
            schema=self.tools.schema or {},
        )
        return self._with_trials(mapping, text)

    def _with_trials(self, mapping: MappingFile, text: str) -> MappingFile:
        trials = Trials(
            mapping, self.recorder, self.findings, self.tools.schema, self.lookups
        )
        mapping = replace(
            mapping,
            trials=trials.compile(self.tree.get("tests")),
            # Last: by now all that the file reads has been read.
            version=self.recorder.version(text),
        )
        warn_unread(mapping, self.resolver.lead_fields, self.findings)
        return mapping

    def _tools(self) -> Tools:
        tree, findings = self.tree, self.findings
        source, obj = text_at(tree.get("source")), text_at(tree.get("object"))
        is_sound = not self._wrong("defaults")
        defaults = defaults_of(tree.get("defaults") if is_sound else None, findings)
        maker = Maker(findings, self.recorder, defaults.zone)
        tables = tree.get("translations")
        named = tables.entries if isinstance(tables, Table) else {}
        objects = self.compiler.schemas.get(source, {})
        by_name = {name.casefold(): fields for name, fields in objects.items()}
        return Tools(
            findings=findings,
            resolver=self.resolver,
            conditions=Conditions(findings, self.resolver, maker),
            tables=Tables(findings, self.recorder, named),
            defaults=defaults,
            schema=by_name.get(obj.casefold()),
            source=source,
            object=obj,
        )

    def _wrong(self, key: str) -> frozenset[str]:
        return frozenset(at[1] for at in self.wrong if at[:1] == (key,) and at[1:])

    def _condition(self, key: str, node: Node | None) -> Condition | None:
        if node is None:
            return None
        reach = EVENT_ONLY
        if key == "skip_when":
            reach = Reach(
                has_current=not self.is_current_off,
                too_early_fix="Use `when` on the fields, or on the lookup.",
                no_current=CURRENT_IS_OFF,
                no_current_fix="Take `current: off` out.",
            )
        return self.tools.conditions.compile(node, reach)

    def _match(self, node: Node | None) -> tuple[str, Path] | None:
        if not isinstance(node, Table):
            return None
        by, path = text_at(node.get("by")), node.get("from")
        read = self.resolver.path(path, EVENT_ONLY) if text_at(path) else None
        return (by, read) if by and read else None

    def _fields(self, node: Node | None) -> list[Made]:
        if not isinstance(node, Table):
            return []
        reach = Reach(
            lookups=frozenset(self.lookups),
            has_current=not self.is_current_off,
            no_current=CURRENT_IS_OFF,
            no_current_fix="Take `current: off` out.",
        )
        wrong = self._wrong("fields")
        found = [
            make_entry(name, entry, reach, self.tools)
            for name, entry in node.entries.items()
            if isinstance(entry, Table) and name not in wrong
        ]
        self._look_into_wrong(node, wrong, reach)
        made = [each for each in found if each is not None]
        is_on = not self.is_current_off
        check_entries(made, node, self.tools, reads_current=is_on)
        return made

    def _look_into_wrong(
        self, node: Table, wrong: frozenset[str], reach: Reach
    ) -> None:
        """Complain about the sound keys of entries of a wrong shape as well."""
        for name in wrong:
            entry = node.entries.get(name)
            if not isinstance(entry, Table):
                continue
            bad = {at[2] for at in self.wrong if at[:2] == ("fields", name) and at[2:]}
            sound = {key: each for key, each in entry.entries.items() if key not in bad}
            if set(sound) & (set(SOURCES) - {"text"}):
                make_entry(name, replace(entry, entries=sound), reach, self.tools)

    def _unused_tables(self) -> None:
        """Tables that no field uses are checked too: tomorrow one may."""
        for name in self.tools.tables.named:
            self.tools.tables.by_name(name)
