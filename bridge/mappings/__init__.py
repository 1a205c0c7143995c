"""The mapping file `mappings.yaml`: who mirrors where. Text in, frozen values or all problems out."""

from bridge.mappings.loading import load, parse
from bridge.mappings.models import (
    AccountEntry,
    Confirm,
    Deliver,
    Direction,
    Filter,
    Group,
    GroupPlace,
    Loops,
    Mappings,
    MappingTest,
    Person,
    Reader,
    Rhythm,
)
from bridge.mappings.problems import Code, MappingError, Problem, report

__all__ = [
    "AccountEntry",
    "Code",
    "Confirm",
    "Deliver",
    "Direction",
    "Filter",
    "Group",
    "GroupPlace",
    "Loops",
    "MappingError",
    "MappingTest",
    "Mappings",
    "Person",
    "Problem",
    "Reader",
    "Rhythm",
    "load",
    "parse",
    "report",
]
