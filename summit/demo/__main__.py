"""`make demo` and `make demo-reset`."""

import sys

from summit.demo import starter

if __name__ == "__main__":
    sys.exit(starter.reset() if sys.argv[1:] == ["reset"] else starter.start())
