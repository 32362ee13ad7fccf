"""A hook of mkdocs: pages that live elsewhere in the repository are part of the site, and links hold in both.

README.md is the site's home. Links in every page are those of the repository, as a code host shows it; here they are
turned into the site's.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ELSEWHERE = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("exported/README.md", "exported/batching.config", "exported/compose.yaml"),
)
_LINK = re.compile(r"\]\((?![a-z]+:|#|/)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not under docs/."""
    pages = [ROOT / name for name in ELSEWHERE] + sorted((ROOT / "benchmarks").rglob("*.[mp][dn]*"))
    for page in pages:
        if page.exists():
            place = _in_site(page.relative_to(ROOT).as_posix())
            files.append(File.generated(config, place, abs_src_path=str(page)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    here = page.file.src_uri
    source = Path(page.file.abs_src_path).relative_to(ROOT).as_posix()

    def turned(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        return f"]({posixpath.relpath(_in_site(target), posixpath.dirname(here) or '.')}"

    return _LINK.sub(turned, markdown)


def _in_site(path: str) -> str:
    return "index.md" if path == "README.md" else path.removeprefix("docs/")
