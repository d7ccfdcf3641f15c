"""A SIP proxy and registrar for a classroom: every call passes through it and is written down.

from sipfullproxy import Proxy

proxy = Proxy("192.168.1.10", phrases={486: "Obsadené"})
proxy.run()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sipfullproxy.proxy import Proxy
    from sipfullproxy.settings import SettingsError, StartError

__version__ = "0.1.0"
__all__ = ["Proxy", "SettingsError", "StartError", "__version__"]


_HOMES = {"Proxy": "proxy", "StartError": "settings", "SettingsError": "settings"}


def __getattr__(name: str) -> object:
    """Import the proxy only when somebody asks for it: whoever needs one room of the house need not load them all."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
