"""Which calls are taken to change what they are called on: rules of thumb, kept in one place.

Python can't say whether ``x.f()`` changes ``x``. The rules lean towards sending a cell too many, for a cell too few
makes a wrong result: a call whose value is thrown away is taken to be made for its effect, unless its name is known to
show or to compute; a call whose value is kept is taken to change nothing, unless its name is known to.
"""

from __future__ import annotations

import re

#: Methods that change what they are called on even where their value is kept.
_CHANGING = re.compile(
    r"^(?:add|add_(?!prefix$|suffix$)\w+|append|appendleft|backward|build|clear|close|compile|connect|discard|"
    r"(?:partial_)?fit|fit_\w+|execute|executemany|extend|extendleft|init\w*|insert|load_state_dict|load_weights|pop|"
    r"popitem|popleft|push|put|read|readlines?|register\w*|remove|reverse|seed|send|set_(?!index$|axis$)\w+|setdefault|"
    r"shuffle|sort|start|step|train|train_\w+|tune|update|update_\w+|write|writelines|\w+_)$"
)
#: Methods whose value, thrown away or shown as a cell's last line, is all they give.
_SHOWING = re.compile(
    r"^(?:agg|aggregate|all|any|apply|assign|astype|boxplot|copy|corr|count|cov|decode|describe|diff|display|drop|"
    r"drop_duplicates|dropna|encode|equals|evaluate|fillna|find|format|get|get_\w+|groupby|head|hist|index|info|is\w+|"
    r"items|join|keys|map|max|mean|median|melt|merge|min|mode|nlargest|nsmallest|nunique|pivot\w*|plot\w*|predict\w*|"
    r"print\w*|quantile|query|rename|resample|reset_index|round|sample|save\w*|score|set_index|show\w*|size|sort_values|"
    r"split|std|strip|sum|summary|tail|to_\w+|transform|tolist|unique|value_counts|values|var|view)$"
)
#: What plotting draws on: every call on it counts.
_CANVAS = re.compile(r"^(?:ax|axs|axes|fig|figure)\d*$")
#: What is called on a module to configure it for the cells below.
_CONFIGURING = re.compile(
    r"^(?:append|autolog|basicConfig|chdir|config\w*|disable\w*|enable\w*|extend|filterwarnings|init\w*|insert|"
    r"install\w*|login|manual_seed\w*|putenv|register\w*|remove|seed\w*|set\w*|simplefilter|update|use\w*)$"
)
#: Functions of modules that change their first argument.
_CHANGING_ARGUMENT = re.compile(
    r"^(?:copyto|delattr|fill_diagonal|heap\w+|insort\w*|next|place|put|setattr|shuffle|\w+_)$"
)
_SHOWING_FUNCTIONS = frozenset({"display", "print", "pprint", "len", "type", "help", "repr", "dir", "sleep"})


def changes_receiver(receiver: str, method: str, *, is_module: bool, discarded: bool, in_place: bool) -> bool:
    """Return whether ``receiver.method()`` is taken to change the receiver.

    Parameters
    ----------
    receiver, method : str
        Their names.
    is_module : bool
        Whether the receiver was imported.
    discarded : bool
        Whether the call's value is thrown away, or is a cell's last line.
    in_place : bool
        Whether it is called with ``inplace=True``.
    """
    if in_place:
        return True
    if is_module:
        return discarded and bool(_CONFIGURING.match(method))
    if discarded:
        return bool(_CANVAS.match(receiver)) or not _SHOWING.match(method)
    return bool(_CHANGING.match(method))


def changes_arguments(function: str, *, is_method: bool, is_builtin: bool, discarded: bool) -> bool:
    """Return whether a call of `function` is taken to change the variables it is given.

    A plain function called for its effect is: ``train(model)``; a method is taken to change its own object instead.
    """
    if _CHANGING_ARGUMENT.match(function):
        return True
    return discarded and not is_method and not is_builtin and function not in _SHOWING_FUNCTIONS
