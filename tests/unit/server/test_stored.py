from __future__ import annotations

import pytest

from perijove_server.stored import Credentials, CredentialsFile


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b"[" * 100_000])
def test_credentials_that_cannot_be_read_are_as_none_and_can_be_saved_again(tmp_path, caplog, content):
    file = CredentialsFile(tmp_path / "perijove.json")
    file.path.write_bytes(content)
    assert file.load() is None
    assert "cannot be read" in caplog.text
    file.save(Credentials("http://h/", "t"))
    assert file.load() == Credentials("http://h/", "t")
