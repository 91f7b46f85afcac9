"""Words that a person looks for in what they see of an execution, as a condition of SQL."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, exists, or_

from perijove_scheduler.store.tables import ExecutionRow, TagRow

#: How many executions one search looks through, the newest after the cursor first: words in the middle of a text have
#: no index, and who looks for something that is not there shall not make the database read everything.
WINDOW = 10_000
_MOST_WORDS = 8
_NUMBER = re.compile(r"#?(\d{1,9})")


def mentions(row: type[ExecutionRow], project_name: Any, search: str) -> list[ColumnElement[bool]]:
    """Return the conditions under which an execution has every word of `search`, whatever its case.

    A word is found in the title, the notebook's path, the command, the tags, the group's, the owner's and the project's
    name; a number, with or without ``#``, may also be the execution's own.
    """
    return [_mentions(row, project_name, word) for word in search.split()[:_MOST_WORDS]]


def _mentions(row: type[ExecutionRow], project_name: Any, word: str) -> ColumnElement[bool]:
    path, command = row.spec["notebook", "path"].as_string(), row.spec["command"].as_string()
    texts: tuple[Any, ...] = (row.title, path, command, row.group_name, row.owner, project_name)
    tagged = exists().where(TagRow.execution_id == row.id, _holds(TagRow.tag, word))
    found = [*(_holds(text, word) for text in texts), tagged]
    if number := _NUMBER.fullmatch(word):
        found.append(row.number == int(number[1]))
    return or_(*found)


def _holds(text: Any, word: str) -> ColumnElement[bool]:
    held: ColumnElement[bool] = text.icontains(word, autoescape=True)
    return held
