"""Names and strings that count differently in bytes, UTF-16 and code points."""

from inventory import Item, Shelf

棚 = Shelf(1)
品物 = Item("🎁 gift", 250, labels=["🎉🎉", "naïve"])
棚.put(品物)
両方 = ("🎉🎉", 棚.items, 品物.total_cents())
