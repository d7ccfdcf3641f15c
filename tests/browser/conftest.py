"""One Chromium for all; a proxy, phones and a window for each test that wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.stage import Stage, stage
from tests.running import running

if TYPE_CHECKING:
    from tests.browser.window import Browser, Window


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The one that all windows belong to. It ends with this folder: other tests have event loops of their own."""
    from tests.browser.window import chromium

    with chromium() as opened:
        yield opened


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Stage]:
    """A proxy of one's own, with nobody around it yet."""
    with running(tmp_path) as proxy, stage(proxy) as opened:
        yield opened


@pytest.fixture
def look(browser: Browser, lab: Stage) -> Iterator[Callable[..., Window]]:
    """Opens windows at the lab's proxy; in each of them nothing may have gone wrong by the end."""
    from tests.browser.window import Window

    opened: list[Window] = []

    def window(*arguments: Any, **more: Any) -> Window:
        opened.append(Window(browser, lab.proxy.page, *arguments, **more))
        return opened[-1]

    yield window
    for one in opened:
        one.close()
