"""Which addresses a hook may be reached at: only such as everybody on the internet can reach.

A hook's URL is written by whoever may define a service, and called from inside
our account: it must lead neither to the account's own network nor to the machine's credentials.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_PUBLIC_V6 = ip_network("2000::/3")
_LEADS_ELSEWHERE = tuple(
    ip_network(network)
    for network in (
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4: an IPv4 address of anybody's choice inside
        "64:ff9b::/96", "64:ff9b:1::/48",  # NAT64: as 6to4
        "fec0::/10",  # site-local, long gone and still routed
    )
)  # fmt: skip


def is_public(address: str) -> bool:
    """Whether this literal address is one of the internet's. What is no address is not."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found not in _PUBLIC_V6:
        return False  # mapped, unique local, link-local and all that may come
    return _is_global(found) and not any(found in network for network in _LEADS_ELSEWHERE if network.version == found.version)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback or address.is_link_local)
