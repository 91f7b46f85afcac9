"""Content that breaks naive platforms: what work prints, leaves and starts. None of it fails work or is an output."""

from __future__ import annotations

#: Shell lines of a command.
LINES = (
    r"""printf '{"note": "\\ud83d"}\n'""",
    r"""python3 -c 'print("{\"deep\": " + "[" * 300 + "]" * 300 + "}")'""",
    "head -c 200000 /dev/urandom",
    r"head -c 300000 /dev/zero | tr '\0' x; echo",
    """seq -f '{"key%.0f": 1}' 3000""",
    "yes flood | head -c 3000000",
    "ln -s loop $PERIJOVE_OUTPUTS/loop; ln -s /etc/passwd $PERIJOVE_OUTPUTS/leaves; mkfifo $PERIJOVE_OUTPUTS/pipe",
    "mkdir $PERIJOVE_OUTPUTS/closed; chmod 000 $PERIJOVE_OUTPUTS/closed",
    "mkdir -p sealed/inner; touch sealed/inner/file; chmod -R a-w sealed",
    "for i in $(seq 400); do mkdir d && cd d; done; cd $PERIJOVE_REPOSITORY",
    "(setsid sleep 600 &) ; (env -i setsid sleep 600 &) ; sleep .1",
)

#: A notebook's cell.
CELL = r"""
import json, os, subprocess
from IPython.display import display
print('{"note": "\\ud83d"}')
print('{"deep": ' + '[' * 300 + ']' * 300 + '}')
print('half of a character: \ud83d')
nested = []
for _ in range(300):
    nested = [nested]
display({"application/json": nested, "text/plain": "deep"}, raw=True)
display({"text/plain": None, "image/png": 7, "application/x-odd": float("nan")}, raw=True, metadata={"odd": None})
for number in range(500):
    print(json.dumps({f"key{number}": number}))
subprocess.Popen(["sleep", "600"], start_new_session=True)
os.symlink("loop", os.path.join(os.environ["PERIJOVE_OUTPUTS"], "loop"))
"""

#: What a cell raises whose work fails.
FAILURE = r"raise RuntimeError('on purpose \ud83d')"
