"""The lists of the API: who is here, who calls; and the proxy's own facts."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sipfullproxy.engine.bans import Ban
from sipfullproxy.journal.cards import OVER
from sipfullproxy.web.api import MOST_BANS
from tests.pages import SIP, Answer, Page, card, page, phone

pytestmark = pytest.mark.io


@pytest.fixture
def served() -> Iterator[Page]:
    with page() as opened:
        yield opened


def test_the_proxy_tells_about_itself(served: Page) -> None:
    before = time.time()
    about = served.ask("/api/about").json
    assert before <= about.pop("time") <= time.time()
    assert about.pop("version")
    assert about == {
        "name": "sipfullproxy", "lang": "en", "address": SIP[0], "secure": "", "transports": ["udp", "tcp"],
        "sockets": [], "ca": "", "page": f"http://{served.host}", "change": "yes", "logins": False,
    }  # fmt: skip
    with page(address=("10.0.0.1", 5070)) as other:
        assert other.ask("/api/about").json["address"] == "10.0.0.1:5070"


def test_a_phone_in_a_browser_is_told_where_to_connect() -> None:
    doors = {"udp": SIP, "wss": ("fd00::10", 8089), "ws": ("10.0.0.1", 8088)}
    with page(doors=doors) as served:
        about = served.ask("/api/about").json
    assert about["sockets"] == ["ws://10.0.0.1:8088", "wss://[fd00::10]:8089"]
    assert about["transports"] == ["udp"]


def test_phones_are_listed_and_removed(served: Page) -> None:
    assert served.ask("/api/phones").json == {"phones": [], "may_change": True}
    alice, bob = phone("alice@lab"), phone("bob@lab")
    served.proxy.registered = [alice, bob]
    assert [one["who"] for one in served.ask("/api/phones").json["phones"]] == ["alice@lab", "bob@lab"]
    answer = served.ask(f"/api/phones/{alice.id}", "DELETE")
    assert (answer.status, answer.body) == (204, b"")
    assert served.proxy.registered == [bob]
    answer = served.ask(f"/api/phones/{alice.id}?lang=sk", "DELETE")
    assert (answer.status, answer.json) == (404, {"error": "taký telefón tu nie je (už)"})
    assert served.ask("/api/phones/xyz", "DELETE").status == 422


@pytest.mark.parametrize("network", ["198.51.100.66", "2001:db8::/64"])
def test_bans_are_listed_and_lifted(served: Page, network: str) -> None:
    assert served.ask("/api/bans").json == {"bans": [], "may_change": True}
    served.proxy.held = [Ban(network, 1.0, 61.0, 1, "logins", True), Ban("192.0.2.7", 1.0, 61.0, 1, "flood", False)]
    assert served.ask("/api/bans?lang=sk").json["bans"] == [
        {"network": "192.0.2.7", "until": 61.0, "why": "priveľa správ"},
        {"network": network, "until": 61.0, "why": "nesprávne heslá"},
    ]
    assert served.ask(f"/api/bans?network={network}", "DELETE").status == 204
    assert [ban.network for ban in served.proxy.held] == ["192.0.2.7"]
    answer = served.ask(f"/api/bans?network={network}&lang=en", "DELETE")
    assert (answer.status, answer.json) == (404, {"error": "this address is not banned (any more)"})
    assert served.ask("/api/bans?network=<script>", "DELETE").status == 422
    assert served.ask("/api/bans", "DELETE").status == 422


def test_of_a_flood_the_latest_bans_are_listed(served: Page) -> None:
    served.proxy.held = [Ban(f"2001:db8:{number:x}::/64", 1.0, 61.0, 1, "flood", False) for number in range(1_000)]
    bans = served.ask("/api/bans").json["bans"]
    assert (len(bans), bans[0]["network"]) == (MOST_BANS, "2001:db8:3e7::/64")


def test_calls_come_in_pages_without_gap_or_repetition(served: Page) -> None:
    served.proxy.cards = [card(number) for number in range(7, 0, -1)]
    seen, before, more = [], "", True
    while more:
        told = served.ask(f"/api/calls?limit=3&before={before}").json
        seen += [one["id"] for one in told["calls"]]
        before, more = seen[-1], told["more"]
    assert seen == [card(number).id for number in range(7, 0, -1)]
    served.proxy.cards = served.proxy.cards[:6]
    assert not served.ask(f"/api/calls?limit=3&before={seen[2]}").json["more"], "exactly a page is the last one"
    assert served.ask("/api/calls?before=0123456789").status == 404


def test_calls_are_chosen_by_name_and_state(served: Page) -> None:
    served.proxy.cards = [
        card(1), card(2, caller="zuza@lab", state=OVER, end="ended"), card(3, state=OVER, end="busy"),
    ]  # fmt: skip

    def found(query: str) -> list[str]:
        return [one["id"] for one in served.ask(f"/api/calls?{query}").json["calls"]]

    one, two, three = (each.id for each in served.proxy.cards)
    assert found("") == [one, two, three]
    assert found("query=zuza") == [two]
    assert found("state=now") == [one]
    assert found("state=over") == [two, three]
    assert found("state=busy") == found("state=trouble") == [three]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "state=any", "before=x", f"query={'x' * 201}", "limit=1e9"]
)
def test_bounds_are_kept(served: Page, query: str) -> None:
    answer = served.ask(f"/api/calls?{query}")
    assert (answer.status, list(answer.json)) == (422, ["error"])


def put(opened: Page, content: object) -> Answer:
    return opened.ask("/api/experiments", "PUT", content=content, content_type="application/json")


@pytest.mark.parametrize("wrong", [{"drop": "5"}, {"drop": True}, {"fork": 0}, {"delay": 1.5}])
def test_a_switch_takes_numbers_for_numbers_and_nothing_else(served: Page, wrong: dict[str, object]) -> None:
    assert put(served, wrong).status == 422


def test_experiments_are_the_teachers_switch(served: Page) -> None:
    assert served.ask("/api/experiments").json == {
        "drop": 0, "delay": 0, "stateless": False, "record_route": True, "fork": True, "said": [],
    }  # fmt: skip
    told = put(served, {"drop": 30, "fork": False}).json
    assert (told["drop"], told["fork"], len(told["said"])) == (30, False, 2)
    assert served.proxy.settings.experiments.drop == 30
    assert put(served, {"drop": 0}).json["said"] == ["only one phone rings"], "what is left out stays"
    assert served.ask("/api/experiments").json == put(served, {}).json


@pytest.mark.parametrize(
    "content",
    [{"drop": 101}, {"drop": -1}, {"drop": "x"}, {"delay": 1e9}, {"fork": "maybe"}, {"frok": False}, [], b"{", b"", 7],
)
def test_experiments_that_cannot_be_are_refused(served: Page, content: object) -> None:
    answer = put(served, content)
    assert (answer.status, list(answer.json)) == (422, ["error"])
    assert served.proxy.settings.experiments.drop == 0
