"""The drawn ladder: well-formed whatever is in it, complete, and to be read by everybody."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.ladder.model import CallMark, Ladder, ladder
from sipfullproxy.ladder.style import FILE_STYLE
from sipfullproxy.ladder.svg import MARGIN, MOST_RAILS, NARROW, svg
from sipfullproxy.lang import LANGS, Lang
from tests.ladders import ALL, conference, fork, hostile, lossy, plain

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "style", "g", "rect", "path", "circle", "text", "tspan", "title"}
"""Elements that can neither run nor fetch anything."""


def drawn(made: Ladder, *arguments: object, **more: object) -> ET.Element:
    """The drawing, read back by a parser of XML."""
    return ET.fromstring(svg(made, *arguments, **more))  # type: ignore[arg-type]


def classes(element: ET.Element) -> set[str]:
    """The classes of an element."""
    return set(element.get("class", "").split())


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    """All elements of a class, in order."""
    return [element for element in root.iter() if name in classes(element)]


def texts(root: ET.Element) -> list[str]:
    """What can be read in a drawing."""
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ALL)
def test_each_step_is_drawn_once_and_can_be_chosen(name: str, lang: Lang) -> None:
    made = ladder(ALL[name](), lang=lang)
    root = drawn(made, lang)
    steps = of_class(root, "step")
    assert [step.get("id") for step in steps] == [f"step-{place}" for place in range(len(made.steps))]
    for drawing, step in zip(steps, made.steps, strict=True):
        assert drawing.get("role") == "button"
        assert drawing.get("tabindex") == "0"
        label = drawing.get("aria-label", "")
        assert step.title in label and made.lanes[step.source].title in label
        assert re.match(r"\d\d:\d\d:\d\d\.\d{3} ", label)
        assert drawing.findtext(f"{SVG}title") == label
        assert step.kind in classes(drawing)
        assert ("again" in classes(drawing)) == bool(step.again)


@pytest.mark.parametrize("name", ALL)
def test_nothing_in_it_runs_and_nothing_is_fetched(name: str) -> None:
    text = svg(ladder(ALL[name]()))
    root = ET.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= ALLOWED
    attributes = {attribute for element in root.iter() for attribute in element.attrib}
    assert not {attribute for attribute in attributes if attribute.startswith("on") or "href" in attribute}
    assert "url(" not in text and "@import" not in text
    assert text.count("http") == text.count("http://www.w3.org/2000/svg") == 1


def test_what_strangers_wrote_is_text() -> None:
    root = drawn(ladder(hostile()))
    heads = next(element for element in root.iter() if element.get("id") == "heads")
    assert heads[1].findtext(f"{SVG}title") == "<script> – 10.0.0.9:5060 UDP"
    assert any(text.startswith("486 <b>") for text in texts(root))
    assert max(map(len, texts(root))) < 300, "a name of 10 kB is cut"


@given(st.text(max_size=40), st.text(max_size=40))
def test_it_is_well_formed_whatever_people_are_called(name: str, phrase: str) -> None:
    invite, trying = plain()[:2]
    raw = name.encode("utf-8", "surrogatepass")
    invite = invite._replace(data=invite.data.replace(b"alica", raw))
    trying = trying._replace(data=b"SIP/2.0 180 " + phrase.encode("utf-8", "surrogatepass") + b"\r\n" + trying.data)
    root = drawn(ladder([invite, trying], {"10.0.0.10:5060": phrase}))
    assert len(of_class(root, "step")) == 2


def test_steps_stand_below_each_other_without_touching() -> None:
    for name, records in ALL.items():
        bottom = 0.0
        for step in of_class(drawn(ladder(records())), "hit"):
            assert float(step.get("y", "")) > bottom, name
            bottom = float(step.get("y", "")) + float(step.get("height", ""))


def test_a_longer_delay_is_a_larger_gap_but_not_without_end() -> None:
    def gap(delay: float) -> float:
        records = [record._replace(time=index * delay) for index, record in enumerate(plain()[:2])]
        first, second = of_class(drawn(ladder(records)), "hit")
        return float(second.get("y", "")) - float(first.get("y", ""))

    assert gap(0) == gap(0.1) < gap(0.2) < gap(2) < gap(20) < gap(3_600) == gap(36_000)


def test_time_is_told_where_it_goes_by() -> None:
    root = drawn(ladder(plain()), "en")
    times = [element.text for element in of_class(root, "time")]
    assert times == ["0.000", "0.080", "3.280", "3.300", "15.300", "20.700", "51.700"]
    assert ["".join(wait.itertext()) for wait in of_class(root, "wait")] == ["3.2 s", "12 s", "5.4 s", "31 s"]
    assert [phase[-1].text for phase in of_class(root, "phase")] == ["zvoní", "hovor", "podržaný", "hovor", "koniec"]


def test_the_chosen_step_and_its_cause() -> None:
    root = drawn(ladder(fork()), "sk", 13)
    (chosen,), (cause,) = of_class(root, "chosen"), of_class(root, "cause")
    assert (chosen.get("id"), chosen.get("aria-current")) == ("step-13", "true")
    assert chosen.get("data-cause") == cause.get("id") == "step-11"
    assert len(of_class(chosen, "link")) == 1
    assert not of_class(cause, "link"), "it came from a phone"


def test_colour_is_never_the_only_sign() -> None:
    root = drawn(ladder(lossy()))
    again = [step for step in of_class(root, "step") if "again" in classes(step)]
    assert all(re.search(r"\d+\. raz|×\d", "".join(step.itertext())) for step in again)
    timed = [step for step in of_class(root, "step") if of_class(step, "clock")]
    assert {"časovač" in "".join(step.itertext()) or "mlčí" in "".join(step.itertext()) for step in timed} == {True}
    failures = of_class(drawn(ladder(fork())), "failure")
    assert failures and all(of_class(failure, "cross") for failure in failures)


def test_several_calls_have_a_rail_and_a_letter_each() -> None:
    root = drawn(ladder(conference()))
    rails = of_class(root, "rail")
    assert len(rails) == len({rail.get("stroke-dasharray") for rail in rails}) == 5
    names = [element[-1].text for element in of_class(root, "opening")]
    assert names[0] == "Hovor A: alica → boris"
    assert names[4] == "Hovor E: dana → alica"
    assert not of_class(drawn(ladder(plain())), "rail")


def test_very_many_calls_share_their_rails() -> None:
    made = ladder(plain())
    many = Ladder(made.lanes, made.steps, tuple(CallMark(str(number), "") for number in range(500)))
    assert float(drawn(many).get("width", "")) < float(drawn(made).get("width", "")) + 20 * MOST_RAILS + 50


@pytest.mark.parametrize("room", [360, 390, NARROW, 800, 1400])
def test_it_takes_the_room_that_there_is(room: int) -> None:
    wide = float(drawn(ladder(plain()), room=room).get("width", ""))
    assert wide <= max(room, 400)
    assert wide >= min(room, 850) * 0.9


def test_a_name_is_on_every_page_of_a_long_one() -> None:
    root = drawn(ladder(ALL["long"]()))
    height = float(root.get("height", ""))
    assert len(of_class(root, "repeat")) == pytest.approx(height / 1_450, abs=1.1)
    assert not of_class(drawn(ladder(fork())), "repeat")


def test_the_whole_name_is_to_be_had() -> None:
    root = drawn(ladder(plain(), {"10.0.0.10:5060": "a name that is far too long for its lane"}))
    assert "a name that is far too long for its lane – 10.0.0.10:5060 UDP" in [
        title.text for title in root.iter(f"{SVG}title")
    ]
    assert any(text.startswith("a name that") and text.endswith("…") for text in texts(root))


def test_a_ladder_without_steps() -> None:
    root = drawn(ladder([]), "en")
    assert "No message has passed yet." in texts(root)
    assert float(root.get("height", "")) > MARGIN


def test_a_page_has_the_style_sheet_as_a_file() -> None:
    assert "<style>" not in svg(ladder(plain()), style=False)
    assert f"<style>{FILE_STYLE}</style>" in svg(ladder(plain()))


def test_the_size_grows_with_the_steps_and_no_faster() -> None:
    one, two = (len(svg(ladder(ALL["long"](steps)))) for steps in (200, 400))  # type: ignore[call-arg]
    assert two < 2.1 * one
