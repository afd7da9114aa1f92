"""What a stranger may do to the app, as commands: python -m tests.attacks NAME.

Each attack is a module with `attack(short) -> list[Figure]`, and `ATTACKS` lists them. One that takes flags
of its own has `add_flags(parser)` and gets their values by name. The short form is part of the suite, see
test_attacks.py.
"""

ATTACKS = (
    "budget",
    "doors",
    "requests",
    "openapi",
    "sessions",
    "uploads",
    "checkpoints",
    "hub",
    "load",
    "training",
)
# Those that do not attack the server that the others share in the suite.
APART = ("checkpoints", "hub", "training")
