"""The whole product as real processes: PostgreSQL, sandbox, web, workers.

Every process is started by its own command and known by its id; the tests kill
them by that id, and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from app.ledger import wakeups
from app.ledger.database import Database, DatabaseAway, upgrade
from app.ledger.pauses import Pauses, Scope
from app.ledger.runs import Runs
from app.ledger.wakeups import Wake
from app.pipeline.complete import MISSING_WAITS_S
from sandbox import people

ROOT = Path(__file__).parents[1]
SECRET = "a-webhook-secret"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
HEADERS = {"X-Leadbridge-Secret": SECRET, "Content-Type": "application/json"}
FINAL = ("written", "replied", "kept", "skipped", "failed")

#: The clock of the engine, ten times shorter.
FAST = {
    "RETRY_WAITS_S": "0.3,0.6,1,1,1,1,1,1,1,1",
    "SWEEP_EVERY_S": "0.5",
    "HEARTBEAT_S": "0.4",
    "STALLED_AFTER_S": "1.5",
    "BATCH_PAUSE_S": "0.3",
    "SHUTDOWN_S": "5",
    # Calls are counted; tests of the search wake it themselves.
    "RECONCILE_EVERY_S": "0",
    "RECONCILE_GRACE_S": "0",
}


#: For tests about kills, not about limits: sandbox options and our own settings.
NO_LIMITS: dict[str, dict[str, Any]] = {
    "sixsense": {"rate_calls": 0},
    "marketo": {"rate_calls": 0, "in_flight": 0, "daily_quota": 0},
}
UNLIMITED = {"SIXSENSE_RATE_LIMIT": "0", "MARKETO_CALL_LIMIT": "0"}


def email_of(lead_id: int) -> str:
    """The address of a lead that `Stack.seed` makes; a company of its own each."""
    return f"p{lead_id}@c{lead_id}.example"


def values_of(email: str) -> dict[str, Any]:
    """What mappings/marketo.yaml makes of this address, worked out by hand."""
    answer = people.full_answer(email)
    company, platform = answer["company"], answer["scores"][0]
    stage = platform["company_buying_stage"]
    return {
        "sixsenseIntent": platform["company_intent_score"],
        "sixsenseStage": f"{people.STAGES.index(stage) + 1} - {stage}",
        "sixsenseGrade": platform["contact_grade"],
        "sixsenseEmployees": int(company["employeeCount"]),
        "sixsenseAnnualRevenue": int(company["annualRevenue"]),
        "sixsenseDomain": company["domain"],
        "sixsenseRegion": company["region"],
        "sixsenseIndustry": company["industry"],
        "sixsenseSegments": "; ".join(answer["segments"]["names"]) or None,
        "sixsenseResult": "matched",
    }


def assert_values(
    leads: Mapping[int, Mapping[str, Any]],
    ids: Sequence[int],
    *,
    absent: Sequence[str] = (),
) -> None:
    """Each of `ids` has every value that the mapping makes; of those `absent`, none."""
    wrong = {
        (lead_id, name): f"{leads[lead_id].get(name)!r} instead of {value!r}"
        for lead_id in ids
        for name, value in values_of(email_of(lead_id)).items()
        if leads[lead_id].get(name) != (None if name in absent else value)
    }
    examples = list(wrong.items())[:3]
    assert not wrong, f"{len(wrong)} wrong values, such as {examples}"


def _hear_interrupts() -> None:
    """A shell's background job, as a test run may be, hands on that ^C is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Process:
    """One process of ours; its output goes to a file that failures show."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, *arguments],
                env=dict(environ),
                cwd=ROOT,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_hear_interrupts,
            )

    def say(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def await_line(self, pattern: str, *, within_s: float = 30) -> re.Match[str]:
        """The first line that matches; AssertionError if it ends or takes too long."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            match = re.search(pattern, self.say())
            if match:
                found.append(match)
            ended = self.popen.poll()
            assert match or ended is None, (
                f"{self.name} ended with {ended}:\n{self.say()[-4000:]}"
            )
            return bool(match)

        until(look, f"{self.name} to say {pattern!r}", within_s=within_s)
        return found[0]

    def kill(self) -> None:
        """SIGKILL to the whole group: it gets no chance to tidy up."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def freeze(self) -> None:
        """SIGSTOP to the whole group: it lives, and does nothing."""
        os.killpg(self.popen.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on, and does not know that time has passed."""
        os.killpg(self.popen.pid, signal.SIGCONT)

    def stop(self, within_s: float = 30) -> int:
        """SIGTERM, and its exit code."""
        if self.popen.poll() is None:
            self.popen.terminate()
        return self.popen.wait(within_s)


class Stack:
    """One installation of its own, on a database of its own."""

    def __init__(
        self,
        folder: Path,
        database_url: str | None,
        mappings: Path = ROOT / "mappings",
        **environ: str,
    ) -> None:
        self.folder = folder
        self.database_url = database_url
        self.processes: list[Process] = []
        self.sandbox_url = ""
        self.web_url = ""
        self.environ = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": os.environ.get("HOME", str(folder)),
            "MAPPINGS_DIR": str(mappings),
            "SIXSENSE_TOKEN": TOKEN,
            "MARKETO_CLIENT_ID": "sandbox-client",
            "MARKETO_CLIENT_SECRET": "sandbox-secret",
            "MARKETO_WEBHOOK_SECRET": SECRET,
            "HOST": "127.0.0.1",
            "PYTHONWARNINGS": "default",
            **FAST,
            **environ,
        }
        if database_url is not None:
            self.environ["DATABASE_URL"] = database_url
            upgrade(database_url)
        # Connects when it is first used; an embedded one has no address before.
        url = database_url or "postgresql+psycopg://"
        self.database = Database(url, connections=2, name="tests")

    # Processes

    def run(self, name: str, *arguments: str, **environ: str) -> Process:
        """Start one process of this installation."""
        number = len(self.processes)
        process = Process(
            name,
            arguments,
            {**self.environ, **environ},
            self.folder / f"{number}-{name}.log",
        )
        self.processes.append(process)
        return process

    def command(self, *arguments: str, exit_code: int = 0, **environ: str) -> str:
        """What a command prints, both ways; AssertionError if it ends otherwise."""
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            env={**self.environ, "COLUMNS": "200", **environ},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        said = done.stdout.decode()
        assert done.returncode == exit_code, said
        return said

    def start_sandbox(self, **options: Any) -> Process:
        """Start the sandbox without demo leads; `options` as its reset takes them."""
        process = self.run("sandbox", "-m", "sandbox", "--port", "0")
        found = process.await_line(r"listening on (http://\S+)")
        self.sandbox_url = found[1]
        self.environ["SIXSENSE_URL"] = self.sandbox_url
        self.environ["MARKETO_URL"] = self.sandbox_url
        self.sandbox("reset", {"seed_demo": False, **options})
        return process

    def start_web(self, **environ: str) -> Process:
        """Start web on a free port, or on the port it had before."""
        port = self.web_url.rpartition(":")[2] or "0"
        process = self.run("web", "-m", "app", "web", PORT=port, **environ)
        found = process.await_line(r"web listens.*?port\"?[=:]\s*(\d+)")
        self.web_url = f"http://127.0.0.1:{found[1]}"
        return process

    def start_worker(self, **environ: str) -> Process:
        """Start one worker and wait until it works."""
        process = self.run("worker", "-m", "app", "worker", **environ)
        process.await_line(r"worker started")
        return process

    def start(self, **options: Any) -> Stack:
        """Sandbox, web and one worker."""
        self.start_sandbox(**options)
        self.start_web()
        self.start_worker()
        return self

    def close(self) -> None:
        """Kill what still runs, and say what it said if a test failed."""
        for process in self.processes:
            process.kill()
        self.database.close()

    def logged(self, message: str) -> list[dict[str, Any]]:
        """The log lines with this message, of all processes, as they came."""
        lines = [line for p in self.processes for line in p.say().splitlines()]
        found = [json.loads(line) for line in lines if f'"{message}"' in line]
        return [line for line in found if line["message"] == message]

    # The world outside

    def sandbox(self, path: str, body: Any = None, **params: Any) -> Any:
        """Call the sandbox's control API: POST with a body, else GET."""
        url = f"{self.sandbox_url}/_sandbox/{path}"
        if body is None:
            answer = requests.get(url, params=params, timeout=30)
        else:
            answer = requests.post(url, json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def seed(self, count: int, first_id: int = 1001, **like: Any) -> list[int]:
        """Create leads as `post_lead` tells of them; returns their ids."""
        ids = list(range(first_id, first_id + count))
        leads = [{"id": n, "email": email_of(n), **like} for n in ids]
        self.sandbox("leads", {"leads": leads})
        return ids

    def leads(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Leads as the sandbox has them now, by id."""
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(ids), 500):
            part = ",".join(map(str, ids[start : start + 500]))
            state = self.sandbox("state", ids=part, calls=0)
            found |= {int(key): lead for key, lead in state["leads"].items()}
        return found

    def assert_right(self, ids: Sequence[int], *, absent: Sequence[str] = ()) -> None:
        """Each of these leads has every value it should; of those `absent`, none."""
        assert_values(self.leads(ids), ids, absent=absent)

    def state(self) -> Any:
        """The sandbox's counters."""
        return self.sandbox("state", calls=0)

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Script what goes wrong next, as docs/sandbox.md describes it."""
        self.sandbox("faults", list(faults))

    def type_in(self, lead_id: int, **values: Any) -> None:
        """Change a lead in Marketo as a person there would."""
        body = {
            "action": "updateOnly",
            "lookupField": "id",
            "input": [{"id": lead_id, **values}],
        }
        self._marketo("/rest/v1/leads.json", body, "updated")

    def delete(self, lead_id: int) -> None:
        """Delete a lead in Marketo, as merging does to one of two."""
        body = {"input": [{"id": lead_id}]}
        self._marketo("/rest/v1/leads/delete.json", body, "deleted")

    def _marketo(self, path: str, body: dict[str, Any], status: str) -> None:
        credentials = {"grant_type": "client_credentials", **self._credentials()}
        identity = f"{self.sandbox_url}/identity/oauth/token"
        token = requests.post(identity, data=credentials, timeout=30).json()
        answer = requests.post(
            self.sandbox_url + path,
            json=body,
            headers={"Authorization": f"Bearer {token['access_token']}"},
            timeout=30,
        ).json()
        assert answer["result"][0]["status"] == status, answer

    def _credentials(self) -> dict[str, str]:
        return {
            "client_id": self.environ["MARKETO_CLIENT_ID"],
            "client_secret": self.environ["MARKETO_CLIENT_SECRET"],
        }

    def refused(self) -> dict[str, Any]:
        """Answers that real limits of the sandbox gave us, by system: none are due."""
        state = self.state()
        return {name: state[name]["refused"] for name in ("sixsense", "marketo")}

    def fault(self, system: str, kind: str, **more: Any) -> None:
        """Script one fault; `more` as docs/sandbox.md has it."""
        self.sandbox("faults", [{"system": system, "kind": kind, **more}])

    def await_held(self, count: int = 1, *, within_s: float = 30) -> None:
        """Wait until scripted faults hold this many calls at once."""

        def is_held() -> bool:
            faults = self.sandbox("faults")["faults"]
            return sum(fault["holding"] for fault in faults) >= count

        until(is_held, f"{count} held calls", within_s=within_s)

    def end_faults(self) -> None:
        """Forget all faults and let held calls go."""
        url = f"{self.sandbox_url}/_sandbox/faults"
        assert requests.delete(url, timeout=30).ok

    def status(self, path: str) -> int:
        """What web answers to a GET of this path; 0: nothing at all."""
        try:
            return requests.get(self.web_url + path, timeout=10).status_code
        except requests.RequestException:
            return 0

    def post(
        self, body: Any, *, path: str = "/webhooks/marketo", **headers: str
    ) -> requests.Response:
        """One webhook, as Marketo would send it."""
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        return requests.post(
            self.web_url + path, data=data, headers={**HEADERS, **headers}, timeout=30
        )

    def post_lead(self, lead_id: int, **more: Any) -> requests.Response:
        """The webhook of a new lead that `seed` made."""
        return self.post({"id": lead_id, "email": email_of(lead_id), **more})

    def post_leads(self, ids: Sequence[int], *, at_once: int = 8) -> set[int]:
        """Webhooks of leads that `seed` made; the ids of those that got a 2xx.

        The others found web, or its database, away: a broken connection or a 503.
        """

        def is_taken(lead_id: int) -> bool:
            try:
                answer = self.post_lead(lead_id)
            except requests.RequestException:
                return False
            assert answer.ok or answer.status_code == 503, answer.text
            return answer.ok

        with ThreadPoolExecutor(at_once) as pool:
            taken = list(pool.map(is_taken, ids))
        return {n for n, is_in in zip(ids, taken, strict=True) if is_in}

    # The ledger

    def query(self, sql: str, **values: Any) -> Sequence[sa.Row[Any]]:
        """Rows of the ledger."""
        return self.database.rows(sa.text(sql), **values)

    def run_of(self, lead_id: int | str) -> sa.Row[Any]:
        """The newest run of a lead."""
        rows = self.query(
            "select * from runs where lead_id = :id order by id desc limit 1",
            id=str(lead_id),
        )
        assert rows, f"lead {lead_id} has no run"
        return rows[0]

    def pauses(self) -> dict[tuple[str, str], str]:
        """Causes of the pauses in force, by kind and scope."""
        rows = self.query("select * from pauses where lifted_at is null")
        return {(row.kind, row.scope): row.cause for row in rows}

    def await_resumed(self) -> None:
        """Wait until no pause is in force: it is lifted just after its probe."""
        until(lambda: self.pauses() == {}, f"an end of {self.pauses()}")

    def pause(self, kind: str, scope: str) -> None:
        """Stop a source, token, pool or product until `let_waits_end`."""
        Pauses(self.database).begin(Scope(kind, scope), "for a test", cause="test")

    def clear(self, **options: Any) -> None:
        """Forget every lead and call, here and outside; the processes run on."""
        for process in self.processes:
            assert process.popen.poll() is None, f"{process.name}: {process.say()}"
        until(self._is_emptied, "the ledger to be emptied")
        self.query("update rate_slots set at = 'epoch'")
        self.query(
            "delete from installation"
            " where name like 'turn:%' and name not like 'turn:p%'"
        )
        self.sandbox("reset", {"seed_demo": False, **options})

    def _is_emptied(self) -> bool:
        """False if a pump at work and we waited for each other's tables."""
        try:
            self.query(
                "truncate deliveries, runs, run_lookups, enrichments, batches,"
                " attempts, updates, last_written, pauses, streaks, follow_ups,"
                " cursors, usage_days"
            )
        except DatabaseAway:
            return False
        return True

    def let_waits_end(self) -> None:
        """As if every wait and pause had just run out, and the sweep had come."""
        self.query("update runs set due_at = now() where due_at > now()")
        self.query("update batches set due_at = now() where due_at > now()")
        self.query("update follow_ups set due_at = now() where due_at > now()")
        self.query("update pauses set until = now() where lifted_at is null")
        due = Runs(self.database).due()
        wakeups.wake(self.database, [Wake(task, scope) for task, scope in due])

    def look_again(self, lead_id: int) -> None:
        """Let it be looked for a record that is not there as often as it is."""
        for looks in range(1, len(MISSING_WAITS_S) + 1):
            until(
                lambda looks=looks: self.run_of(lead_id).attempts == looks,
                f"look number {looks} for {lead_id}",
            )
            self.let_waits_end()

    def counts(self) -> dict[str, int]:
        """Runs by state."""
        rows = self.query("select state, count(*) as n from runs group by state")
        return {row.state: row.n for row in rows}

    def assert_recorded_once(self, ids: Sequence[int]) -> None:
        """One written run for each lead, with one record of the values it has."""
        rows = self.query(
            "select r.lead_id, r.state, u.values from runs r"
            " left join updates u on u.run_id = r.id order by r.id"
        )
        found: dict[int, list[tuple[str, dict[str, Any]]]] = {}
        for row in rows:
            values = {name: one["value"] for name, one in (row.values or {}).items()}
            found.setdefault(int(row.lead_id), []).append((row.state, values))
        wrong = {
            lead_id: found.get(lead_id)
            for lead_id in ids
            if not _is_recorded_once(found.get(lead_id, []), email_of(lead_id))
        }
        examples = list(wrong.items())[:2]
        assert not wrong, f"{len(wrong)} of {len(ids)} leads, such as {examples}"

    def await_final(self, count: int, *, within_s: float = 60) -> dict[str, int]:
        """Wait until `count` runs are final and none is under way; runs by state."""

        def is_done() -> bool:
            counts = self.counts()
            final = sum(n for state, n in counts.items() if state in FINAL)
            return final >= count and final == sum(counts.values())

        try:
            until(is_done, f"{count} final runs", within_s=within_s)
        except AssertionError as error:
            raise AssertionError(
                f"{error}; runs: {self.counts()}{self._tail()}"
            ) from error
        return self.counts()

    def _tail(self) -> str:
        tails = [f"\n--- {p.name}\n{p.say()[-1500:]}" for p in self.processes]
        return "".join(tails)


def _is_recorded_once(runs: list[tuple[str, dict[str, Any]]], email: str) -> bool:
    if len(runs) != 1:
        return False
    state, values = runs[0]
    expected = {(k, v) for k, v in values_of(email).items() if v is not None}
    return state == "written" and expected <= set(values.items())


def until(is_so: Callable[[], bool], what: str, *, within_s: float = 30) -> None:
    """Wait for something to become so; AssertionError when it does not."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {what}"
        time.sleep(0.05)


@contextmanager
def new_database(server_url: str, name: str) -> Iterator[str]:
    """An empty database of its own on a running server; dropped afterwards."""
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f'drop database if exists "{name}" with (force)'))
        connection.execute(sa.text(f'create database "{name}"'))
    try:
        yield server_url.replace("/postgres?", f"/{name}?")
    finally:
        with admin.connect() as connection:
            connection.execute(
                sa.text(f'drop database if exists "{name}" with (force)')
            )
        admin.dispose()
