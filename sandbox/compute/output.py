"""Cuts what a process writes into log lines.

A process has one pipe for stdout, stderr and awslambdaric's log frames, so that their order is kept. Text is cut at
newlines. A frame is one log event whatever it contains: type (4 bytes, 0xa55a00..), length (4), time in microseconds
(8), all big-endian, then the text.
"""

from __future__ import annotations

#: Lambda's log events hold at most this many bytes: a longer line goes on in the next event.
LONGEST_LINE = 256 * 1024

# 0xa5 can't begin a character in UTF-8, so text does not contain this.
_MAGIC = b"\xa5\x5a\x00"
_HEADER = 16
#: A frame that claims more than this is not a frame.
_LONGEST_FRAME = 16 * 1024 * 1024


class Output:
    """One pipe's text. Feed it bytes, it gives whole lines without their newline."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete with `data`."""
        self._rest += data
        lines: list[str] = []
        while self._rest:
            at = self._rest.find(_MAGIC)
            if at == 0:
                if not self._frame(lines):
                    break
            elif at > 0:
                self._text(at, lines)
                self._emit(self._rest.find(_MAGIC), lines)
            else:
                self._text(len(self._rest), lines)
                break
        return lines

    def finish(self) -> list[str]:
        """What is left when nothing more will come for now: the last line, if it had no newline."""
        lines: list[str] = []
        if self._rest.startswith(_MAGIC):
            # A frame whose writer was killed in the middle of it.
            del self._rest[:_HEADER]
        self._emit(len(self._rest), lines)
        return lines

    def _frame(self, lines: list[str]) -> bool:
        length = int.from_bytes(self._rest[4:8], "big")
        if length > _LONGEST_FRAME:
            # Another byte that is no character: as text it looks the same, as a frame's beginning not.
            self._rest[0] = 0xFF
            return True
        if len(self._rest) < _HEADER + length:
            return False
        text = bytes(self._rest[_HEADER : _HEADER + length])
        del self._rest[: _HEADER + length]
        _split(text.removesuffix(b"\n"), lines)
        return True

    def _text(self, end: int, lines: list[str]) -> None:
        """Take the whole lines before `end`."""
        cut = self._rest.rfind(b"\n", 0, end)
        if cut >= 0:
            for line in bytes(self._rest[:cut]).split(b"\n"):
                _split(line, lines)
            del self._rest[: cut + 1]
            end -= cut + 1
        while end > LONGEST_LINE:
            self._emit(LONGEST_LINE, lines)
            end -= LONGEST_LINE

    def _emit(self, end: int, lines: list[str]) -> None:
        """Take what is before `end` as a line, although it has no newline."""
        end = min(end, len(self._rest))
        text = bytes(self._rest[:end])
        del self._rest[:end]
        if text:
            _split(text, lines)


def _split(line: bytes, lines: list[str]) -> None:
    if len(line) <= LONGEST_LINE:
        lines.append(line.decode("utf-8", "replace"))
        return
    for at in range(0, len(line), LONGEST_LINE):
        lines.append(line[at : at + LONGEST_LINE].decode("utf-8", "replace"))
