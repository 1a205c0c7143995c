"""The reference page and the JSON schema of the mapping file, made from its models.

`python -m bridge.mappings.reference` writes both to `docs/reference`; a test fails while they are stale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue

from bridge.mappings.problems import Code
from bridge.mappings.schema import (
    AnyAccount,
    FileEntry,
    FilterEntry,
    GroupEntry,
    LoopsEntry,
    PersonEntry,
    PlaceEntry,
    ReaderEntry,
    TestEntry,
)

FOLDER: Final = Path("docs/reference")
PAGE: Final = "mappings.md"
SCHEMA: Final = "mappings.schema.json"
MODE: Final[JsonSchemaMode] = "validation"

SECTIONS: Final[tuple[tuple[str, type[BaseModel]], ...]] = (
    ("The file", FileEntry),
    ("An account: `accounts.<name>`", AnyAccount),
    ("A person: `people.<name>`", PersonEntry),
    ("A group: `groups.<name>`", GroupEntry),
    ("A place: `groups.<name>.places`", PlaceEntry),
    ("Loops: `groups.<name>.loops`", LoopsEntry),
    ("A filter: `only`, `skip`", FilterEntry),
    ("A reader: `readers`", ReaderEntry),
    ("A test: `tests`", TestEntry),
)

HEAD: Final = """\
<!-- Made by `python -m bridge.mappings.reference`; change the models instead. -->
# The mapping file

`mappings.yaml` says who mirrors where. It is YAML 1.2; copy the [example](../../mappings.yaml) and look it over with
`viabridge check`. Every problem is shown at once, with its line, its column and the cure; then the exit code is 78.

- Indent with spaces, never with tabs.
- A `#` begins a comment: write `team/general`, or `"team/#general"` in quotes.
- A text that starts with `@` needs quotes: `"@lynn@social.example"`.
- A duration is a number with its unit: `60s`, `30m`, `48h`, `7d`.
- A secret never stands in the file. Write `{env: NAME}` for an environment variable, or `{file: path}` for a file; a
  relative path starts at the mapping file's folder, and the line end after the secret does not count.
"""

CODES: Final = """\
## Problems

| code | meaning |
|---|---|
"""


def page() -> str:
    """The reference page, as Markdown."""
    tables = (f"## {title}\n\n{_table(model)}" for title, model in SECTIONS)
    codes = "".join(f"| {code.value} | {code.meaning} |\n" for code in Code)
    return "\n".join((HEAD, *tables, CODES + codes))


def schema() -> str:
    """The JSON schema that an editor checks the file with while one types."""
    made = FileEntry.model_json_schema(mode=MODE)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_untitled(made), "title": "viabridge mappings"}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write both files into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(page(), encoding="utf-8")
    (folder / SCHEMA).write_text(schema(), encoding="utf-8")


def _table(model: type[BaseModel]) -> str:
    made = model.model_json_schema(mode=MODE)
    required = made.get("required", [])
    rows = [_row(key, value, required=key in required) for key, value in made["properties"].items()]
    if isinstance(made.get("additionalProperties"), dict):
        kind = _kind(made["additionalProperties"])
        rows.append(f"| `<account>` | {kind} | | Who they are there: an id, an address, or `@name`, as the account knows them. |")
    lines = (f"{model.__doc__}", "", "| key | value | default | meaning |", "|---|---|---|---|", *rows)
    return "\n".join(lines) + "\n"


def _row(key: str, value: JsonSchemaValue, *, required: bool) -> str:
    default = "required" if required else _default(value.get("default"))
    return f"| `{key}` | {_kind(value)} | {default} | {value.get('description', '')} |"


def _default(value: object) -> str:
    if isinstance(value, list) and value:
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`" if isinstance(value, str) and value else ""


def _kind(value: JsonSchemaValue) -> str:
    """What may be written, in words."""
    if "x-kind" in value:
        return str(value["x-kind"])
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(choice) for choice in value["anyOf"] if choice.get("type") != "null"))
    if "$ref" in value:
        return {"FilterEntry": "a filter", "ReaderEntry": "a reader", "PlaceEntry": "a place"}.get(
            value["$ref"].rpartition("/")[2], "a table"
        )
    if value.get("type") == "array":
        return (
            f"list of {_kind(value['items']).replace('a ', '', 1)}s"
            if "$ref" in value["items"]
            else f"list ({_kind(value['items'])})"
        )
    if value.get("type") == "object":
        return "table"
    return "duration" if "pattern" in value else "text"


def _untitled(value: Any) -> Any:
    """The schema without the titles that pydantic makes up from names."""
    if isinstance(value, Mapping):
        return dict(_kept(value))
    return [_untitled(item) for item in value] if isinstance(value, list) else value


def _kept(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if key == "title" and isinstance(item, str):
            continue
        yield key, _untitled(item)


if __name__ == "__main__":
    write(FOLDER)
