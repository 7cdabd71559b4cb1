"""How the shop writes amounts of money: in a layer, because every function of the shop needs it."""


def spoken(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d} EUR"
