"""`make demo` and `make demo-reset`."""

import sys

from summit.demo.starter import Demo
from summit.supervisor import reset, run

if __name__ == "__main__":
    sys.exit(reset(Demo) if sys.argv[1:] == ["reset"] else run(Demo))
