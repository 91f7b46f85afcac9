from __future__ import annotations

import stat

import pytest
from masters import TOKEN, URL, info, told

from perijove_server.stored import Credentials

GIVEN = {"url": URL, "token": "typed-by-ann"}


@pytest.fixture
def free(connect):
    """Nothing is configured: the choice is the person's."""
    return connect("", "")


async def test_settings_that_work_are_kept_for_the_owner_only(ask, free, service, credentials):
    reply = await ask("PUT", "settings", GIVEN)
    assert reply.code == 200
    assert service.requests[-1].headers["Authorization"] == "token typed-by-ann"
    assert credentials.load() == Credentials(URL, "typed-by-ann")
    assert stat.S_IMODE(credentials.path.stat().st_mode) == 0o600
    assert [file.name for file in credentials.path.parent.iterdir()] == ["perijove.json"]


async def test_the_token_is_never_told(ask, free):
    replies = [await ask("PUT", "settings", GIVEN), await ask("GET", "settings"), await ask("GET", "status")]
    assert all(b"typed-by-ann" not in reply.body for reply in replies)
    assert told(replies[1]) == {"url": URL, "source": "settings", "token": True, "editable": True}


async def test_settings_serve_at_once_and_the_next_time(ask, free, connect):
    assert told(await ask("GET", "status"))["connected"] is False
    await ask("PUT", "settings", GIVEN)
    assert told(await ask("GET", "status"))["connected"] is True
    connect("", "")
    assert told(await ask("GET", "status"))["connected"] is True


async def test_settings_that_do_not_work_change_nothing(ask, free, service, credentials):
    await ask("PUT", "settings", GIVEN)
    service.error("GET", "info", 401, "unauthenticated")
    reply = await ask("PUT", "settings", {"url": URL, "token": "mistyped"})
    assert (reply.code, told(reply)["error"]["code"]) == (502, "unauthenticated")
    assert credentials.load() == Credentials(URL, "typed-by-ann")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"url": "", "token": "t"}, "There is no address"),
        ({"url": "hub.example.org", "token": "t"}, "is not the address"),
        ({"url": "file:///etc/passwd", "token": "t"}, "is not the address"),
        ({"url": URL, "token": ""}, "There is no token"),
        ({"url": URL, "token": "two words"}, "characters that no Hub token has"),
        ({"url": 7, "token": "t"}, "'url' is not text"),
        ([], "not a JSON object"),
        ("{", "not JSON"),
    ],
)
async def test_bad_settings_are_refused_with_a_sentence(ask, free, service, body, words):
    reply = await ask("PUT", "settings", body)
    assert 400 <= reply.code < 503
    assert words in told(reply)["error"]["message"]
    assert service.requests == []


async def test_a_kept_token_is_used_for_its_own_address_only(ask, free, service):
    await ask("PUT", "settings", GIVEN)
    assert (await ask("PUT", "settings", {"url": URL, "token": ""})).code == 200
    reply = await ask("PUT", "settings", {"url": "https://elsewhere.example.org/", "token": ""})
    assert told(reply)["error"]["message"] == "There is no token."
    assert {request.url.host for request in service.requests} == {"hub.example.org"}


async def test_a_hubs_token_is_never_shown_to_a_typed_address(ask, connect, service):
    connect("", "", {"JUPYTERHUB_API_TOKEN": "the-hubs"})
    await ask("PUT", "settings", {"url": URL, "token": ""})
    assert service.requests == []
    await ask("PUT", "settings", GIVEN)
    assert [request.headers["Authorization"] for request in service.requests] == ["token typed-by-ann"]


async def test_what_is_configured_is_not_for_a_person_to_change(ask, master, credentials):
    reply = await ask("PUT", "settings", GIVEN)
    assert (reply.code, told(reply)["error"]["code"]) == (409, "fixed_by_configuration")
    assert (await ask("DELETE", "settings")).code == 409
    assert credentials.load() is None
    assert told(await ask("GET", "settings")) == {
        "url": URL, "source": "configuration", "token": True, "editable": False,
    }  # fmt: skip


async def test_the_hub_that_started_this_server_wins_over_what_is_stored(ask, connect, credentials, service):
    credentials.save(Credentials("https://elsewhere.example.org/", "t"))
    connect("", "", {"JUPYTERHUB_PUBLIC_HUB_URL": "https://hub.example.org/hub/", "JUPYTERHUB_API_TOKEN": TOKEN})
    assert told(await ask("GET", "settings"))["url"] == URL
    assert told(await ask("GET", "status"))["connected"] is True
    assert service.requests[-1].headers["Authorization"] == f"token {TOKEN}"


async def test_settings_can_be_forgotten(ask, free, credentials):
    await ask("PUT", "settings", GIVEN)
    assert told(await ask("DELETE", "settings")) == {"url": "", "source": None, "token": False, "editable": True}
    assert not credentials.path.exists()
    assert told(await ask("GET", "status"))["error"]["code"] == "not_configured"


async def test_a_settings_file_that_makes_no_sense_counts_as_none(ask, free, credentials):
    credentials.save(Credentials(URL, "t"))
    credentials.path.write_text('["?"]')
    assert told(await ask("GET", "status"))["error"]["code"] == "not_configured"


async def test_a_configuration_folder_that_cannot_be_written_is_named(ask, free, credentials):
    credentials.path.parent.write_text("a file where the folder should be")
    reply = await ask("PUT", "settings", GIVEN)
    assert (reply.code, told(reply)["error"]["code"]) == (409, "not_kept")


async def test_pages_open_their_feed_again_when_the_master_is_another(ask, free, page):
    await ask("PUT", "settings", GIVEN)
    await page.left()
    assert page.socket.close_code == 1012


async def test_the_answer_says_who_the_token_is(ask, free, service):
    service.json("GET", "info", info(user="bob").model_dump(mode="json"))
    assert told(await ask("PUT", "settings", GIVEN))["info"]["user"] == "bob"
