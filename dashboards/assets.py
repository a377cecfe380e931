"""Style, script and Plotly at hashed addresses: sent compressed, and kept by the browser for a year."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock

import plotly

STATIC = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file that pages link to. Read and compressed once, at the first request for it."""

    name: str
    path: Path
    media_type: str

    @cached_property
    def content(self) -> bytes:
        """The file as it is."""
        return self.path.read_bytes()

    @cached_property
    def compressed(self) -> bytes:
        """The file in gzip; the same bytes every time."""
        with _COMPRESSING:
            return gzip.compress(self.content, compresslevel=9, mtime=0)

    @cached_property
    def address(self) -> str:
        """`/static/app.3f2a….css`: another content has another address."""
        stem, _, ending = self.name.rpartition(".")
        return f"/static/{stem}.{sha256(self.content).hexdigest()[:12]}.{ending}"


_COMPRESSING = Lock()

ASSETS: tuple[Asset, ...] = (
    Asset("app.css", STATIC / "app.css", "text/css; charset=utf-8"),
    Asset("app.js", STATIC / "app.js", "text/javascript; charset=utf-8"),
    Asset("theme.js", STATIC / "theme.js", "text/javascript; charset=utf-8"),
    Asset("icon.svg", STATIC / "icon.svg", "image/svg+xml"),
    Asset(
        "plotly.min.js",
        Path(plotly.__file__).parent / "package_data" / "plotly.min.js",
        "text/javascript; charset=utf-8",
    ),
)


@lru_cache(maxsize=1)
def by_address() -> Mapping[str, Asset]:
    """The assets by their hashed address."""
    return {asset.address: asset for asset in ASSETS}


@lru_cache(maxsize=1)
def addresses_by_name() -> Mapping[str, str]:
    """Hashed address by name, for the templates."""
    return {asset.name: asset.address for asset in ASSETS}


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for part in accept_encoding.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            quality = parameters.strip().removeprefix("q=").strip()
            return quality.rstrip("0.") != "" if quality else True
    return False
