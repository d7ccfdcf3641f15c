"""One rule, four methods: what RFC 3261 §16.3 to §16.6 want of an INVITE, and of an ACK, a CANCEL and a BYE alike.

The last three are such as match nothing that the proxy knows, so that they have to find their way by themselves.
"""

from __future__ import annotations

import pytest

from sipfullproxy.sip.message import Request
from tests.helpers import Lab, Phone

METHODS = pytest.mark.parametrize("method", ["INVITE", "ACK", "CANCEL", "BYE"])
ANSWERED = pytest.mark.parametrize("method", ["INVITE", "CANCEL", "BYE"])
"""An ACK is never answered, whatever is wrong with it."""

FAR = "sip:far@192.0.2.1"


@pytest.fixture
def far(lab: Lab) -> Phone:
    """A stranger that nobody here knows."""
    return lab.phone("far", "192.0.2.1:5060")


def send(phone: Phone, method: str, uri: str = FAR, *headers: str, max_forwards: int | None = 70) -> Request:
    """Such a request; ACK and BYE are of a dialog that the proxy has not seen."""
    to = "<sip:far@192.0.2.1>" + (";tag=theirs" if method in ("ACK", "BYE") else "")
    return phone.request(method, uri, to=to, headers=headers, max_forwards=max_forwards)


# -- §16.3: reasonable or not ------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_001", "SIP_CC_PR_MP_RQ_V_031", "SIP_CC_PR_MP_RQ_V_049",
    given="INVITE, CANCEL or BYE for `nobody-knows:x` or `tel:+421`", expect="416, nothing forwarded",
)  # fmt: skip
@ANSWERED
@pytest.mark.parametrize("uri", ["nobody-knows:x", "tel:+421905123456"])
def test_another_scheme_is_416(lab: Lab, alice: Phone, method: str, uri: str) -> None:
    send(alice, method, uri)
    assert alice.waiting == [416]
    assert len(lab.sent) == 1


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_002", "SIP_CC_PR_MP_RQ_V_032", "SIP_CC_PR_MP_RQ_V_050",
    given="INVITE, CANCEL or BYE with Max-Forwards: 0", expect="483, nothing forwarded",
)  # fmt: skip
@ANSWERED
def test_no_hop_left_is_483(lab: Lab, alice: Phone, method: str) -> None:
    send(alice, method, max_forwards=0)
    assert alice.waiting == [483]
    assert len(lab.sent) == 1


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_003", "SIP_CC_PR_MP_RQ_V_033", "SIP_CC_PR_MP_RQ_V_051",
    given="INVITE, CANCEL or BYE with Proxy-Require: foo, bar", expect="420 with both in Unsupported",
)  # fmt: skip
@ANSWERED
def test_an_extension_that_the_proxy_should_know_is_420(lab: Lab, alice: Phone, method: str) -> None:
    send(alice, method, FAR, "Proxy-Require: foo, bar")
    assert alice.takes(420).values(b"unsupported") == [b"foo", b"bar"]
    assert len(lab.sent) == 1


# -- §16.4: Route ------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_004", "SIP_CC_PR_MP_RQ_V_019", "SIP_CC_PR_MP_RQ_V_034", "SIP_CC_PR_MP_RQ_V_052",
    given="INVITE, ACK, CANCEL or BYE with our Record-Route as Request-URI and the real one as last Route",
    expect="forwarded with the last Route as Request-URI, and without it in Route",
)  # fmt: skip
@METHODS
def test_what_a_strict_router_did_is_undone(alice: Phone, far: Phone, method: str) -> None:
    send(alice, method, "sip:10.0.0.1:5060;lr", f"Route: <sip:192.0.2.1;lr>, <{FAR}>")
    got = far.takes(method)
    assert (got.uri_text.decode(), got.values(b"route")) == (FAR, [b"<sip:192.0.2.1;lr>"])


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_005", "SIP_CC_PR_MP_RQ_V_020", "SIP_CC_PR_MP_RQ_V_035", "SIP_CC_PR_MP_RQ_V_053",
    given="INVITE, ACK, CANCEL or BYE with us as the top Route", expect="forwarded without that value",
)  # fmt: skip
@METHODS
def test_our_own_route_is_taken_out(alice: Phone, far: Phone, method: str) -> None:
    send(alice, method, FAR, "Route: <sip:10.0.0.1;lr>, <sip:192.0.2.1;lr>", "Route: <sip:10.0.0.1;lr>")
    assert far.takes(method).values(b"route") == [b"<sip:192.0.2.1;lr>", b"<sip:10.0.0.1;lr>"]


# -- §16.5: the target set ---------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_006", "SIP_CC_PR_MP_RQ_V_021", "SIP_CC_PR_MP_RQ_V_036", "SIP_CC_PR_MP_RQ_V_054",
    given="INVITE, ACK, CANCEL or BYE for sip:far@192.0.2.1, no domain of ours",
    expect="forwarded once, to 192.0.2.1, with the Request-URI as it came",
)  # fmt: skip
@METHODS
def test_what_is_for_another_domain_goes_there(lab: Lab, alice: Phone, far: Phone, method: str) -> None:
    send(alice, method)
    assert far.takes(method).uri_text.decode() == FAR
    assert [send.flow.remote for send in lab.sent if not send.data.startswith(b"SIP/2.0")] == [far.address]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_007", "SIP_CC_PR_MP_RQ_V_022", "SIP_CC_PR_MP_RQ_V_037", "SIP_CC_PR_MP_RQ_V_055",
    given="INVITE, ACK, CANCEL or BYE for a user of ours with two phones",
    expect="forwarded to both, each where it registered from, with its Contact as Request-URI",
)  # fmt: skip
@METHODS
def test_a_user_of_ours_is_where_he_registered(lab: Lab, alice: Phone, method: str) -> None:
    desk = lab.phone("bob")
    mobile = lab.phone("bob", "198.51.100.7:40001", contact="sip:bob@192.168.1.5:5060")
    desk.register()
    mobile.register()
    send(alice, method, "sip:bob@10.0.0.1")
    assert [phone.takes(method).uri_text.decode() for phone in (desk, mobile)] == [desk.contact, mobile.contact]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_007", "SIP_CC_PR_MP_RQ_V_022", "SIP_CC_PR_MP_RQ_V_037", "SIP_CC_PR_MP_RQ_V_055",
    given="INVITE, ACK, CANCEL or BYE for sip:x@elsewhere.example;maddr=192.0.2.1",
    expect="forwarded to 192.0.2.1 alone",
)  # fmt: skip
@METHODS
def test_maddr_is_the_only_target(lab: Lab, alice: Phone, far: Phone, method: str) -> None:
    uri = "sip:x@elsewhere.example;maddr=192.0.2.1"
    send(alice, method, uri)
    assert far.takes(method).uri_text.decode() == uri
    assert lab.astray == []


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_009", "SIP_CC_PR_MP_RQ_V_039", "SIP_CC_PR_MP_RQ_V_040", "SIP_CC_PR_MP_RQ_V_057",
    "SIP_CC_PR_MP_RQ_V_058",
    given="INVITE, CANCEL or BYE for a name that nobody has; for one who is not registered any more",
    expect="404; 480",
)  # fmt: skip
@ANSWERED
@pytest.mark.parametrize(("user", "status"), [("nobody", 404), ("gone", 480)])
def test_without_a_target_it_is_404_or_480(lab: Lab, alice: Phone, method: str, user: str, status: int) -> None:
    gone = lab.phone("gone")
    gone.register()
    gone.register(expires=0)
    lab.sent.clear()
    send(alice, method, f"sip:{user}@10.0.0.1")
    assert alice.waiting == [status]
    assert len(lab.sent) == 1


# -- §16.6: the copy that goes out -------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_I_001..004",
    given="INVITE, ACK, CANCEL or BYE for sip:far@192.0.2.1;method=BYE;x=1?Subject=hi",
    expect="forwarded for sip:far@192.0.2.1;x=1",
)
@METHODS
def test_what_a_request_uri_must_not_carry_is_taken_off(alice: Phone, far: Phone, method: str) -> None:
    """§16.6 item 2, §19.1.1 table 1."""
    send(alice, method, f"{FAR};method=BYE;x=1?Subject=hi")
    got = far.takes(method)
    assert got.uri_text.decode() == f"{FAR};x=1"
    assert b"subject" not in got.where


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_011..013", "SIP_CC_PR_MP_RQ_V_023..025", "SIP_CC_PR_MP_RQ_V_041..043",
    "SIP_CC_PR_MP_RQ_V_059..061",
    given="INVITE, ACK, CANCEL or BYE with Max-Forwards: 70, 1 or 255", expect="forwarded once with 69, 0 or 254",
)  # fmt: skip
@METHODS
@pytest.mark.parametrize(("before", "after"), [(70, b"69"), (1, b"0"), (255, b"254")])
def test_max_forwards_goes_down_by_one(alice: Phone, far: Phone, method: str, before: int, after: bytes) -> None:
    send(alice, method, max_forwards=before)
    assert far.takes(method).values(b"max-forwards") == [after]
    assert not far.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_014", "SIP_CC_PR_MP_RQ_V_026", "SIP_CC_PR_MP_RQ_V_044", "SIP_CC_PR_MP_RQ_V_062",
    given="INVITE, ACK, CANCEL or BYE without Max-Forwards", expect="forwarded with 70",
)  # fmt: skip
@METHODS
def test_max_forwards_is_added(alice: Phone, far: Phone, method: str) -> None:
    send(alice, method, max_forwards=None)
    assert far.takes(method).values(b"max-forwards") == [b"70"]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_015", "SIP_CC_PR_MP_RQ_V_027", "SIP_CC_PR_MP_RQ_V_045", "SIP_CC_PR_MP_RQ_V_063",
    given="INVITE, ACK, CANCEL or BYE whose next Route has no `lr`",
    expect="sent there with it as Request-URI, and the Request-URI as last Route",
)  # fmt: skip
@METHODS
def test_a_strict_router_ahead_gets_what_it_wants(alice: Phone, far: Phone, method: str) -> None:
    uri = "sip:someone@198.51.100.1"
    send(alice, method, uri, "Route: <sip:192.0.2.1>, <sip:192.0.2.2;lr>")
    got = far.takes(method)
    assert got.uri_text == b"sip:192.0.2.1"
    assert got.values(b"route") == [b"<sip:192.0.2.2;lr>", f"<{uri}>".encode()]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_016", "SIP_CC_PR_MP_RQ_V_029", "SIP_CC_PR_MP_RQ_V_046", "SIP_CC_PR_MP_RQ_V_064",
    given="INVITE, ACK, CANCEL or BYE with Route: <sip:192.0.2.1;lr>, for whomever",
    expect="sent to 192.0.2.1, Request-URI and Route as they came",
)  # fmt: skip
@METHODS
@pytest.mark.parametrize("uri", ["sip:alice@10.0.0.1", "sip:someone@198.51.100.1"])
def test_the_top_route_is_the_next_hop(lab: Lab, alice: Phone, far: Phone, method: str, uri: str) -> None:
    send(alice, method, uri, "Route: <sip:192.0.2.1;lr>")
    got = far.takes(method)
    assert (got.uri_text.decode(), got.values(b"route")) == (uri, [b"<sip:192.0.2.1;lr>"])
    assert lab.astray == []


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_017", "SIP_CC_PR_MP_RQ_V_029", "SIP_CC_PR_MP_RQ_V_047", "SIP_CC_PR_MP_RQ_V_065",
    given="INVITE, ACK, CANCEL or BYE without Route for sip:far@192.0.2.1:5099;transport=udp",
    expect="sent to 192.0.2.1:5099",
)  # fmt: skip
@METHODS
def test_without_a_route_the_request_uri_is_the_next_hop(lab: Lab, alice: Phone, method: str) -> None:
    there = lab.phone("far", "192.0.2.1:5099")
    send(alice, method, "sip:far@192.0.2.1:5099;transport=udp")
    there.takes(method)


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_018", "SIP_CC_PR_MP_RQ_V_030", "SIP_CC_PR_MP_RQ_V_048", "SIP_CC_PR_MP_RQ_V_066",
    given="two INVITEs, ACKs, CANCELs or BYEs",
    expect="our Via above the sender's, with a branch that begins with z9hG4bK, another one each time",
)  # fmt: skip
@METHODS
def test_our_via_is_on_top_with_a_new_branch(alice: Phone, far: Phone, method: str) -> None:
    branches = set()
    for _ in range(2):
        sent = send(alice, method)
        got = far.takes(method)
        assert got.via.sent_by == (b"10.0.0.1", 5060)
        assert got.via.branch.startswith(b"z9hG4bK") and len(got.via.branch) > len(b"z9hG4bK")
        assert len(got.values(b"via")) == 2 and sent.via.branch in got.values(b"via")[1]
        branches.add(got.via.branch)
    assert len(branches) == 2


# -- §15.1.2: who says 481 ---------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_029",
    given="BYE of a dialog that neither the proxy nor the phone knows", expect="forwarded; the phone's 481 comes back",
)  # fmt: skip
def test_a_bye_of_no_dialog_is_the_phones_to_refuse(lab: Lab, alice: Phone) -> None:
    bob = lab.phone("bob")
    bob.register()
    send(alice, "BYE", bob.contact)
    bob.reply(bob.takes("BYE"), 481)
    assert alice.waiting == [481]
