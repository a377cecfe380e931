"""The invented company's plan: its teams, what each works on and how it goes, its projects, its turns."""

from dataclasses import dataclass

MONTHS = 36
"""How far back the company's history reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPlan:
    """A team and how its work goes. Ages count in months before today's.

    formed: age at which the team was founded. sizes: people when it was founded, and now, before
    anybody moved. leavers: ages at which somebody left; newcomers: at which somebody was hired, when
    others were hired long before. rate: merged merge requests per head and month; `turns` are (age,
    factor) from which the rate is another. days: median from opening to merging. stale: share of
    merge requests that nobody merges; stale_days: the median of how long these wait. stuck: (age,
    stale, stale_days) from which these are others. visits: merge requests of the community in a
    month, one of these numbers. genders: declared by those whom it hires, in turn.
    """

    slug: str
    name: str
    parent: str | None = None
    owns: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    formed: int = MONTHS
    sizes: tuple[int, int] = (0, 0)
    leavers: tuple[int, ...] = ()
    newcomers: tuple[int, ...] = ()
    rate: float = 0.0
    turns: tuple[tuple[int, float], ...] = ()
    days: float = 1.5
    stale: float = 0.04
    stale_days: float = 30.0
    stuck: tuple[int, float, float] | None = None
    visits: tuple[int, ...] = (0, 1, 1, 2, 2, 3)
    genders: tuple[str, ...] = ()

    def rate_at(self, age: int) -> float:
        """Merge requests per head in the month of this age."""
        factor = 1.0
        for since, other in self.turns:
            if age <= since:
                factor = other
        return self.rate * factor

    def stale_at(self, age: int) -> tuple[float, float]:
        """Share of the merge requests in the month of this age that wait for long, and how long."""
        if self.stuck is not None and age <= self.stuck[0]:
            return self.stuck[1:]
        return self.stale, self.stale_days


EVEN = ("woman", "man")
"""Declared by everybody, and by as many of either."""

TEAMS = (
    TeamPlan(slug="platform", name="Platform", owns=("acme/platform/**",), genders=EVEN),
    TeamPlan(
        slug="foundations",
        name="Foundations",
        parent="platform",
        owns=("acme/platform/base-images",),
        projects=("acme/platform/base-images",),
        sizes=(2, 4),
        leavers=(8,),
        rate=11.6,
        genders=EVEN,
    ),
    TeamPlan(
        slug="runtime",
        name="Runtime",
        parent="platform",
        owns=("acme/platform/scheduler", "acme/platform/legacy-ci"),
        projects=("acme/platform/scheduler",),
        sizes=(3, 6),
        leavers=(16,),
        rate=9.2,
        stale=0.05,
        genders=EVEN,
    ),
    TeamPlan(
        slug="delivery",
        name="Delivery",
        parent="platform",
        owns=("acme/platform/deploy*",),
        projects=("acme/platform/deploy-tools", "acme/platform/deploy-charts"),
        sizes=(3, 13),
        leavers=(20, 11),
        rate=8.3,
        genders=EVEN,
        days=2.5,
        stale=0.07,
        stale_days=48.0,
    ),
    TeamPlan(
        slug="observability",
        name="Observability",
        parent="platform",
        owns=("acme/platform/telemetry",),
        projects=("acme/platform/telemetry",),
        formed=24,
        sizes=(2, 4),
        rate=11.2,
        genders=EVEN,
    ),
    TeamPlan(slug="product", name="Product", owns=("acme/product/**",)),
    TeamPlan(
        slug="checkout",
        name="Checkout",
        parent="product",
        owns=("acme/product/storefront", "acme/product/payments"),
        projects=("acme/product/storefront", "acme/product/payments"),
        sizes=(4, 12),
        leavers=(5, 2),
        newcomers=(1,),
        rate=10.8,
        turns=((3, 0.55),),
        stale=0.05,
        stuck=(4, 0.2, 90.0),
        visits=(4, 5, 6, 7),
    ),
    TeamPlan(
        slug="search",
        name="Search",
        parent="product",
        owns=("acme/product/search-*",),
        projects=("acme/product/search-service",),
        sizes=(3, 7),
        leavers=(2,),
        rate=8.6,
        turns=((10, 1.4),),
    ),
    TeamPlan(
        slug="mobile",
        name="Mobile",
        parent="product",
        owns=("acme/product/apps/**",),
        projects=("acme/product/apps/mobile",),
        formed=15,
        sizes=(1, 1),
        rate=5.0,
        days=4.0,
    ),
    TeamPlan(slug="data", name="Data", owns=("acme/data/**",)),
    TeamPlan(
        slug="ingest",
        name="Ingest",
        parent="data",
        owns=("acme/data/pipelines",),
        projects=("acme/data/pipelines",),
        sizes=(3, 6),
        leavers=(17, 7),
        rate=7.0,
        days=5.0,
        stale=0.13,
        stale_days=110.0,
    ),
    TeamPlan(
        slug="insights",
        name="Insights",
        parent="data",
        owns=("acme/data/warehouse", "acme/data/reports"),
        projects=("acme/data/warehouse", "acme/data/reports"),
        sizes=(2, 3),
        rate=11.0,
    ),
    # Announced, and nobody is there yet.
    TeamPlan(slug="research", name="Research", parent="data", owns=("acme/data/lab/**",)),
)
"""Parents before children. The three without a parent are departments."""

LEAVES = tuple(team for team in TEAMS if team.parent is not None)
DEPARTMENTS = tuple(team for team in TEAMS if team.parent is None)

SHARED_MANAGER = ("ingest", "insights")
"""One manager leads both teams."""

PROMOTED = "delivery"
"""The manager of this team leaves, and a member follows in the same team."""

MOVES = (
    (26, "checkout", "foundations"),
    (24, "runtime", "observability"),
    (19, "checkout", "search"),
    (15, "checkout", "mobile"),
    (11, "delivery", "runtime"),
    (6, "search", "checkout"),
    (4, "ingest", "insights"),
    (1, "search", "checkout"),
)
"""(age, from, to) of people who change teams."""

GROUPS = (
    ("acme", "Acme"),
    ("acme/platform", "Platform"),
    ("acme/product", "Product"),
    ("acme/product/apps", "Apps"),
    ("acme/data", "Data"),
    ("acme/data/lab", "Lab"),
)
HANDBOOK = "acme/handbook"
ARCHIVED = "acme/platform/legacy-ci"
COMMUNITY_LABEL = "Community contribution"
GROUP = "acme"
"""The group that the demo collects."""

FIRST_NAMES = (
    "Alba Aster Bryn Caro Cato Dara Eden Elio Emery Enzo Fenna Flin Gale Hale Imre Indy Iris "
    "Jory Juno Kai Kerin Lark Leto Linnea Lior Lumen Mael Maren Mika Milo Nell Neri Noor Oda "
    "Orin Pax Perrin Quill Rae Remy Rhea Rowan Sage Senna Silas Sol Sunniva Tamsin Teo Tove Una "
    "Vale Vesper Wren Xan Yara Yves Zephyr Zuri Ansel Briar Corin Delphi Elowen Fable Garnet "
    "Halcyon Isolde"
)
LAST_NAMES = (
    "Alder Ashby Birch Bracken Brook Calder Clover Coppice Dale Dell Elder Fallow Fenwick Fern "
    "Field Flint Ford Garth Glade Grove Harrow Hawthorn Hazel Heath Hollis Holm Ivy Juniper "
    "Kestrel Knoll Larch Linden Loam Marsh Meadow Mere Moor Moss Oakes Orchard Pike Plover "
    "Quarry Reed Ridge Rill Rowe Rush Sedge Sparrow Spruce Stone Tarn Teal Thicket Thorn Vale "
    "Warren Weir Wick Wilder Willow Wold Yarrow Yew Arden Beck Croft"
)
COMMUNITY_NAMES = (
    "Ivo Lindqvist",
    "Mara Okafor",
    "Petra Valen",
    "Kofi Aldane",
    "Lena Storm",
    "Ravi Montes",
    "Hana Petrel",
    "Otto Nyberg",
)
"""People outside the company who contribute."""
CONTRACTORS = ("contractor-lowe", "contractor-hart", "qa-external")
"""Accounts that nobody declared to be anybody's."""

ACTIONS = (
    "Add Adjust Allow Cache Check Correct Cover Document Drop Extract Fix Guard Handle Improve "
    "Log Measure Merge Move Name Pin Polish Prepare Protect Raise Refactor Reject Remove Rename "
    "Replace Retry Reuse Show Shorten Simplify Sort Split Support Test Tidy Trim Update Upgrade "
    "Validate"
)
THINGS = (
    "the retry loop",
    "empty answers",
    "time zones in reports",
    "the health check",
    "an index on orders",
    "the upload form",
    "slow queries",
    "the release notes",
    "old feature flags",
    "error messages",
    "the nightly job",
    "pagination",
    "the search box",
    "timeouts",
    "metrics of the queue",
    "the login page",
    "duplicate events",
    "memory use",
    "the build image",
    "rounding of prices",
    "the export",
    "schema changes",
    "keyboard navigation",
    "the price list",
    "broken links",
    "flaky tests",
    "the onboarding guide",
    "alerts at night",
    "the address form",
    "unused settings",
)
LABELS = ("type::feature", "type::bug", "type::maintenance", "documentation")
REMARKS = (
    "Nice, one question below.",
    "Could this be a constant?",
    "Works for me.",
    "Please add a test for the empty case.",
    "I would name it after what it gives back.",
    "Let us talk about it tomorrow.",
    "What happens when it is asked twice?",
    "Good, thank you.",
)
