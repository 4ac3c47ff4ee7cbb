"""The other half of the example: the places where `scripts/try` asks fairlead to go on."""

from datetime import date
from pathlib import Path

from stock import Article, Shop


def worth(articles: list[Article]) -> int:
    total = 0
    for article in articles:
        total += article.
    return total


def read_ledger(path: Path) -> list[str]:
    if not path.
        return []
    return open(path, encoding="utf-8").read().spl


def sell_all(shop: Shop, day: date) -> None:
    for name in sorted(shop.articles):
        article = shop.articles[name]
        article.
