import logging
import time

# Whatever a reader of logs could take for the end of a line, or for a command to the terminal.
_CONTROLS = {
    code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029) if code != ord("\t")
}


class LineFormatter(logging.Formatter):
    """Keeps one record on one line, so that a name or a User-Agent with a line break cannot forge a record. Times are
    UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).translate(_CONTROLS)
