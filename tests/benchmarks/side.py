"""One side of a benchmark in a process of its own: `python side.py MODULE FUNCTION [ARGUMENT …]` prints JSON."""

import json
import sys
from importlib import import_module

if __name__ == "__main__":
    module, function, *arguments = sys.argv[1:]
    json.dump(getattr(import_module(module), function)(*arguments), sys.stdout)
