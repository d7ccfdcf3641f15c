"""The registrar, item by item of RFC 3261 §10.3, as phones meet it: by REGISTER and what comes back."""

from __future__ import annotations

import pytest

from sipfullproxy.engine import location
from sipfullproxy.engine.events import Registered, Unregistered
from sipfullproxy.engine.flow import Flow
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.message import Response
from tests.helpers import Lab, Phone
from tests.passing import fate_of, split

UUID = '+sip.instance="<urn:uuid:7bbd8088-329f-0015-9438-c07beeefc2a1>"'


@pytest.fixture
def bob(lab: Lab) -> Phone:
    return lab.phone("bob", "10.0.0.11:5060")


def contacts(response: Response) -> dict[str, int]:
    """What a 200 to REGISTER lists: the Contact URIs, and the seconds that each was given."""
    found = {}
    for value in response.values(b"contact"):
        contact = Address(value)
        found[contact.spec.decode()] = int(contact.params[b"expires"] or b"")
    return found


def ask(phone: Phone) -> dict[str, int]:
    """A REGISTER without a Contact only asks (§10.2.3)."""
    response = phone.register(expires=None, contacts=[], call_id="query")
    assert response.status == 200
    return contacts(response)


def why(response: Response) -> str:
    return (response.first(b"warning") or b"").decode()


# -- adding, asking, refreshing, removing (§10.2) ---------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_RG_RR_V_001..008",
    given="REGISTER with one Contact, Expires: 3600", expect="200 with that Contact and expires=3600",
)  # fmt: skip
def test_a_phone_registers_and_is_told_of(lab: Lab, bob: Phone) -> None:
    response = bob.register(headers=("User-Agent: Linphone",))
    assert response.status == 200
    assert contacts(response) == {"sip:bob@10.0.0.11:5060": 3600}
    assert response.to_tag
    assert lab.told() == [
        Registered(
            serial=1, time=1000.0, who="bob@10.0.0.1", address="10.0.0.11:5060", contact="sip:bob@10.0.0.11:5060",
            agent="Linphone", expires=3600,
        )
    ]  # fmt: skip


@pytest.mark.purpose(
    "SIP_RG_RR_V_003..008",
    given="REGISTER without a Contact", expect="200 with what is bound; nothing changes",
)  # fmt: skip
def test_without_a_contact_it_only_asks(lab: Lab, bob: Phone) -> None:
    assert ask(bob) == {}
    bob.register()
    lab.advance(600)
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 3000}
    assert lab.kinds == ["registered"]


@pytest.mark.purpose(
    "SIP_RG_RR_V_001..002", "SIP_RG_RR_V_010..017",
    given="REGISTER of a second phone, 100 s after the first",
    expect="200 with both Contacts, each with the seconds that are left",
)  # fmt: skip
def test_all_contacts_come_back_each_with_its_time(lab: Lab, bob: Phone) -> None:
    """§10.3 item 8: "enumerating all current bindings", also those of other phones."""
    desk = lab.phone("bob", "10.0.0.12:5070")
    bob.register(expires=600)
    lab.advance(100)
    assert contacts(desk.register(expires=300)) == {"sip:bob@10.0.0.12:5070": 300, "sip:bob@10.0.0.11:5060": 500}


@pytest.mark.purpose(
    "SIP_RG_RR_V_003..008",
    given="REGISTER with four Contacts, some with a time of their own",
    expect="200 with all four; the parameter comes before the header",
)  # fmt: skip
def test_many_contacts_in_one_request(lab: Lab, bob: Phone) -> None:
    """In one header, in several, or in the compact form (§7.3.1, §20.10)."""
    response = bob.register(
        expires=900,
        contacts=["<sip:bob@10.0.0.11:5060>;expires=120, <sip:bob@10.0.0.21>", "sip:bob@10.0.0.22;expires=60"],
        headers=("m: <sip:bob@10.0.0.23>",),
    )
    assert contacts(response) == {
        "sip:bob@10.0.0.11:5060": 120, "sip:bob@10.0.0.21": 900, "sip:bob@10.0.0.22": 60, "sip:bob@10.0.0.23": 900,
    }  # fmt: skip
    assert lab.kinds == ["registered"] * 4


def test_compact_contact_alone(bob: Phone) -> None:
    response = bob.register(contacts=[], headers=("m: <sip:bob@10.0.0.11:5060>",))
    assert contacts(response) == {"sip:bob@10.0.0.11:5060": 3600}


@pytest.mark.purpose(
    "SIP_RG_RR_V_003..008",
    given="the same REGISTER after 3,000 s", expect="200 with expires=3600 again",
)  # fmt: skip
def test_a_refresh_prolongs_and_is_no_news(lab: Lab, bob: Phone) -> None:
    bob.register()
    lab.advance(3000)
    assert contacts(bob.register()) == {"sip:bob@10.0.0.11:5060": 3600}
    lab.advance(3000)
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 600}
    assert lab.kinds == ["registered"]


@pytest.mark.purpose(
    "SIP_RG_RR_V_003..008",
    given="REGISTER with Expires: 0, or with expires=0", expect="200 without that Contact",
)  # fmt: skip
@pytest.mark.parametrize("how", ["header", "parameter"])
def test_zero_removes(lab: Lab, bob: Phone, how: str) -> None:
    """§10.2.2."""
    bob.register()
    if how == "header":
        response = bob.register(expires=0)
    else:
        response = bob.register(expires=3600, contacts=["<sip:bob@10.0.0.11:5060>;expires=0"])
    assert (response.status, contacts(response)) == (200, {})
    assert lab.told("unregistered") == [
        Unregistered(
            serial=2, time=1000.0, who="bob@10.0.0.1", address="10.0.0.11:5060", contact="sip:bob@10.0.0.11:5060",
            why="request",
        )
    ]  # fmt: skip


def test_removing_what_is_not_there_is_fine(lab: Lab, bob: Phone) -> None:
    response = bob.register(expires=0)
    assert (response.status, contacts(response), lab.kinds) == (200, {}, [])


@pytest.mark.purpose(
    "SIP_RG_RR_V_009",
    given="Contact: * with Expires: 0, under another Call-ID", expect="200 without any Contact",
)  # fmt: skip
def test_star_removes_all(lab: Lab, bob: Phone) -> None:
    """§10.2.2: and other Call-IDs do not protect a binding (§10.3 item 6)."""
    bob.register()
    lab.phone("bob", "10.0.0.12:5060").register()
    response = bob.register(expires=0, contacts=["*"], call_id="new")
    assert (response.status, contacts(response)) == (200, {})
    assert lab.kinds == ["registered", "registered", "unregistered", "unregistered"]


@pytest.mark.purpose(
    "SIP_RG_RR_I_003",
    given="Contact: * without Expires, with 3600, with another Contact beside it", expect="400, nothing removed",
)  # fmt: skip
@pytest.mark.parametrize(
    ("expires", "star"),
    [
        (None, ["*"]),
        (3600, ["*"]),
        (0, ["*", "<sip:bob@10.0.0.11:5060>"]),
        (0, ["*, <sip:bob@10.0.0.11:5060>"]),
        (0, ["*;expires=0"]),
    ],
)
def test_star_must_stand_alone_and_with_zero(bob: Phone, expires: int | None, star: list[str]) -> None:
    """§10.3 item 6: 400, and nothing is removed."""
    bob.register()
    assert bob.register(expires=expires, contacts=star).status == 400
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 3600}


@pytest.mark.purpose(
    "SIP_RG_RR_O_001..003",
    given="Contact: * with the Call-ID and CSeq of one of two bindings", expect="500, both stay",
)  # fmt: skip
def test_star_out_of_order_removes_nothing(bob: Phone) -> None:
    """§10.3 item 6: "Otherwise, the update MUST be aborted and the request fails"."""
    bob.register(cseq=7, call_id="one", contacts=["<sip:bob@10.0.0.21>"])
    bob.register(cseq=9, call_id="two", contacts=["<sip:bob@10.0.0.22>"])
    assert bob.register(cseq=9, call_id="two", expires=0, contacts=["*"]).status == 500
    assert set(ask(bob)) == {"sip:bob@10.0.0.21", "sip:bob@10.0.0.22"}


# -- how long (§10.3 item 7) ------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_RG_RR_V_010..017",
    given="expires of the Contact and of the header in 13 pairs: missing, malformed, huge",
    expect="the parameter, else the header, else 3600; a day at most",
)  # fmt: skip
@pytest.mark.parametrize(
    ("parameter", "header", "granted"),
    [
        (";expires=120", 600, 120),
        ("", 600, 600),
        ("", None, 3600),
        (";expires=soon", 600, 3600),
        (";expires=", 600, 3600),
        (";expires=-5", 600, 3600),
        (';expires="120"', 600, 3600),
        ("", "soon", 3600),
        ("", 100_000, 86_400),
        (";expires=99999999999999999999999999999", None, 86_400),
        (";expires=0000000000000000000000000000120", None, 120),
        (";EXPIRES=120", None, 120),
        ("", 60, 60),
    ],
)
def test_the_time_that_a_contact_is_given(bob: Phone, parameter: str, header: int | None, granted: int) -> None:
    """Its own parameter, else the header, else an hour; malformed values are an hour, too (§10.2.1.1, §20.10)."""
    response = bob.register(expires=header, contacts=[f"<sip:bob@10.0.0.11:5060>{parameter}"])
    assert contacts(response) == {"sip:bob@10.0.0.11:5060": granted}


@pytest.mark.purpose(
    "SIP_RG_RR_V_010..017",
    given="two Contacts, one for 59 s", expect="423 with Min-Expires: 60; neither is bound",
)  # fmt: skip
def test_too_brief(bob: Phone) -> None:
    """423 tells what would do; and all of the request falls (§10.3 item 7)."""
    response = bob.register(expires=600, contacts=["<sip:bob@10.0.0.11:5060>", "<sip:bob@10.0.0.21>;expires=59"])
    assert response.status == 423
    assert response.first(b"min-expires") == b"60"
    assert ask(bob) == {}


@pytest.mark.purpose("SIP_RG_RR_V_010..017", given="REGISTER for 60 s, and nothing more", expect="gone after 60 s")
def test_who_never_comes_back_runs_out(lab: Lab, bob: Phone) -> None:
    bob.register(expires=60)
    lab.advance(59.9)
    assert lab.kinds == ["registered"]
    lab.advance(0.2)
    lab.advance(3600)
    assert [(event.time, event) for event in lab.told("unregistered")] == [
        (
            1060.0,
            Unregistered(
                serial=2, time=1060.0, who="bob@10.0.0.1", address="10.0.0.11:5060", contact="sip:bob@10.0.0.11:5060",
                why="expired",
            ),
        )
    ]  # fmt: skip
    assert ask(bob) == {}
    bob.register()
    assert lab.kinds == ["registered", "unregistered", "registered"]


def test_the_last_second_is_told_as_one(lab: Lab, bob: Phone) -> None:
    """`expires=0` in a 200 would say that the binding is gone."""
    bob.register(expires=60)
    lab.advance(59.8)
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 1}


def test_a_clock_that_jumps_shows_nobody_who_ran_out(lab: Lab, bob: Phone) -> None:
    """A laptop that slept: the REGISTER is there before the timers."""
    bob.register(expires=60)
    lab.now += 10_000
    assert ask(bob) == {}
    assert lab.kinds == ["registered", "unregistered"]


# -- order (§10.3 item 7) ---------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_RG_RR_O_001..003",
    given="the same Call-ID with a CSeq that is equal or lower, to prolong and to remove",
    expect="500, nothing changes",
)  # fmt: skip
@pytest.mark.parametrize("cseq", [4, 5])
@pytest.mark.parametrize("expires", [0, 600])
def test_out_of_order_changes_nothing(bob: Phone, cseq: int, expires: int) -> None:
    """The same Call-ID and a CSeq that is not higher: the update is aborted."""
    bob.register(cseq=5)
    assert bob.register(cseq=cseq, expires=expires).status == 500
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 3600}


@pytest.mark.purpose(
    "SIP_RG_RR_V_010..017",
    given="CSeq 1 under another Call-ID, behind CSeq 500", expect="200, updated",
)  # fmt: skip
def test_another_call_id_begins_anew(bob: Phone) -> None:
    """A phone that was restarted counts from 1 again."""
    bob.register(cseq=500)
    assert bob.register(cseq=1, call_id="after-restart", expires=600).status == 200
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 600}


@pytest.mark.purpose(
    "SIP_RG_RR_V_010..017", "SIP_RG_RR_O_001..003",
    given="two Contacts, one out of order, with a wrong q, too brief, or malformed",
    expect="500, 400 or 423; all stays as it was",
)  # fmt: skip
def test_all_or_nothing(lab: Lab, bob: Phone) -> None:
    """Whatever is wrong with one Contact, the others stay as they were (§10.3: "completely or not at all")."""
    bob.register(cseq=5)
    new = "<sip:bob@10.0.0.21>"
    for other, status in [
        ("<sip:bob@10.0.0.11:5060>", 500),
        ("<sip:bob@10.0.0.22>;q=7", 400),
        ("<sip:bob@10.0.0.22>;expires=1", 423),
        ("<sip:bob@>", 400),
        ("<mailto:bob@10.0.0.1>", 400),
        ('"Bob <sip:bob@10.0.0.22>', 400),
    ]:
        assert bob.register(cseq=5, contacts=[new, other]).status == status, other
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 3600}
    assert lab.kinds == ["registered"]


def test_a_retransmitted_register_is_answered_and_not_done_again(lab: Lab, bob: Phone) -> None:
    """It is the same transaction (§17.2.2), so its equal CSeq is no error."""
    first = bob.register(branch="z9hG4bK-1", cseq=3)
    second = bob.register(branch="z9hG4bK-1", cseq=3)
    assert (first.status, first.lines) == (second.status, second.lines)
    assert lab.kinds == ["registered"]


# -- which phone is it ------------------------------------------------------------------------------------------------


def test_a_restarted_phone_takes_its_own_place(lab: Lab) -> None:
    """Linphone has a random port after each start, and `+sip.instance` stays (RFC 5626 §4.1)."""
    before = lab.phone("bob", "10.0.0.11:49006", contact_params=";" + UUID)
    after = lab.phone("bob", "10.0.0.11:50001", contact_params=";" + UUID)
    before.register()
    assert contacts(after.register()) == {"sip:bob@10.0.0.11:50001": 3600}
    assert lab.kinds == ["registered"]
    lab.advance(4000)
    assert lab.kinds == ["registered", "unregistered"]


@pytest.mark.purpose(
    "RFC5626_16",
    given="Contacts of one user: two with an instance and reg-id 1 and 2, one with another instance, one without",
    expect="four bindings",
)  # fmt: skip
def test_other_instances_and_other_ways_stand_beside_it(bob: Phone) -> None:
    """`reg-id` tells several flows of one phone apart (RFC 5626 §4.2)."""
    uri = "<sip:bob@10.0.0.{}>"
    for number, params in enumerate(
        (f";{UUID};reg-id=1", f";{UUID};reg-id=2", ';+sip.instance="<urn:uuid:other>"', ""), start=21
    ):
        bob.register(contacts=[uri.format(number) + params])
    assert len(ask(bob)) == 4


def test_who_left_its_instance_out_is_known_by_its_uri(lab: Lab, bob: Phone) -> None:
    """Not every phone repeats all parameters when it says good-bye (§10.2.2)."""
    bob.register(contacts=[f"<sip:bob@10.0.0.11:5060>;{UUID}"])
    assert contacts(bob.register(expires=0)) == {}
    assert lab.kinds == ["registered", "unregistered"]


def test_quotes_may_hold_brackets_and_semicolons(bob: Phone) -> None:
    """Every instance has a `>` in quotes; and what looks like `expires` in quotes is none. All comes back."""
    params = f';{UUID};note="a;expires=7, <b>";video;expires-soon=1'
    response = bob.register(contacts=[f'"Bob, \\"the <phone>" <sip:bob@10.0.0.11:5060>{params};expires=77;q=0.5'])
    assert response.values(b"contact") == [f"<sip:bob@10.0.0.11:5060>{params};q=0.5;expires=77".encode()]


@pytest.mark.purpose(
    "RFC5626_18",
    given="a Contact of over 1,000 bytes with instance, push and other parameters",
    expect="in the 200 as it was written, with expires",
)  # fmt: skip
def test_an_iphone(bob: Phone) -> None:
    """Linphone on iOS: more than 1,000 bytes, the push parameters inside the URI, instance behind it."""
    token = "EDB1EF9099F4C40B24E14D5753C5EF703539A6027F367333B2896E64083C2C01"
    uri = (
        f"sip:bob@10.0.0.11:5060;pn-prid={token}:voip&{token}:remote;pn-provider=apns;"
        "pn-param=ABCD1234.org.linphone.phone.voip;pn-silent=1;pn-timeout=0;pn-msg-str=IM_MSG;pn-call-str=IC_MSG;"
        f"pn-groupchat-str=GC_MSG;pn-call-snd=notes_of_the_optimistic.caf;pn-msg-snd=msg.caf;x={'y' * 700}"
        ";transport=udp"
    )
    contact = f'<{uri}>;{UUID};+org.linphone.specs="groupchat,lime"'
    assert len(contact) > 1000
    assert bob.register(contacts=[contact]).values(b"contact") == [f"{contact};expires=3600".encode()]
    assert bob.register(expires=0, contacts=[contact]).values(b"contact") == []


@pytest.mark.purpose(
    "SIP_RG_RR_V_010..017",
    given="To by our address, with a port, by another name of ours with a parameter", expect="one address-of-record",
)  # fmt: skip
@pytest.mark.parametrize("spelling", ["sip:bob@10.0.0.1", "sip:bob@10.0.0.1:5060", "sip:bob@lab.sk;user=ip"])
def test_one_user_by_all_our_names(spelling: str) -> None:
    """§10.3 item 5: the address-of-record is taken without its parameters, and all our names are one domain."""
    lab = Lab(domains=frozenset({"lab.sk"}))
    bob = lab.phone("bob", "10.0.0.11:5060")
    bob.register()
    bob.aor = spelling
    assert ask(bob) == {"sip:bob@10.0.0.11:5060": 3600}


@pytest.mark.purpose("SIP_RG_RR_V_010..017", given="To with escapes and without", expect="one address-of-record")
def test_a_user_with_diacritics(lab: Lab) -> None:
    """UTF-8 as it is, or %-escaped: one user (§10.3 item 5, §19.1.2)."""
    plain, escaped = lab.phone("žofia", "10.0.0.11:5060"), lab.phone("%C5%BEofia", "10.0.0.12:5060")
    plain.register()
    assert len(ask(escaped)) == 1
    assert [event.who for event in lab.told() if isinstance(event, Registered)] == ["žofia@10.0.0.1"]
    caller = lab.registered("alice")[0]
    caller.invite("%c5%BEofia")
    assert plain.takes("INVITE")


@pytest.mark.purpose(
    "SIP_RG_RR_V_010..017",
    given="a Contact that is bound, in another spelling of the same URI: case, escapes, a parameter more",
    expect="200 with one binding, in the new spelling",
)  # fmt: skip
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sip:bob@10.0.0.11:5060", "SIP:%62ob@10.0.0.11:5060"),
        ("sip:bob@Phone.Example;transport=udp", "sip:bob@phone.EXAMPLE;Transport=UDP"),
        ("sip:bob@10.0.0.11;line=7", "sip:bob@10.0.0.11"),
    ],
)
def test_an_equivalent_contact_is_the_same_binding(bob: Phone, before: str, after: str) -> None:
    """§10.3 item 7: compared as §19.1.4 says."""
    bob.register(contacts=[f"<{before}>"])
    assert contacts(bob.register(expires=600, contacts=[f"<{after}>"])) == {after: 600}
    assert contacts(bob.register(expires=0, contacts=[f"<{before}>"])) == {}


@pytest.mark.purpose(
    "SIP_RG_RR_V_010..017",
    given="a Contact that differs in port, transport, user's case or scheme from one that is bound",
    expect="200 with both",
)  # fmt: skip
@pytest.mark.parametrize(
    "other",
    ["sip:bob@10.0.0.11", "sip:bob@10.0.0.11:5060;transport=udp", "sip:Bob@10.0.0.11:5060", "sips:bob@10.0.0.11:5060"],
)
def test_a_contact_that_is_not_equivalent_is_another_binding(bob: Phone, other: str) -> None:
    bob.register()
    assert contacts(bob.register(contacts=[f"<{other}>"])) == {"sip:bob@10.0.0.11:5060": 3600, other: 3600}


def test_user_names_keep_their_case(lab: Lab, bob: Phone) -> None:
    """§19.1.4: "Comparison of the userinfo … is case-sensitive"."""
    bob.register()
    assert ask(lab.phone("Bob")) == {}


@pytest.mark.purpose(
    "RFC5626_20..21", "RFC5626_25",
    given="REGISTER with a private Contact from port 40001, then from port 40002; INVITE",
    expect="to port 40002, for the private Contact",
)  # fmt: skip
def test_nat_rebinding_is_a_new_way_to_the_same_phone(lab: Lab) -> None:
    """The Contact is private and stays; what counts is where the REGISTER really came from."""
    before = lab.phone("bob", "10.0.0.99:40001", contact="sip:bob@192.168.0.2:5060")
    after = lab.phone("bob", "10.0.0.99:40002", contact="sip:bob@192.168.0.2:5060")
    before.register()
    after.register(call_id="register-bob-40001", cseq=2)
    assert lab.kinds == ["registered"]
    alice = lab.registered("alice")[0]
    alice.invite("bob")
    assert not before.inbox
    assert after.takes("INVITE").uri_text == b"sip:bob@192.168.0.2:5060"


# -- what is refused --------------------------------------------------------------------------------------------------


def register(phone: Phone, uri: str, to: str, *headers: str) -> Response:
    """A REGISTER with any Request-URI and any To."""
    phone.request("REGISTER", uri, to=to, headers=headers)
    response = phone.takes()
    assert isinstance(response, Response)
    return response


@pytest.mark.purpose("SIP_RG_RR_I_001", given="To of another domain", expect="404")
def test_a_user_of_another_domain(bob: Phone) -> None:
    """§10.3 item 5."""
    assert register(bob, "sip:10.0.0.1", "<sip:bob@example.com>").status == 404
    assert register(bob, "sip:10.0.0.1", "<sip:bob@10.0.0.1:5070>").status == 404


@pytest.mark.purpose("SIP_RG_RR_I_002", given="To without a user, with tel:, with port 99999", expect="400")
@pytest.mark.parametrize("to", ["<sip:10.0.0.1>", "<tel:+421905123456>", "<sip:bob@10.0.0.1:99999>"])
def test_a_to_that_is_no_user(bob: Phone, to: str) -> None:
    assert register(bob, "sip:10.0.0.1", to).status == 400


@pytest.mark.purpose("SIP_RG_RR_I_002", given="Request-URI with a user; with tel:", expect="400; 416")
def test_the_request_uri_names_a_domain(bob: Phone) -> None:
    """§10.2: "The userinfo and "@" components of the SIP URI MUST NOT be present"."""
    assert register(bob, "sip:bob@10.0.0.1", "<sip:bob@10.0.0.1>").status == 400
    assert register(bob, "tel:+421905123456", "<sip:bob@10.0.0.1>").status == 416


@pytest.mark.purpose(
    "SIP_RG_RR_I_004",
    given="Require: path, telepathy, yoga", expect="420 with the last two in Unsupported, nothing bound",
)  # fmt: skip
def test_a_required_extension_that_nobody_knows(bob: Phone) -> None:
    """§10.3 item 2, §8.2.2.3."""
    response = register(bob, "sip:10.0.0.1", "<sip:bob@10.0.0.1>", "Require: path, telepathy, yoga")
    assert response.status == 420
    assert response.values(b"unsupported") == [b"telepathy", b"yoga"]
    assert ask(bob) == {}


@pytest.mark.purpose("SIP_RG_RR_V_001..002", given="REGISTER with Supported: outbound, gruu, path", expect="200")
def test_an_extension_that_is_only_supported_is_no_matter(bob: Phone) -> None:
    assert bob.register(headers=("Supported: replaces, outbound, gruu, path",)).status == 200


def test_a_domain_that_is_not_ours_is_not_ours_to_register(lab: Lab, bob: Phone) -> None:
    """§10.3 item 1: forwarded, like any other request; for those who may call out."""
    assert register(bob, "sip:192.0.2.7", "<sip:bob@192.0.2.7>").status == 403
    bob.register()
    bob.request("REGISTER", "sip:192.0.2.7", to="<sip:bob@192.0.2.7>")
    assert [send.flow.remote for send in lab.astray] == [("192.0.2.7", 5060)]


def test_more_contacts_than_one_may_have(bob: Phone) -> None:
    many = [f"<sip:bob@10.0.1.{number}>" for number in range(location.BINDINGS_PER_USER + 1)]
    assert bob.register(contacts=many).status == 403
    assert bob.register(contacts=many[1:]).status == 200
    assert len(ask(bob)) == location.BINDINGS_PER_USER


def test_one_phone_too_many_takes_the_place_of_the_most_silent(lab: Lab, bob: Phone) -> None:
    """Not of the one with the shortest time: that one comes back most often."""
    bob.register(expires=600, contacts=["<sip:bob@10.0.1.1>"])
    for number in range(2, location.BINDINGS_PER_USER + 1):
        bob.register(contacts=[f"<sip:bob@10.0.1.{number}>"])
    bob.register(expires=600, contacts=["<sip:bob@10.0.1.1>"])
    lab.events.clear()
    bob.register(expires=60, contacts=["<sip:bob@10.0.2.1>", "<sip:bob@10.0.2.2>"])
    left = set(ask(bob))
    assert {"sip:bob@10.0.1.1", "sip:bob@10.0.2.1", "sip:bob@10.0.2.2"} <= left
    assert len(left) == location.BINDINGS_PER_USER
    gone = [(event.contact, event.why) for event in lab.told() if isinstance(event, Unregistered)]
    assert gone == [("sip:bob@10.0.1.2", "replaced"), ("sip:bob@10.0.1.3", "replaced")]


def test_a_full_house(lab: Lab, bob: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """No new phone comes in; who is here may stay, and may leave."""
    monkeypatch.setattr(location, "BINDINGS", 1)
    bob.register()
    zoe = lab.phone("zoe")
    refused = zoe.register()
    assert (refused.status, refused.first(b"retry-after")) == (503, b"60")
    assert bob.register(expires=600).status == 200
    assert bob.register(expires=0).status == 200
    assert zoe.register().status == 200


@pytest.mark.parametrize(
    ("user", "contact"),
    [("b" * 300, "sip:bob@10.0.0.11"), ("bob", f"sip:bob@10.0.0.11;x={'y' * 5000}")],
    ids=["user", "contact"],
)
def test_what_is_too_long_to_be_kept(lab: Lab, user: str, contact: str) -> None:
    assert lab.phone(user, "10.0.0.11:5060", contact=contact).register().status == 400
    assert lab.kinds == []


@pytest.mark.purpose("SIP_RG_RR_V_020", given="Contact with q of 0, 0.5, 0.123, 1, 1.000", expect="200 with the same q")
@pytest.mark.parametrize("q", ["0", "0.5", "0.123", "1", "1.000"])
def test_q_is_kept_and_returned(bob: Phone, q: str) -> None:
    """§10.2.1.2; what it is good for stands in test_forking.py."""
    response = bob.register(contacts=[f"<sip:bob@10.0.0.11:5060>;q={q}"])
    assert response.values(b"contact") == [f"<sip:bob@10.0.0.11:5060>;q={q};expires=3600".encode()]


@pytest.mark.parametrize("q", ["1.1", "2", "0.1234", "much", '"0.5"'])
def test_a_q_that_is_none(bob: Phone, q: str) -> None:
    assert bob.register(contacts=[f"<sip:bob@10.0.0.11:5060>;q={q}"]).status == 400


def test_record_route_is_ignored(bob: Phone) -> None:
    """§10.3: and never in a response to REGISTER."""
    response = bob.register(headers=("Record-Route: <sip:192.0.2.1;lr>",))
    assert response.status == 200
    assert b"record-route" not in response.where


def test_the_reason_of_a_refusal_stands_in_a_warning(bob: Phone) -> None:
    assert "Contact * needs Expires: 0" in why(bob.register(expires=None, contacts=["*"]))


# -- connections ------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5626_26",
    given="a connection closes that a phone has registered over", expect="its binding is gone",
)  # fmt: skip
def test_a_lost_connection_takes_its_phones_along(lab: Lab) -> None:
    """RFC 5626 §4.4.1 for streams. An ICMP error on UDP is a hiccup: that phone stays."""
    stream = Flow("tcp", lab.address, ("10.0.0.11", 40000), 7)
    bob, zoe = lab.phone("bob", "10.0.0.11:40000"), lab.registered("zoe")[0]
    register = bob.compose(
        "REGISTER", "sip:10.0.0.1", to="<sip:bob@10.0.0.1>", headers=("Contact: <sip:bob@10.0.0.11>",), contact=False
    )
    lab.engine.receive(register, stream, lab.now)
    lab.engine.lost(stream, lab.now)
    lab.lose(zoe.address)
    assert lab.kinds == ["registered", "unregistered"]
    told = lab.events[-1]
    assert isinstance(told, Unregistered)
    assert told.why == "lost"
    assert ask(zoe) != {}


# -- memory -----------------------------------------------------------------------------------------------------------


def test_of_a_user_agent_so_much_is_kept(lab: Lab, bob: Phone) -> None:
    bob.register(headers=("User-Agent: " + "x" * 60_000,))
    told = lab.events[-1]
    assert isinstance(told, Registered)
    assert told.agent == "x" * 255


# -- how a REGISTER may be written, and how not (§7, §19.1.1) ---------------------------------------------------------

CONTACT = "Contact: <sip:bob@10.0.0.11:5060>"
BOUND = {"sip:bob@10.0.0.11:5060": 3600}


def written(phone: Phone, *lines: str, start: str = "REGISTER sip:10.0.0.1 SIP/2.0") -> Response:
    """A REGISTER of these very lines, and its answer."""
    phone.send("\r\n".join((start, *lines, "", "")))
    response = phone.takes()
    assert isinstance(response, Response)
    return response


PLAIN = (
    "Via: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKw", "From: <sip:bob@10.0.0.1>;tag=1", "To: <sip:bob@10.0.0.1>",
    "Call-ID: w@10.0.0.11", "CSeq: 1 REGISTER", "Max-Forwards: 70", CONTACT,
)  # fmt: skip


@pytest.mark.purpose(
    "SIP_MG_RR_I_001",
    given="REGISTER with two blanks or brackets in its start line, blanks behind it, no version",
    expect="400, nothing bound",
)  # fmt: skip
@pytest.mark.parametrize(
    "start",
    [
        "REGISTER  sip:10.0.0.1 SIP/2.0", "REGISTER sip:10.0.0.1  SIP/2.0", "REGISTER <sip:10.0.0.1> SIP/2.0",
        "REGISTER sip:10.0.0.1 SIP/2.0 ", "REGISTER sip:10.0.0.1", "REGISTER\tsip:10.0.0.1 SIP/2.0",
    ],
)  # fmt: skip
def test_a_start_line_that_is_none(bob: Phone, start: str) -> None:
    assert written(bob, *PLAIN, start=start).status == 400
    assert ask(bob) == {}


@pytest.mark.purpose(
    "SIP_MG_RR_I_002..004",
    given="REGISTER with an illegal URI as Request-URI, in To, or in Contact (no host, no such port, `;;`, a bare `?`)",
    expect="400, nothing bound",
)  # fmt: skip
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("REGISTER sip:10.0.0.1 ", "REGISTER sip: "), ("REGISTER sip:10.0.0.1 ", "REGISTER sip:10.0.0.1:99999 "),
        ("REGISTER sip:10.0.0.1 ", "REGISTER sip:[::1 "), ("REGISTER sip:10.0.0.1 ", "REGISTER sip:10.0.0.1;; "),
        ("To: <sip:bob@10.0.0.1>", "To: <sip:bob@>"), ("To: <sip:bob@10.0.0.1>", "To: <sip:b b@10.0.0.1>"),
        (CONTACT, "Contact: <sip:bob@>"), (CONTACT, "Contact: <sip:bob@10.0.0.11;;x>"),
        (CONTACT, "Contact: <sip:bob@10.0.0.11:0>"), (CONTACT, "Contact: sip:bob@10.0.0.11?Route=x"),
    ],
)  # fmt: skip
def test_a_uri_that_is_none(bob: Phone, old: str, new: str) -> None:
    start, *lines = "\r\n".join(("REGISTER sip:10.0.0.1 SIP/2.0", *PLAIN)).replace(old, new).split("\r\n")
    assert written(bob, *lines, start=start).status == 400
    assert ask(bob) == {}


@pytest.mark.purpose(
    "SIP_MG_RR_I_005", "SIP_MG_RR_V_006",
    given="REGISTER with Record-Route, Refer-To, Min-Expires, Subscription-State … and with headers that nobody knows",
    expect="200, bound as without them",
)  # fmt: skip
def test_headers_that_mean_nothing_to_a_registrar(bob: Phone) -> None:
    """§7.3.2, §8.2.2: ignored, and not sent back."""
    odd = (
        "Record-Route: <sip:192.0.2.1;lr>", "Refer-To: nonsense<", "Min-Expires: -1", "Retry-After: never",
        "WWW-Authenticate: x", "Subscription-State: y", "X-Unheard-Of: \x7f;;,,", "!%*: z",
    )  # fmt: skip
    response = written(bob, *PLAIN, *odd)
    assert (response.status, contacts(response)) == (200, BOUND)
    assert not response.where.keys() & {b"record-route", b"refer-to", b"min-expires", b"x-unheard-of"}


@pytest.mark.purpose(
    "SIP_MG_RR_I_006",
    given="REGISTER with a malformed Via, From, To, Call-ID, CSeq, Contact or Content-Length, without From or CSeq, or "
    "with a line that is no header",
    expect="400 with the reason in Warning, nothing bound",
)  # fmt: skip
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (PLAIN[0], "Via: SIP/2.0/UDP 10.0.0.11:5060;;", "Via"), (PLAIN[1], "From: <sip:bob@10.0.0.1;tag=1", "From"),
        (PLAIN[1], "X: From", "From"), (PLAIN[2], 'To: "Bob <sip:bob@10.0.0.1>', "To"),
        (PLAIN[3], "Call-ID:", "Call-ID"), (PLAIN[4], "CSeq: REGISTER 1", "CSeq"),
        (PLAIN[4], "CSeq: 1 INVITE", "CSeq"), (PLAIN[4], "X: y", "CSeq"),
        (CONTACT, "Contact: <sip:bob@10.0.0.11", "Bad"), (CONTACT, CONTACT + "\r\nl: -1", "Content-Length"),
        (CONTACT, CONTACT + "\r\nno header", "header"),
    ],
)  # fmt: skip
def test_a_header_that_is_none(lab: Lab, bob: Phone, old: str, new: str, reason: str) -> None:
    lines = [new if line == old else line for line in PLAIN]
    data = "\r\n".join(("REGISTER sip:10.0.0.1 SIP/2.0", *lines, "", "")).encode()
    fate, sends = fate_of(lab, data, bob.address)  # the answer copies what is broken, so the lab would not read it
    assert fate == "400"
    (warning,) = (line for line in split(sends[0].data)[1] if line.startswith(b"Warning: 399 "))
    assert reason.encode() in warning
    assert ask(bob) == {}


@pytest.mark.purpose(
    "SIP_MG_RR_V_001..005",
    given="REGISTER with Contacts of every valid form: escapes, password, port, parameters, headers, IPv6, a name",
    expect="200, bound and listed as it was given",
)  # fmt: skip
@pytest.mark.parametrize(
    "uri",
    [
        "sip:10.0.0.11", "sip:%62ob%20%40;a?b:pass,word@10.0.0.11:5070", "SIP:Bob@Phone.Example;Transport=UDP;x=%20",
        "sip:+1-201-555-0123;ext=7@10.0.0.11;user=phone", "sip:bob@10.0.0.11;maddr=192.0.2.1;ttl=5;method=INVITE",
        "sip:bob@10.0.0.11?Subject=hi&X=%20", "sip:bob@[2001:DB8::1]:5070", "sips:bob@phone.example",
    ],
)  # fmt: skip
def test_a_contact_of_any_valid_form(bob: Phone, uri: str) -> None:
    assert contacts(bob.register(contacts=[f'"B, ob" <{uri}>'])) == {uri: 3600}
    assert ask(bob) == {uri: 3600}


@pytest.mark.purpose(
    "SIP_MG_RR_V_007..011", "SIP_MG_RR_V_012..013",
    given="one REGISTER with two Contacts: plain, folded, with blanks, in another case, in another order, both in one "
    "row, in compact form, behind empty lines",
    expect="200, the same two bindings each time",
)  # fmt: skip
@pytest.mark.parametrize(
    ("start", "lines"),
    [
        ("", PLAIN),
        ("", [line.replace(": ", ":\r\n \t") for line in PLAIN]),
        ("", [line.replace(": ", " \t :  ") + "  " for line in PLAIN]),
        ("", [line.partition(":")[0].swapcase() + ":" + line.partition(":")[2] for line in PLAIN]),
        ("", PLAIN[::-1]),
        ("", [*PLAIN[:-1], CONTACT + ",\r\n ,<sip:bob@10.0.0.12>"]),
        (
            "",
            [
                "v" + PLAIN[0][3:],
                "f" + PLAIN[1][4:],
                "T" + PLAIN[2][2:],
                "i" + PLAIN[3][7:],
                PLAIN[4],
                "m" + CONTACT[7:],
            ],
        ),
        ("\r\n\r\n", PLAIN),
    ],
    ids=["plain", "folded", "blanks", "case", "order", "one row", "compact", "empty lines"],
)
def test_however_it_is_written_it_means_the_same(bob: Phone, start: str, lines: list[str]) -> None:
    """§7.3.1, §7.3.3, §7.5."""
    more = [] if "10.0.0.12" in "".join(lines) else ["CONTACT:<sip:bob@10.0.0.12>"]
    response = written(bob, *lines, *more, start=start + "REGISTER sip:10.0.0.1 SIP/2.0")
    assert response.status == 200
    assert contacts(response) == {**BOUND, "sip:bob@10.0.0.12": 3600}


# -- the list of phones, and whoever runs the proxy --------------------------------------------------------------------


def test_who_is_registered_since_when_and_until_when(lab: Lab, bob: Phone) -> None:
    bob.register(expires=600, headers=("User-Agent: Linphone",))
    lab.advance(100)
    bob.register(expires=600)
    (phone,) = lab.engine.phones(10)
    assert (phone.user, phone.who, phone.contact) == (b"bob", "bob@10.0.0.1", bob.contact)
    assert phone.flow.remote == bob.address
    assert (phone.since, phone.until) == (1000.0, 1700.0)
    assert phone.agent == "", "what the last REGISTER said"


def test_only_so_many_phones_are_shown_or_those_of_one_user(lab: Lab) -> None:
    for user in ("anna", "bob", "carol"):
        lab.phone(user).register()
    lab.phone("bob").register()
    assert [phone.who for phone in lab.engine.phones(10)] == [
        f"{user}@10.0.0.1" for user in ("anna", "bob", "bob", "carol")
    ]
    assert len(lab.engine.phones(2)) == 2
    contacts = [phone.contact for phone in lab.engine.phones(10, b"bob")]
    assert contacts == ["sip:bob@10.0.0.13:5060", "sip:bob@10.0.0.11:5060"]
    assert lab.engine.phones(1, b"bob")[0].contact == contacts[0]
    assert lab.engine.phones(10, b"nobody") == []


def test_a_phone_can_be_removed_and_may_come_back(lab: Lab, bob: Phone) -> None:
    bob.register()
    other = lab.phone("bob")
    other.register()
    phone = lab.engine.phones(10)[0]
    assert lab.engine.forget(phone, lab.now + 1)
    assert not lab.engine.forget(phone, lab.now + 2)
    (event,) = lab.engine.events()
    assert isinstance(event, Unregistered)
    assert (event.time, event.contact, event.why) == (1001.0, bob.contact, "removed")
    assert [left.contact for left in lab.engine.phones(10)] == [other.contact]
    assert bob.register().status == 200
    assert len(lab.engine.phones(10)) == 2


def test_of_two_phones_with_one_contact_the_right_one_is_removed(lab: Lab) -> None:
    """Two phones behind NATs of their own may both be 192.168.1.5."""
    for number in (1, 2):
        instance = f';+sip.instance="<urn:uuid:{number}>"'
        lab.phone("bob", f"10.0.0.{number}0:5060", "sip:bob@192.168.1.5", contact_params=instance).register()
    second, first = lab.engine.phones(10, b"bob")
    assert second.contact == first.contact
    assert lab.engine.forget(first, lab.now)
    assert lab.engine.phones(10) == [second]


@pytest.mark.purpose(
    "RFC5626_17",
    given="a phone with instance, another Contact without, and then the instance with that Contact",
    expect="one binding, the new one; the other is told to be replaced",
)  # fmt: skip
def test_who_is_one_phone_by_its_instance_and_another_by_its_contact_is_both() -> None:
    lab = Lab()
    bob = lab.phone("bob")
    named = ';+sip.instance="<urn:uuid:1>"'
    bob.register(contacts=[f"<sip:bob@10.0.0.10:5061>{named}"])
    bob.register(contacts=["<sip:bob@10.0.0.10:5062>"], call_id="other")
    answer = bob.register(contacts=[f"<sip:bob@10.0.0.10:5062>{named}"])
    assert answer.values(b"contact") == [f"<sip:bob@10.0.0.10:5062>{named};expires=3600".encode()]
    assert lab.kinds == ["registered", "registered", "unregistered"]
    assert lab.engine.load["bindings"] == 1


def test_who_has_no_instance_takes_the_place_of_one_other_at_most() -> None:
    """The same Contact behind two NATs is two phones."""
    lab = Lab()
    for number in (1, 2):
        named = f';+sip.instance="<urn:uuid:{number}>"'
        lab.phone("bob", f"10.0.0.{number}0:5060", "sip:bob@192.168.1.5", contact_params=named).register()
    lab.phone("bob", "10.0.0.30:5060", "sip:bob@192.168.1.5").register()
    assert lab.engine.load["bindings"] == 2


# -- who says the same again is not read again (and must fare as if he were) -------------------------------------------


def test_an_empty_contact_is_no_refresh_of_a_phone_behind_a_proxy(lab: Lab, bob: Phone) -> None:
    """Of that phone nothing is kept to be compared with."""
    bob.register(headers=("Path: <sip:edge.lab;lr>", "Supported: path"))
    lab.advance(10)
    assert list(contacts(bob.register(contacts=[""], call_id="query")).values()) == [3590]


def test_a_reg_id_that_counted_does_not_by_way_of_a_proxy_that_keeps_no_flow(bob: Phone) -> None:
    further = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-1"
    named = [f"<{bob.contact}>;{UUID};reg-id=1"]
    assert bob.register(contacts=named).status == 200
    assert bob.register(contacts=named, headers=(further, "Supported: outbound")).status == 439
    assert bob.register(contacts=named, headers=(further,)).status == 200
    assert len(ask(bob)) == 1 and len(bob.register(contacts=named).values(b"contact")) == 2


def test_what_is_new_of_a_phone_that_comes_again_is_seen() -> None:
    lab = Lab(domains=frozenset({"lab.sk"}))
    bob = lab.phone("bob")
    bob.register(headers=("User-Agent: old",))
    bob.register(headers=("User-Agent: new",))
    assert lab.engine.phones(9)[0].agent == "new"
    bob.aor = "sip:bob@lab.sk"
    bob.register(headers=("User-Agent: new",))
    assert [phone.who for phone in lab.engine.phones(9)] == ["bob@lab.sk"]


def test_the_time_that_a_contact_asks_for_by_itself_is_granted_each_time(lab: Lab, bob: Phone) -> None:
    for _ in range(3):
        assert contacts(bob.register(contacts=[f"Bob <{bob.contact}>;EXPIRES=90"])) == {bob.contact: 90}
        lab.advance(30)
