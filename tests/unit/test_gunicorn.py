"""What gunicorn is told depends on the machine in one place only."""

from app.cli import gunicorn


def test_the_heartbeat_goes_to_memory_only_where_there_is_such_a_folder(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(gunicorn, "SHARED_MEMORY", tmp_path)
    assert gunicorn.memory_folder() == str(tmp_path)
    monkeypatch.setattr(gunicorn, "SHARED_MEMORY", tmp_path / "none")
    assert gunicorn.memory_folder() is None
