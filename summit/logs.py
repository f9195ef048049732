import logging


class LineFormatter(logging.Formatter):
    """Keeps one record on one line, so that a name or a User-Agent with a line break cannot forge a record."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")
