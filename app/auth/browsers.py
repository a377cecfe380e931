"""What a browser calls itself, in the few words by which somebody knows their own among their sessions."""

FAMILIES = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Marks and names; the first one found counts, since most of them also call themselves what comes later."""

SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def described(user_agent: str) -> str:
    """`Firefox on Linux`, of words of ours alone; empty where nothing is recognised. No version: it says
    who somebody is to nobody, and changes while a session goes on."""
    family = next((name for mark, name in FAMILIES if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return " on ".join(filter(None, (family, system)))
