"""Write the published form of the contract: `python scripts/contract.py`; with `--check`, say what is not current.

schemas/json/*.v1.schema.json, schemas/codes.json and schemas/asyncapi.yaml come from the event classes and from
`streams/topics.py`; in schemas/pages/*.md the tables do, all but the meanings of the fields.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from contract_asyncapi import asyncapi
from contract_pages import PageError, read_meanings, refreshed_page
from contract_schemas import EVENTS, event_schema, schema_file

from schemas.codes import ERROR_CODES, MEANINGS, WARNING_CODES, is_retryable, retry_rule
from schemas.topics import EVENT_TYPES

ROOT: Final = Path(__file__).parent.parent / "schemas"


def generated() -> dict[Path, str]:
    """Return every generated file and what belongs in it. Raises PageError."""
    meanings = read_meanings()
    files = {ROOT / "json" / schema_file(name): _json(event_schema(name, meanings)) for name in EVENTS}
    files |= {ROOT / "pages" / f"{topic}.md": refreshed_page(topic, meanings) for topic in EVENT_TYPES}
    files[ROOT / "codes.json"] = _json(_codes())
    files[ROOT / "asyncapi.yaml"] = yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120)
    return files


def orphans(files: dict[Path, str]) -> list[Path]:
    """Return the files beside the generated ones that nothing generates."""
    there = [*(ROOT / "json").iterdir(), *(ROOT / "pages").iterdir()]
    return sorted(path for path in there if path not in files)


def _codes() -> list[dict[str, Any]]:
    codes = dict.fromkeys((*ERROR_CODES, *WARNING_CODES))
    return [
        {
            "code": code,
            "error": code in ERROR_CODES,
            "warning": code in WARNING_CODES,
            "retryable": code in ERROR_CODES and is_retryable(code),
            "retry": retry_rule(code) if code in ERROR_CODES else "never",
            "meaning": MEANINGS[code],
        }
        for code in codes
    ]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the files, or compare them. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is not current")
    check: bool = parser.parse_args().check
    try:
        files = generated()
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    unknown = orphans(files) if check else []
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT.parent)} is not current; run `python scripts/contract.py`", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
    for path in unknown:
        print(f"{path.relative_to(ROOT.parent)} belongs to no event type or topic; delete it", file=sys.stderr)
    return 1 if check and (stale or unknown) else 0


if __name__ == "__main__":
    sys.exit(main())
