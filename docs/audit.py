"""`make audit`: whether a package that we run on has a known weakness. Ends with 1 where one has, and with 3
where that cannot be found out here: then nothing was audited, and it says so."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
COMMAND = (
    Path(sys.executable).parent / "pip-audit",
    *("--requirement", LOCK, "--require-hashes", "--disable-pip"),
    *("--format", "json", "--progress-spinner", "off", "--timeout", "10"),
)
WEAK, NOT_AUDITED = 1, 3


def judged(dependencies: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """The status to end with and what to say. dependencies: as pip-audit lists them."""
    weak = [
        f"{each['name']} {each['version']}: {weakness['id']}, "
        f"repaired in {', '.join(weakness['fix_versions']) or 'no version yet'}."
        for each in dependencies
        for weakness in each.get("vulns", ())
    ]
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    if skipped:
        weak.append(
            f"NOT AUDITED: of {len(skipped)} of {len(dependencies)} packages the advisory service "
            f"tells nothing here ({', '.join(skipped[:3])}, …)."
        )
    if any(each.get("vulns") for each in dependencies):
        return WEAK, weak
    if skipped:
        return NOT_AUDITED, weak
    return 0, [f"No known weakness in {len(dependencies)} packages."]


def main() -> int:
    """Audits the lock of the runtime."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        sys.stdout.write(f"NOT AUDITED: the advisory service does not answer ({reason:.200}).\n")
        return NOT_AUDITED
    status, sentences = judged(dependencies)
    sys.stdout.write("\n".join([*sentences, ""]))
    return status


if __name__ == "__main__":
    sys.exit(main())
