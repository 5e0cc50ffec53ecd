"""The back-fill of docs/migration.md: ids alone, behind live leads."""

import shutil

from tests.stack import NO_LIMITS, ROOT, UNLIMITED


def test_ids_alone_are_completed_and_wait_behind_live_leads(stack, tmp_path):
    page = (ROOT / "docs" / "migration.md").read_text()
    lines = "on: [created, updated]\npriority: {bulk: {run.event: {is: updated}}}\n"
    assert lines in page
    folder = tmp_path / "mappings"
    shutil.copytree(ROOT / "mappings", folder)
    # It wants the same events, and a field has one owner.
    (folder / "marketo-updates.yaml").unlink()
    path = folder / "marketo.yaml"
    path.write_text(
        path.read_text().replace("object: lead\n", f"object: lead\n{lines}")
    )
    box = stack(mappings=folder, **UNLIMITED).start(**NO_LIMITS)
    ids = box.seed(3)
    for one in ids[:2]:
        assert box.post({"id": one, "event": "updated"}).json()["status"] == "accepted"
    box.post_lead(ids[2])
    assert box.await_final(3) == {"written": 3}
    box.assert_right(ids)
    bulk = box.query("select lead_id, is_bulk from runs order by lead_id")
    assert [row.is_bulk for row in bulk] == [True, True, False]
