"""Finds the context of every value a template prints: text, attribute, address, CSS or script.

The template is read once, branch after branch, with the state of HTML's tokenizer carried along. Every branch must end
where the others end, so that what holds for one reading holds for all of them. A value leaves a sentinel in the text,
a number that stands nowhere else in it, by which it is found again in CSS and scripts.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from typing import Final

from jinja2 import nodes

from renderer.language.contexts.addresses import Beginning, beginning_of, stands_before
from renderer.language.contexts.attributes import address_type, meaning_of, property_of
from renderer.language.contexts.contexts import ALIKE, Guard, Refusal, Standing, Use
from renderer.language.contexts.css import CssError, CssReader, Found
from renderer.language.contexts.javascript import Piece, inside_text
from renderer.language.contexts.markup import (
    VALUES,
    MarkupError,
    State,
    advance,
    closing_of,
    is_left_open,
    opened_at,
)
from renderer.language.contexts.merge_branches import BranchError, join, same_place
from renderer.language.contexts.places import describe, in_branches, json_use, refusal, script_refusal, sheet_refusal
from renderer.language.grammar import called_name, ends_with
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, offset_of

EXPANSIONS_MAX: Final = 1_000
"""How many macro calls are followed; macros that call macros multiply."""
READ_MAX: Final = 100_000
"""How many statements, and printed parts, are read: those of a macro once for each call."""
_SENTINEL_DIGITS: Final = 6
_TEXT_ONLY: Final = Refusal("`stars` draws an image; it can stand in text only")


@dataclass(frozen=True, slots=True)
class Contexts:
    """The use of each printed value, by the index of its tag, and what is wrong.

    A tag that calls a macro has no use of its own: the macro's values have theirs.
    """

    uses: dict[int, tuple[Use, ...]]
    standings: dict[int, frozenset[Standing]]
    problems: list[TemplateSyntaxProblemError]


def find_contexts(source: Source) -> Contexts:
    """Return the contexts of a template; what `language_problems` refuses is passed over."""
    reading = _Reading(source)
    try:
        reading.read()
    except TemplateSyntaxProblemError as problem:
        reading.problems.append(problem)
    return Contexts(
        uses={tag: tuple(uses) for tag, uses in reading.uses.items()},
        standings={tag: frozenset(standings) for tag, standings in reading.standings.items()},
        problems=reading.problems,
    )


class _Reading:
    def __init__(self, source: Source) -> None:
        self.uses: dict[int, dict[Use, None]] = {}
        self.standings: defaultdict[int, set[Standing]] = defaultdict(set)
        self.problems: list[TemplateSyntaxProblemError] = []
        self._refused: set[int] = set()
        self._source = source
        self._macros = {macro.name: macro for macro in source.tree.find_all(nodes.Macro)}
        self._active: tuple[tuple[str, nodes.CallBlock | None], ...] = ()
        self._expansions = 0
        self._statements = 0
        self._values = 0
        self._jumps: list[list[State]] = []
        self._loops: list[State] = []
        self._mark = _unused_number(source.text)
        self._sentinel = re.compile(rf"{self._mark}[0-9]{{{_SENTINEL_DIGITS}}}")
        self._through_json: set[int] = set()
        self._branches: dict[int, str | None] = {}
        self._opening: nodes.TemplateData | None = None
        """The text in which the last comment or raw element began."""

    def read(self) -> None:
        state = self._body(self._source.tree.body, State())
        if state.kind not in ("text", "tag_open") or state.styled:
            message, offset = f"the template ends {describe(state)}", len(self._source.text)
            if self._opening is not None and is_left_open(state):
                message += f", which begins here; close it with `{closing_of(state)}`"
                offset = offset_of(self._opening) + opened_at(state, self._opening.data)[0]
            raise self._source.problem(message, offset)

    # -- statements ----------------------------------------------------------------------------------------------

    def _body(self, body: Iterable[nodes.Node], state: State) -> State:
        for node in body:
            self._statements += 1
            if self._statements > READ_MAX:
                raise self._source.problem("macros with this much in them are called too often", self._start(node))
            state = self._statement(node, state)
        return state

    def _statement(self, node: nodes.Node, state: State) -> State:
        match node:
            case nodes.Output():
                state = self._output(node, state)
            case nodes.If():
                state = self._if(node, state)
            case nodes.For():
                state = self._for(node, state)
            case nodes.CallBlock():
                self._look_for_calls(*node.call.args, *node.call.kwargs)
                state = self._called(node.call, state, node)
            case nodes.AssignBlock():
                self._end_in_text(node, self._body(node.body, State()))
            case nodes.With():
                self._look_for_calls(*node.values)
                state = self._body(node.body, state)
            case nodes.ScopedEvalContextModifier():
                state = self._body(node.body, state)
            case nodes.Break() | nodes.Continue() if self._jumps:
                self._jumps[-1].append(state)
            case nodes.Macro():
                self._look_for_calls(*node.defaults)
            case _:
                self._look_for_calls(node)
        return state

    def _output(self, node: nodes.Output, state: State) -> State:
        self._values += len(node.nodes)
        if self._values > READ_MAX:
            raise self._source.problem("macros with this much in them are called too often", self._start(node))
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                state = self._text(part, state)
            elif called_name(part) == "loop":
                self._again(part, state)
            elif isinstance(part, nodes.Call) and self._is_own_call(part):
                self._look_for_calls(*part.args, *part.kwargs)
                state = self._called(part, state, None)
            else:
                self._look_for_calls(part)
                state = self._value(part, state)
        return state

    def _text(self, node: nodes.TemplateData, state: State) -> State:
        before = state
        try:
            state, closed = advance(state, node.data)
        except MarkupError as error:
            raise self._source.problem(str(error), offset_of(node) + error.offset) from None
        if is_left_open(state) and (before.kind != state.kind or opened_at(state, node.data)[1]):
            self._opening = node
        for ended in closed:
            try:
                self._close(ended.state)
            except CssError as error:
                raise self._source.problem(str(error), offset_of(node)) from None
        return state

    def _if(self, node: nodes.If, state: State) -> State:
        self._look_for_calls(node.test, *(branch.test for branch in node.elif_))
        bodies = [node.body, *(branch.body for branch in node.elif_), node.else_]
        return self._join(node, state, [self._body(body, state) for body in bodies])

    def _for(self, node: nodes.For, state: State) -> State:
        self._look_for_calls(node.iter, *([node.test] if node.test else []))
        begun = state
        while True:
            self._jumps.append([])
            self._loops.append(begun)
            after = self._body(node.body, begun)
            self._loops.pop()
            joined = self._join(node, begun, [begun, after, *self._jumps.pop()])
            if same_place(joined, begun):
                break
            begun = joined
        return self._join(node, state, [joined, self._body(node.else_, state)]) if node.else_ else joined

    def _again(self, call: nodes.Expr, state: State) -> None:
        """Read the call of a recursive loop: its body begins and ends in the same place, so that it changes nothing."""
        self._look_for_calls(*call.iter_child_nodes())
        if not self._loops or not same_place(self._loops[-1], state):
            raise self._source.problem("`loop(…)` has to stand where its loop began", self._start(call))

    def _join(self, node: nodes.Node, base: State, states: Sequence[State]) -> State:
        try:
            return join(base, states)
        except BranchError as error:
            raise self._source.problem(str(error), self._start(node)) from None

    # -- macros --------------------------------------------------------------------------------------------------

    def _is_own_call(self, call: nodes.Call) -> bool:
        called = called_name(call)
        return called in self._macros or (called == "caller" and bool(self._active))

    def _called(self, call: nodes.Call, state: State, block: nodes.CallBlock | None) -> State:
        name = called_name(call)
        if name == "caller":
            return self._caller(state)
        if name is None or name not in self._macros:
            raise self._source.problem("a `call` block calls a macro of this template", self._start(call))
        if any(name == active for active, _ in self._active):
            raise self._source.problem(f"the macro `{name}` calls itself", self._start(call))
        self._expansions += 1
        if self._expansions > EXPANSIONS_MAX:
            raise self._source.problem(f"more than {EXPANSIONS_MAX:,} macro calls are not followed", self._start(call))
        with self._inside((*self._active, (name, block))):
            return self._body(self._macros[name].body, state)

    def _caller(self, state: State) -> State:
        _, block = self._active[-1]
        if block is None:
            return state
        # The block was written where the macro is called, and sees what can be seen there.
        with self._inside(self._active[:-1]):
            return self._body(block.body, state)

    @contextmanager
    def _inside(self, active: tuple[tuple[str, nodes.CallBlock | None], ...]) -> Iterator[None]:
        before, self._active, loops, self._loops = self._active, active, self._loops, []
        try:
            yield
        finally:
            self._active, self._loops = before, loops

    def _look_for_calls(self, *parts: nodes.Node) -> None:
        """Read the macros called where their result is not printed at once: it is text wherever it is printed."""
        for part in parts if self._macros or self._loops else ():
            for call in (part, *part.find_all(nodes.Call)):
                if called_name(call) == "loop":
                    raise self._source.problem("`loop(…)` can only be printed", self._start(call))
                if isinstance(call, nodes.Call) and self._is_own_call(call):
                    self._end_in_text(call, self._called(call, State(), None))

    def _end_in_text(self, node: nodes.Node, state: State) -> None:
        if state != State():
            raise self._source.problem(
                f"what is kept for later must be whole; this ends {describe(state)}", self._start(node)
            )

    # -- values --------------------------------------------------------------------------------------------------

    def _value(self, node: nodes.Node, state: State) -> State:
        tag = self._source.tag_at(offset_of(node))
        if ends_with(node, "tojson"):
            self._through_json.add(tag)
        self._branches[tag] = in_branches(node, self._source.tags[tag].text)
        found = self._use(tag, state)
        if found is not None and ends_with(node, "stars") and found != _TEXT:
            found = _TEXT_ONLY
        if found is not None:
            self._record(tag, found)
        self.standings[tag].add(Standing(state.element, state.attribute))
        if state.kind in ("tag_open", "end_tag_open"):
            return replace(state, kind="text")
        if state.kind in VALUES or state.kind == "raw" or state.styled:
            return replace(state, value=state.value + self._sentinel_of(tag), partial="")
        return state

    def _use(self, tag: int, state: State) -> Use | Refusal | None:
        """Return what may stand here, or None where only the whole of the CSS or script can tell."""
        if state.kind != "cdata" and (state.styled or (state.kind == "raw" and state.element in ("style", "script"))):
            return None
        if state.kind == "text":
            return _TEXT
        if state.kind == "raw" and state.element in ("title", "textarea"):
            return Use("plain", "text", f"in `<{state.element}>`")
        if state.kind in ("double_quoted", "single_quoted"):
            return self._attribute_use(tag, state)
        return Refusal(refusal(state), takes_branches=state.kind == "before_attribute")

    def _attribute_use(self, tag: int, state: State) -> Use | Refusal | None:
        where = f"in `{state.attribute}` of `<{state.element}>`"
        meaning = meaning_of(state.element, state.attribute)
        if isinstance(meaning, Refusal):
            return meaning
        if state.element == "meta" and "http-equiv" in state.attributes:
            return Refusal("no value can stand in a `<meta http-equiv>`")
        if tag in self._through_json:
            return json_use(state, meaning, where)
        if meaning == "plain":
            return Use("plain", "text", where)
        if meaning == "address":
            return self._address_use(state, where)
        return self._candidate_use(state, where) if meaning == "candidates" else None

    def _address_use(self, state: State, where: str) -> Use | Refusal:
        begun = beginning_of(self._before(state.value))
        if isinstance(begun, Refusal):
            return begun
        if begun == "start":
            return Use("address", address_type(state.element, state.attribute), where)
        return Use(_ADDRESS_PARTS[begun], "text", where)

    def _candidate_use(self, state: State, where: str) -> Use | Refusal:
        before = self._before(state.value.rpartition(",")[2]).lstrip()
        if re.search(r"\s", before):
            return Use("number", "number", where)
        begun = beginning_of(before)
        if isinstance(begun, Refusal):
            return begun
        return Use("candidate", "image", where) if begun == "start" else Use("candidate_part", "text", where)

    def _before(self, address: str) -> str:
        """Return what stands before a value in its address, as a browser reads it."""
        return unescape(stands_before(address, self._sentinel))

    # -- CSS and scripts -----------------------------------------------------------------------------------------

    def _close(self, state: State) -> None:
        sentinels = set(self._sentinel.findall(state.value))
        if not sentinels:
            return
        if state.kind == "raw" or state.styled:
            found = self._in_script(state.value, sentinels) if state.element == "script" else self._in_sheet(state)
        else:
            found = self._in_attribute(state)
        if found is None:
            return
        for item in found:
            self._record(self._tag_of(item.sentinel), item.use)
        for sentinel in sentinels.difference(item.sentinel for item in found):
            self._record(self._tag_of(sentinel), sheet_refusal(unescape(state.value), sentinel))

    def _in_sheet(self, state: State) -> list[Found] | None:
        if state.element != "style":
            return None
        return CssReader(self._sentinel, "element" if state.kind == "raw" else "attribute").stylesheet(state.value)

    def _in_attribute(self, state: State) -> list[Found] | None:
        reader = CssReader(self._sentinel, "attribute", "'" if state.kind == "double_quoted" else '"')
        css = unescape(state.value)
        match meaning_of(state.element, state.attribute):
            case "style":
                return reader.declarations(css)
            case "presentation":
                return reader.value(property_of(state.attribute), css)
        return None

    def _in_script(self, script: str, sentinels: set[str]) -> list[Found]:
        inside = inside_text(script, self._sentinel)
        return [Found(sentinel, self._script_use(sentinel, inside.get(sentinel))) for sentinel in sentinels]

    def _script_use(self, sentinel: str, inside: Piece | None) -> Use | Refusal:
        tag = self._tag_of(sentinel)
        if inside is None and tag in self._through_json:
            return Use("json", "text", "in `<script>`")
        return script_refusal(self._source.tags[tag].text, inside, is_json=tag in self._through_json)

    # -- bookkeeping ---------------------------------------------------------------------------------------------

    def _record(self, tag: int, use: Use | Refusal) -> None:
        if isinstance(use, Use):
            self.uses.setdefault(tag, {})[use] = None
            guards = {known.guard for known in self.uses[tag]}
            if len(guards) < 2 or guards == {"text", "plain"} or any(map(guards.issubset, ALIKE)):
                return
            places = " and ".join(known.where for known in self.uses[tag])
            use = Refusal(f"it stands in places that differ, {places}; write it once for each")
        if tag not in self._refused:
            self._refused.add(tag)
            shown = self._source.tags[tag]
            branches = self._branches.get(tag)
            hint = (
                f"; words of the template can stand there in branches: `{branches}`"
                if branches and use.takes_branches
                else ""
            )
            self.problems.append(self._source.problem(f"`{shown.text}`: {use.reason}{hint}", shown.start))

    def _start(self, node: nodes.Node) -> int:
        return self._source.tags[self._source.tag_at(offset_of(node))].start

    def _sentinel_of(self, tag: int) -> str:
        return f"{self._mark}{tag:0{_SENTINEL_DIGITS}}"

    def _tag_of(self, sentinel: str) -> int:
        return int(sentinel.removeprefix(self._mark))


_TEXT: Final = Use("text", "text", "in text")
_ADDRESS_PARTS: Final[dict[Beginning, Guard]] = {"rest": "address_rest", "svg": "svg_part", "middle": "address_part"}


def _unused_number(text: str) -> str:
    number = 918273
    while str(number) in text:
        number += 1
    return str(number)
