"""Registering, and asking who is registered (RFC 3261 §10.3)."""

from __future__ import annotations

from tests.kamailio.scenes.acts import US, scene
from tests.kamailio.stage import Stage


@scene
def register_add(stage: Stage) -> None:
    stage.phone("alice").register()


@scene
def register_refresh(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register()


@scene
def register_query(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=[], expires=None)


@scene
def register_query_of_nobody(stage: Stage) -> None:
    stage.phone("alice").register(contacts=[], expires=None)


@scene
def register_remove(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(expires=0)
    alice.register(contacts=[], expires=None)


@scene
def register_remove_by_parameter(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=0"])


@scene
def register_remove_what_is_not_there(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=["<sip:other@10.0.0.10:5060>"], expires=0)


@scene
def register_star(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=["*"], expires=0)
    alice.register(contacts=[], expires=None)


@scene
def register_star_with_time(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=["*"], expires=3600)


@scene
def register_two_contacts(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>", "<sip:alice@10.0.0.30>"])


@scene
def register_two_contacts_in_one_line(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=600, <sip:alice@10.0.0.30>;expires=1200"])


@scene
def register_one_of_two_removed(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>", "<sip:alice@10.0.0.30>"])
    alice.register(contacts=["<sip:alice@10.0.0.30>;expires=0"])


@scene
def register_add_and_remove_in_one(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=0", "<sip:alice@10.0.0.30>"])


@scene
def register_lower_cseq(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=9)


@scene
def register_same_cseq(stage: Stage) -> None:
    """Another transaction: its branch is new."""
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=10)


@scene
def register_lower_cseq_removing(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=9, contacts=["*"], expires=0)
    alice.register(cseq=11, contacts=[], expires=None)


@scene
def register_other_call_id(stage: Stage) -> None:
    """After a restart a phone begins anew."""
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=1, call_id="after-restart@10.0.0.10")


@scene
def register_again_same_bytes(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register()
    alice.send(stage.steps[-1].said)


@scene
def register_too_brief(stage: Stage) -> None:
    stage.phone("alice").register(expires=10)


@scene
def register_too_long(stage: Stage) -> None:
    stage.phone("alice").register(expires=1_000_000)


@scene
def register_no_time(stage: Stage) -> None:
    stage.phone("alice").register(expires=None)


@scene
def register_bad_time(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=soon"], expires=None)


@scene
def register_q(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;q=0.5", "<sip:alice@10.0.0.30>;q=1.0"])


@scene
def register_bad_q(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;q=7"])


@scene
def register_instance(stage: Stage) -> None:
    """RFC 5626 §4.1: the same phone on another port."""
    same = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;{same}"])
    alice.register(contacts=[f"<sip:alice@10.0.0.10:5090>;{same}"])


@scene
def register_contact_parameters(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f'"Alice" <{alice.contact};transport=udp>;methods="INVITE,ACK";+sip.rendering="no";x=1'])


@scene
def register_same_contact_written_otherwise(stage: Stage) -> None:
    """RFC 3261 §19.1.4: names of parameters and their order mean nothing."""
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact};a=1;b=2>"])
    alice.register(contacts=[f"<{alice.contact};B=2;A=1>"])


@scene
def register_port_or_none(stage: Stage) -> None:
    """RFC 3261 §19.1.4: with and without `:5060` two URIs are two."""
    alice = stage.phone("alice")
    alice.register(contacts=["<sip:alice@10.0.0.10>"])
    alice.register(contacts=["<sip:alice@10.0.0.10:5060>"])


@scene
def register_user_with_escape(stage: Stage) -> None:
    """RFC 3261 §19.1.4: b%6Fb is bob."""
    alice, _bob = stage.registered("alice", "bob")
    alice.request("REGISTER", f"sip:{US}", to=f"<sip:b%6Fb@{US}>", contact=False)


@scene
def register_foreign_user(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.request("REGISTER", f"sip:{US}", to="<sip:alice@elsewhere.example>")


@scene
def register_at_a_user(stage: Stage) -> None:
    """RFC 3261 §10.2: the Request-URI of a REGISTER names no user."""
    alice = stage.phone("alice")
    alice.request("REGISTER", f"sip:alice@{US}", to=f"<sip:alice@{US}>")


@scene
def register_elsewhere(stage: Stage) -> None:
    """A registered phone registers with another domain, too."""
    alice, far = stage.registered("alice", "bob")
    alice.request("REGISTER", f"sip:{far.address[0]}", to=f"<sip:alice@{far.address[0]}>")


@scene
def register_twelve_contacts(stage: Stage) -> None:
    stage.phone("alice").register(contacts=[f"<sip:alice@10.0.0.{last}>" for last in range(100, 112)])


@scene
def register_no_hops(stage: Stage) -> None:
    stage.phone("alice").register(max_forwards=0)


@scene
def register_for_another(stage: Stage) -> None:
    """A third party registers bob."""
    alice, _bob = stage.registered("alice", "bob")
    alice.request(
        "REGISTER", f"sip:{US}", to=f"<sip:bob@{US}>", contact=False, headers=("Contact: <sip:bob@10.0.0.10:5060>",)
    )
    alice.request("OPTIONS", f"sip:bob@{US}")
