"""A small example for `scripts/try`: what a shop has, what it sold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path


@dataclass
class Article:
    name: str
    price_cents: int
    in_stock: int = 0
    sold_on: list[date] = field(default_factory=list)

    def sell(self, day: date) -> None:
        self.in_stock -= 1
        self.sold_on.append(day)


class Shop:
    def __init__(self, ledger: Path) -> None:
        self.ledger = ledger
        self.articles: dict[str, Article] = {}

    def restock(self, article: Article, amount: int) -> None:
        article.in_stock += amount
        self.articles[article.name] = article
