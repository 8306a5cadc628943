"""Which addresses a hook may be reached at."""

import pytest

from chalicelib.hooks.addresses import is_public

PUBLIC = ("1.1.1.1", "52.95.110.1", "203.0.114.1", "2606:4700:4700::1111", "2a05:d018::1")
NOT_PUBLIC = {
    "127.0.0.1": "loopback", "127.8.9.1": "loopback", "10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private",
    "169.254.169.254": "the instance's metadata", "169.254.170.2": "a task's credentials", "100.64.0.1": "carrier's NAT", "0.0.0.0": "unspecified",
    "224.0.0.1": "multicast", "240.0.0.1": "reserved", "255.255.255.255": "broadcast", "192.0.2.1": "documentation", "198.18.0.1": "benchmarking",
    "192.0.0.170": "NAT64 discovery", "192.88.99.1": "6to4 relay", "::1": "loopback", "::": "unspecified", "fe80::1": "link-local", "fe80::1%eth0": "link-local",
    "fc00::1": "unique local", "fd00:ec2::254": "the instance's metadata", "ff02::1": "multicast", "fec0::1": "site-local", "::ffff:127.0.0.1": "mapped",
    "::ffff:10.0.0.1": "mapped", "::ffff:1.1.1.1": "mapped", "::127.0.0.1": "compatible", "2002:7f00:1::": "6to4 of loopback",
    "2002:a9fe:a9fe::1": "6to4 of the metadata", "64:ff9b::7f00:1": "NAT64 of loopback", "64:ff9b::a9fe:a9fe": "NAT64 of the metadata",
    "64:ff9b:1::1": "local NAT64", "2001:0:1::1": "Teredo", "2001:db8::1": "documentation", "": "nothing", "localhost": "a name", "2130706433": "a number",
    "0x7f.0.0.1": "hexadecimal", "0177.0.0.1": "octal", "127.1": "short",
}  # fmt: skip


class TestIsPublic:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_of_the_internet(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize("address", NOT_PUBLIC, ids=[f"{what} {address}" for address, what in NOT_PUBLIC.items()])
    def test_of_nothing_else(self, address: str) -> None:
        assert not is_public(address)
