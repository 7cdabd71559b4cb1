"""PartiQL statements, read for what authorisation asks of them: what is done to which table, and which items it names.

DynamoDB's dialect: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Verb = Literal["Select", "Insert", "Update", "Delete"]

_TOKEN = re.compile(
    r"""\s*(?:
        "((?:[^"]|"")*)"                              # a quoted name
      | '((?:[^']|'')*)'                              # a text
      | (-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)            # a number
      | ([A-Za-z_][A-Za-z0-9_\-]*)                    # a bare name or a word
      | (<>|!=|<=|>=|<<|>>|\|\||[=<>().,\[\]{}:?*+/;-])
      | (\S)
    )""",
    re.VERBOSE,
)

#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html
MAX_CHARACTERS = 8_192

#: What a value may be: a typed attribute value (`{"S": "a"}`), or nothing that can be told.
Value = dict[str, Any] | None


class Unreadable(Exception):
    """A statement that is none of SELECT, INSERT, UPDATE and DELETE, or that can't be read as one."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement on one table. `equal` has, for each attribute, the values to which the statement binds it wherever
    it holds (by `=`, IN, or by an INSERT's item); an attribute that some way of fulfilling it leaves free is not in it.
    `attributes` are the top-level attributes that it names; `everything` says that it reads all of them (`SELECT *`).
    """

    verb: Verb
    table: str
    index: str | None
    equal: dict[str, list[Value]] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    everything: bool = False
    returning: str | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["name", "quoted", "text", "number", "mark"]
    text: str

    def word(self) -> str:
        return self.text.lower() if self.kind == "name" else ""


def read(statement: str, parameters: Sequence[Any] = ()) -> Statement:
    """Read a statement, its `?` filled with `parameters` (typed attribute values, in order). Unreadable if it isn't
    one."""
    if len(statement) > MAX_CHARACTERS:
        raise Unreadable(f"it has {len(statement)} characters, more than {MAX_CHARACTERS}")
    return _Reader(_tokens(statement), list(parameters)).statement()


def _tokens(statement: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(statement):
        quoted, text, number, name, mark, other = match.groups()
        if quoted is not None:
            found.append(_Token("quoted", quoted.replace('""', '"')))
        elif text is not None:
            found.append(_Token("text", text.replace("''", "'")))
        elif number is not None:
            found.append(_Token("number", number))
        elif name is not None:
            found.append(_Token("name", name))
        else:
            found.append(_Token("mark", mark or other))
    return found


_END = _Token("mark", "")
#: Deeper than this nobody writes by hand; DynamoDB's own limit on nesting is 32.
_MAX_DEPTH = 64


#: What moto takes a statement apart at, be it within a text: conditions behind it would be lost.
_CUT = re.compile(r"select | from | where ", re.IGNORECASE)


class _Reader:
    """A recursive descent over the tokens, which keeps what equality binds: `AND` adds up, `OR` keeps what both do."""

    def __init__(self, tokens: list[_Token], parameters: list[Any]) -> None:
        self._tokens = tokens
        self._at = 0
        self._parameters = parameters
        self._attributes: dict[str, None] = {}
        self._depth = 0

    def statement(self) -> Statement:
        word = self._next().word()
        if word == "exists":
            # A condition of a transaction: EXISTS(SELECT ...).
            self._expect("(")
            word = self._next().word()
        reading = {"select": self._select, "insert": self._insert, "update": self._update, "delete": self._delete}
        if word != "insert" and any(
            each.kind in ("text", "quoted") and _CUT.search(each.text) for each in self._tokens
        ):
            raise Unreadable("SELECT, FROM or WHERE stands within a name or a text; give the text as a parameter (?)")
        if word not in reading:
            raise Unreadable(f"a statement begins with SELECT, INSERT, UPDATE, DELETE or EXISTS, not with {word!r}")
        return reading[word]()

    # -- statements ------------------------------------------------------------------------------------

    def _select(self) -> Statement:
        everything = False
        while self._peek().word() != "from":
            token = self._next()
            if token is _END:
                raise Unreadable("a SELECT has no FROM")
            if token.text == "*" and token.kind == "mark":
                everything = True
            elif token.kind in ("name", "quoted") and self._peek().text != "(":
                self._path(token)
        self._next()
        table, index = self._target()
        equal = self._where()
        if self._peek().word() == "order":
            while self._peek() is not _END and self._peek().text != ")":
                self._next()
        return self._done("Select", table, index, equal, everything)

    def _insert(self) -> Statement:
        self._word("into")
        table, index = self._target()
        self._word("value")
        item = self._value()
        if item is None or "M" not in item:
            raise Unreadable("an INSERT's VALUE is not a tuple")
        equal = {name: [value] for name, value in item["M"].items()}
        self._attributes.update(dict.fromkeys(equal))
        return self._done("Insert", table, index, cast("dict[str, list[Value]]", equal))

    def _update(self) -> Statement:
        table, index = self._target()
        while self._peek().word() in ("set", "remove"):
            self._next()
            while True:
                self._path(self._next())
                if self._peek().text == "=":
                    self._next()
                    self._until_next_clause()
                if self._peek().text != ",":
                    break
                self._next()
        equal = self._where()
        return self._done("Update", table, index, equal)

    def _delete(self) -> Statement:
        self._word("from")
        table, index = self._target()
        return self._done("Delete", table, index, self._where())

    def _done(
        self, verb: Verb, table: str, index: str | None, equal: dict[str, list[Value]], everything: bool = False
    ) -> Statement:
        returning = None
        if self._peek().word() == "returning":
            self._next()
            returning = "_".join(self._next().text.upper() for _ in range(2))
            self._expect("*")
        while self._peek().kind == "mark" and self._peek().text in (")", ";"):
            self._next()
        if self._peek() is not _END:
            raise Unreadable(f"{self._peek().text!r} was not expected")
        return Statement(verb, table, index, equal, tuple(self._attributes), everything, returning)

    def _until_next_clause(self) -> None:
        """Past the right side of an assignment, whose `?` take their parameters as they come."""
        depth = 0
        while (token := self._peek()) is not _END:
            if depth == 0 and (token.text == "," or token.word() in ("where", "set", "remove", "returning")):
                return
            depth += (token.text in "([{" and token.kind == "mark") - (token.text in ")]}" and token.kind == "mark")
            self._next()
            if token.kind == "mark" and token.text == "?":
                self._parameter()
            elif token.kind in ("name", "quoted") and self._peek().text != "(":
                self._path(token)

    # -- parts -----------------------------------------------------------------------------------------

    def _target(self) -> tuple[str, str | None]:
        token = self._next()
        if token.kind not in ("name", "quoted"):
            raise Unreadable("no table is named")
        if self._peek().text != "." or self._peek().kind != "mark":
            return token.text, None
        self._next()
        index = self._next()
        if index.kind not in ("name", "quoted"):
            raise Unreadable(f"no index is named after {token.text}.")
        return token.text, index.text

    def _where(self) -> dict[str, list[Value]]:
        if self._peek().word() != "where":
            return {}
        self._next()
        return self._either()

    def _either(self) -> dict[str, list[Value]]:
        equal = self._both()
        while self._peek().word() == "or":
            self._next()
            other = self._both()
            equal = {name: [*equal[name], *other[name]] for name in equal if name in other}
        return equal

    def _both(self) -> dict[str, list[Value]]:
        equal = self._condition()
        while self._peek().word() == "and":
            self._next()
            for name, values in self._condition().items():
                equal[name] = [*equal.get(name, []), *values]
        return equal

    def _condition(self) -> dict[str, list[Value]]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unreadable("its conditions are nested too deeply")
        try:
            token = self._peek()
            if token.word() == "not":
                self._next()
                self._condition()
                return {}
            if token.kind == "mark" and token.text == "(":
                self._next()
                equal = self._either()
                self._expect(")")
                return equal
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> dict[str, list[Value]]:
        left_name, left = self._operand()
        mark = self._peek()
        if mark.kind == "mark" and mark.text == "=":
            self._next()
            right_name, right = self._operand()
            if left_name is not None and right_name is None:
                return {left_name: [right]}
            if right_name is not None and left_name is None:
                return {right_name: [left]}
            return {}
        if mark.kind == "mark" and mark.text in ("<>", "!=", "<", ">", "<=", ">="):
            self._next()
            self._operand()
            return {}
        if mark.word() == "between":
            self._next()
            self._operand()
            self._word("and")
            self._operand()
            return {}
        if mark.word() == "in":
            self._next()
            values = self._listed()
            return {left_name: values} if left_name is not None else {}
        if mark.word() == "is":
            self._next()
            if self._peek().word() == "not":
                self._next()
            self._next()
        return {}

    def _operand(self) -> tuple[str | None, Value]:
        """An attribute's name, or a value (None where it can't be told). What is added to a value makes it unknown."""
        token = self._peek()
        if token.kind in ("name", "quoted") and token.word() not in ("true", "false", "null", "missing"):
            self._next()
            if self._peek().kind == "mark" and self._peek().text == "(" and token.kind == "name":
                self._arguments()
                return None, None
            plain = self._path(token)
            return (token.text, None) if plain else ("", None)
        value = self._value()
        return None, value

    def _arguments(self) -> None:
        self._expect("(")
        depth = 1
        while depth:
            token = self._next()
            if token is _END:
                raise Unreadable("a function's arguments don't end")
            if token.word() in ("select", "from"):
                raise Unreadable("a condition asks nothing of another table")
            if token.kind == "mark":
                depth += (token.text == "(") - (token.text == ")")
                if token.text == "?":
                    self._parameter()
            elif token.kind in ("name", "quoted") and self._peek().text != "(":
                self._path(token)

    def _path(self, token: _Token) -> bool:
        """Note the attribute at the head of a path; whether the path is that attribute alone."""
        if token.kind not in ("name", "quoted"):
            raise Unreadable(f"an attribute's name was expected, not {token.text!r}")
        self._attributes[token.text] = None
        plain = True
        while self._peek().kind == "mark" and self._peek().text in (".", "["):
            plain = False
            if self._next().text == ".":
                self._next()
            else:
                self._next()
                self._expect("]")
        return plain

    def _listed(self) -> list[Value]:
        opening = self._next().text
        closing = {"[": "]", "(": ")", "<<": ">>"}.get(opening)
        if closing is None:
            value = self._parameter() if opening == "?" else None
            return list(value["L"]) if value is not None and "L" in value else [None]
        values: list[Value] = []
        while self._peek().text != closing:
            values.append(self._value())
            if self._peek().text == ",":
                self._next()
        self._next()
        return values

    def _value(self) -> Value:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unreadable("its values are nested too deeply")
        try:
            return self._plain_value()
        finally:
            self._depth -= 1

    def _plain_value(self) -> Value:
        token = self._next()
        if token.kind == "text":
            return {"S": token.text}
        if token.kind == "number":
            return {"N": token.text}
        if token.word() in ("true", "false"):
            return {"BOOL": token.word() == "true"}
        if token.word() in ("null", "missing"):
            return {"NULL": True}
        if token.text == "?":
            return self._parameter()
        if token.text == "{":
            members: dict[str, Any] = {}
            while self._peek().text != "}":
                key = self._next()
                if key.kind not in ("text", "quoted", "name"):
                    raise Unreadable(f"a tuple's member has no name: {key.text!r}")
                self._expect(":")
                members[key.text] = self._value()
                if self._peek().text == ",":
                    self._next()
            self._next()
            return {"M": members}
        if token.text in ("[", "<<"):
            self._at -= 1
            return {"L": self._listed()}
        raise Unreadable(f"a value was expected, not {token.text!r}")

    def _parameter(self) -> Value:
        if not self._parameters:
            raise Unreadable("it has more ? than there are parameters")
        value = self._parameters.pop(0)
        return value if isinstance(value, dict) else None

    # -- tokens ----------------------------------------------------------------------------------------

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, text: str) -> None:
        token = self._next()
        if token.kind != "mark" or token.text != text:
            raise Unreadable(f"{text!r} was expected, not {token.text!r}")

    def _word(self, word: str) -> None:
        token = self._next()
        if token.word() != word:
            raise Unreadable(f"{word.upper()} was expected, not {token.text!r}")
