"""Where a server can be reached, and by whom."""

import socket
from contextlib import suppress
from ipaddress import ip_address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # all the machine's addresses; its own among them
FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # RFC 5737, RFC 3849: of nobody


def urls(host: str, port: int, token: str) -> list[str]:
    """The addresses to open, that for this machine first; then those by which other machines may reach it."""
    rest = f":{port}/" + (f"?token={token}" if token else "")
    names = [ANY[host], *_own(host)] if host in ANY else [host]
    return [f"http://{f'[{name}]' if ':' in name else name}{rest}" for name in names]


def family_of(host: str) -> socket.AddressFamily:
    """That of the addresses of a host as it was written."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _own(host: str) -> list[str]:
    """The addresses of this machine on its networks, that of its way out first."""
    family = family_of(host)
    found: list[str] = []
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as out:
        out.connect((FAR[family], 9))  # which sends nothing: it only chooses the way
        found.append(out.getsockname()[0])
    with suppress(OSError):
        found += [str(known[4][0]) for known in socket.getaddrinfo(socket.gethostname(), None, family)]
    return [name for name in dict.fromkeys(found) if _leads_here(name)]


def _leads_here(name: str) -> bool:
    """Whether other machines could use it; a link-local one takes the name of an interface."""
    with suppress(ValueError):
        address = ip_address(name)
        return not (address.is_loopback or address.is_link_local or address.is_unspecified)
    return False
