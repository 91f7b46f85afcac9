"""What the analysis knows of one cell."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """A call of a plain name, with the variables it is given: by position (None: not a plain variable), by keyword."""

    function: str
    positional: tuple[str | None, ...] = ()
    keywords: tuple[tuple[str, str], ...] = ()


@dataclass
class FunctionFacts:
    """What a function, or a class's methods, do when they are called.

    Attributes
    ----------
    parameters : tuple of str
        Its parameters' names, in order.
    changed_parameters : set of str
        Those whose objects it changes.
    changed_globals : set of str
        The notebook's names that it sets or changes.
    calls : set of str
        The notebook's functions that it calls.
    """

    parameters: tuple[str, ...] = ()
    changed_parameters: set[str] = field(default_factory=set)
    changed_globals: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)


@dataclass
class CellFacts:
    """What one cell takes from the cells above it and gives to those below.

    Attributes
    ----------
    uses : set of str
        Names it reads, or may read through a function of its own, and has not certainly set itself before.
    later : set of str
        Names that the bodies of its functions read: whenever they are called, by this cell or one below.
    sets : set of str
        Names that certainly have a new value after it.
    may_set : set of str
        Names that may have: set in a branch or a loop, or changed in place.
    calls : list of Call
        Calls of plain names while it runs.
    functions : dict
        The functions and classes it defines.
    defines_all : str
        Why it may define any name at all, such as a star import; then it always goes along. Empty if it doesn't.
    configures : bool
        It changes the session for the cells below, so it always goes along.
    unknown : str
        Why it can't be read; then it needs every cell above it, and may define any name. Empty if it can.
    """

    uses: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    may_set: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    functions: dict[str, FunctionFacts] = field(default_factory=dict)
    defines_all: str = ""
    configures: bool = False
    unknown: str = ""

    @property
    def names(self) -> set[str]:
        """Every name it may give a value."""
        return self.sets | self.may_set
