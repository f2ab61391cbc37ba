# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of configurations: read without trusting it, written so that it means the same, shown as lines.

Not ElementTree: it forgets which namespace a prefix stood for, and prefixes stand in values (identityrefs and
instance-identifiers), so that what it writes back may mean something else.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"

_DEEPEST = 200
_XML = "http://www.w3.org/XML/1998/namespace"
_KEY_NAMES = frozenset({"name", "id", "index", "key", "sequence", "seq", "prefix"})
_QNAME = re.compile(r"([A-Za-z_][\w.-]*):([A-Za-z_][\w.-]*)\Z")
_IN_PATH = re.compile(r"(?<![\w.:'\"-])([A-Za-z_][\w.-]*):(?=[A-Za-z_])")


class XmlError(ValueError):
    """A document that cannot be taken; the message names the line."""


@dataclass(slots=True)
class Element:
    """One element. ``prefixes`` are those that its text may mean, with the namespaces that they stood for."""

    namespace: str
    name: str
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    text: str = field(default="", repr=False)
    children: list["Element"] = field(default_factory=list, repr=False)
    prefixes: dict[str, str] = field(default_factory=dict, repr=False)

    def find(self, name: str, namespace: str = BASE) -> "Element | None":
        return next((each for each in self.children if each.name == name and each.namespace == namespace), None)

    def value(self, name: str) -> str:
        found = self.find(name)
        return found.text.strip() if found is not None else ""

    @property
    def kind(self) -> tuple[str, str]:
        return self.namespace, self.name


def parse(document: bytes | str) -> Element:
    """Read a document. Raises ``XmlError`` for one that is not well-formed, declares a document type (the door of
    every entity attack), or is nested absurdly deep.
    """
    return _Reader().read(document.encode() if isinstance(document, str) else document)


class _Reader:
    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        # A value of megabytes in thousands of pieces would be copied as often.
        self._parser.buffer_size = 1 << 20
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartNamespaceDeclHandler = self._declared
        self._parser.EndNamespaceDeclHandler = self._undeclared
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._scope: dict[str, list[str]] = {}
        self._open: list[Element] = []
        self._root: Element | None = None

    def read(self, document: bytes) -> Element:
        try:
            self._parser.Parse(document, True)
        except expat.ExpatError as exc:
            # The document is not quoted: it may hold a secret there.
            raise XmlError(f"line {exc.lineno}, column {exc.offset + 1}: {expat.ErrorString(exc.code)}") from None
        assert self._root is not None
        return self._root

    def _doctype(self, *_declaration: object) -> None:
        raise XmlError(f"line {self._parser.CurrentLineNumber}: a document type, and so entities, is not accepted")

    def _declared(self, prefix: str | None, namespace: str) -> None:
        if prefix:
            self._scope.setdefault(prefix, []).append(namespace or "")

    def _undeclared(self, prefix: str | None) -> None:
        if prefix:
            self._scope[prefix].pop()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise XmlError(f"line {self._parser.CurrentLineNumber}: more than {_DEEPEST} elements inside each other")
        element = Element(*_split(name), attributes={_split(each): value for each, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        if element.children:
            if element.text.strip():
                raise XmlError(
                    f"line {self._parser.CurrentLineNumber}: <{element.name}> holds text beside its elements"
                )
            element.text = ""
        elif ":" in element.text:
            element.prefixes = {
                prefix: stack[-1]
                for prefix, stack in self._scope.items()
                if stack and stack[-1] != BASE and f"{prefix}:" in element.text
            }


def _split(name: str) -> tuple[str, str]:
    namespace, _space, local = name.rpartition(" ")
    return namespace, local


def serialise(element: Element, namespace: str | None = None, indent: str = "") -> str:
    """Write an element, indented, inside one whose default namespace is ``namespace``. Ends with a newline.

    The same tree always gives the same text, whatever the prefixes of the document it came from were.
    """
    declared = "" if element.namespace == namespace else f" xmlns={quoteattr(element.namespace)}"
    declared += "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in sorted(element.prefixes.items()))
    for number, ((uri, name), value) in enumerate(sorted(element.attributes.items())):
        if uri and uri != _XML:
            declared += f" xmlns:ns-{number}={quoteattr(uri)}"
        prefix = "" if not uri else "xml:" if uri == _XML else f"ns-{number}:"
        declared += f" {prefix}{name}={quoteattr(value)}"
    if not element.children:
        body = escape(element.text) if element.text.strip() else ""
        end = f">{body}</{element.name}>" if body else "/>"
        return f"{indent}<{element.name}{declared}{end}\n"
    inner = "".join(serialise(each, element.namespace, f"{indent}  ") for each in element.children)
    return f"{indent}<{element.name}{declared}>\n{inner}{indent}</{element.name}>\n"


def content(root: Element) -> list[Element]:
    """The top-level data of a configuration: inside a ``config`` or ``data`` element, or the root itself."""
    if root.name in {"config", "data"} and root.namespace in {"", BASE}:
        return root.children
    return [root]


def configuration(children: Sequence[Element]) -> str:
    """A whole configuration as text: what a snapshot keeps."""
    return serialise(Element(BASE, "config", children=list(children)))


Line = tuple[str, ...]
"""One line and the lines above it that it stands in, outermost first."""


def lines(elements: Sequence[Element], above: Line = (), namespace: str = "") -> Iterator[Line]:
    """Show data as lines: elements in the order of their names, entries of one list in the order they have.

    A list's entry is named by its key, which NETCONF puts first (RFC 7950, 7.8.5).
    """
    repeated = Counter(each.kind for each in elements)
    for element in sorted(elements, key=lambda each: (each.name, each.namespace)):
        line = (*above, _line(element, namespace, entry=repeated[element.kind] > 1))
        yield line
        yield from lines(element.children, line, element.namespace)


def _line(element: Element, namespace: str, *, entry: bool) -> str:
    # The namespace is named where it changes, by its last words; that is what people know a module by.
    module = "" if element.namespace in {namespace, BASE, ""} else f" ({element.namespace})"
    said = "".join(f" @{name}={value}" for (_uri, name), value in sorted(element.attributes.items()))
    if element.children:
        return f"{element.name}{_label(element, entry=entry)}{module}{said}"
    text = meaning(element)
    return f"{element.name}{module}{said} {_one_line(text)}" if text else f"{element.name}{module}{said}"


def _label(element: Element, *, entry: bool) -> str:
    key = element.children[0]
    if key.children or not (entry or key.name in _KEY_NAMES):
        return ""
    return f" [{key.name} {_one_line(meaning(key))}]"


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def meaning(element: Element) -> str:
    """A leaf's value, with namespaces for the prefixes in it: another prefix for the same namespace is no change."""
    text = element.text.strip()
    if not element.prefixes:
        return text
    if found := _QNAME.match(text):
        return f"{{{element.prefixes[found[1]]}}}{found[2]}" if found[1] in element.prefixes else text
    if text.startswith("/"):
        return _IN_PATH.sub(lambda m: f"{{{element.prefixes[m[1]]}}}" if m[1] in element.prefixes else m[0], text)
    return text


def normal(children: Sequence[Element]) -> str:
    """A configuration as indented lines; equal text means an equal configuration, in equal order."""
    return "".join(f"{'  ' * (len(line) - 1)}{line[-1]}\n" for line in lines(children))


def diff(before: Sequence[Element], after: Sequence[Element]) -> tuple[str, ...]:
    """What differs, as lines that begin with ``+`` or ``-``, each below the lines that say where it stands."""
    old, new = list(lines(before)), list(lines(after))
    shown: list[str] = []
    context: Line = ()
    for act, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            continue
        for sign, changed in (("-", old[first:last]), ("+", new[begin:end])):
            for line in changed:
                for depth, parent in enumerate(line[:-1]):
                    if line[: depth + 1] != context[: depth + 1]:
                        shown.append(f" {'  ' * depth}{parent}")
                shown.append(f"{sign}{'  ' * (len(line) - 1)}{line[-1]}")
                context = line
    return tuple(shown)


def same_set(before: Sequence[Element], after: Sequence[Element]) -> bool:
    """Whether both hold the same, in whatever order: without its schema nobody knows in which lists order counts."""
    return sorted(lines(before)) == sorted(lines(after))


def overlay(base: Sequence[Element], wanted: Sequence[Element]) -> list[Element]:
    """What a merge of ``wanted`` into ``base`` should leave, told without a schema: a leaf that stands several times
    on either side is taken for a leaf-list, an entry is known by its first leaf. Operation attributes are obeyed.
    """
    result = list(base)
    for element in wanted:
        operation = element.attributes.get((BASE, "operation"), "merge")
        place = _place(result, element, wanted)
        if operation in {"delete", "remove"}:
            if place is not None:
                del result[place]
            continue
        plain = replace(element, attributes={k: v for k, v in element.attributes.items() if k != (BASE, "operation")})
        if element.children:
            old = result[place].children if place is not None and operation == "merge" else []
            plain.children = overlay(old, element.children)
        if place is None:
            result.append(plain)
        else:
            result[place] = plain
    return result


def replacing(base: Sequence[Element], wanted: Sequence[Element]) -> list[Element]:
    """The edit that leaves exactly ``wanted`` where ``base`` is: what to replace and what to delete, at the top."""
    gone = [each for each in base if _place(wanted, each, base) is None]
    return [*(_operation("delete", each) for each in gone), *(_operation("replace", each) for each in wanted)]


def _operation(operation: str, element: Element) -> Element:
    marked = replace(element, attributes={**element.attributes, (BASE, "operation"): operation})
    if operation == "delete" and element.children:
        # Of a list's entry the key says which one.
        key = element.children[0]
        marked.children = [] if key.children else [key]
    return marked


def _place(among: Sequence[Element], element: Element, siblings: Sequence[Element]) -> int | None:
    alike = [place for place, each in enumerate(among) if each.kind == element.kind]
    several = len(alike) > 1 or sum(each.kind == element.kind for each in siblings) > 1
    if element.children:
        label = _label(element, entry=several)
        return next((place for place in alike if _label_of(among[place], several) == label), None)
    if several:
        return next((place for place in alike if meaning(among[place]) == meaning(element)), None)
    return alike[0] if alike else None


def _label_of(element: Element, several: bool) -> str:  # noqa: FBT001 - one caller, beside it
    return _label(element, entry=several) if element.children else ""
