"""What is for sale. It stands for a database: every look takes a connection from a pool of a fixed size."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Semaphore


@dataclass(frozen=True)
class Product:
    number: int
    name: str
    cents: int

    def shown(self, currency: str) -> dict[str, object]:
        return {"number": self.number, "name": self.name, "price": f"{self.cents / 100:.2f} {currency}"}


_PRODUCTS = (
    Product(1, "Signal lamp", 1990),
    Product(2, "Point lever", 4900),
    Product(3, "Station clock", 12900),
    Product(4, "Enamel sign", 2450),
)


class PoolExhausted(Exception):
    """Every connection is taken and none came back in time."""


class Pool:
    def __init__(self, size: int) -> None:
        self._free = Semaphore(size)

    @contextmanager
    def connection(self) -> Iterator[None]:
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def take(self) -> None:
        if not self._free.acquire(timeout=0.01):
            raise PoolExhausted

    def give_back(self) -> None:
        self._free.release()


class Catalog:
    def __init__(self) -> None:
        self._pool = Pool(size=40)

    def products(self) -> tuple[Product, ...]:
        with self._pool.connection():
            return _PRODUCTS

    def find(self, number: int) -> Product | None:
        with self._pool.connection():
            return next((product for product in _PRODUCTS if product.number == number), None)
