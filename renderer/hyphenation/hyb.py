"""Writes hyphenation patterns in the binary format (`.hyb`) that Chromium loads.

The format is that of Android's text library Minikin: an alphabet, a trie in a packed array of 32-bit entries, and the
patterns' levels. Subtries that are the same are stored once.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from renderer.hyphenation.patterns import Pattern

_MAGIC: Final = 0x62AD7968
_DENSE_ALPHABET_MAX: Final = 1024
_DENSE_CODES_MAX: Final = 255
_WINDOW: Final = 4096
_EDGE: Final = "."
_EDGE_CODE: Final = 0
_APOSTROPHES: Final = "'’"
_ENTRY_BITS: Final = 32
_LISTS_MAX: Final = (5000, 1000, 500, 240, 120)
"""How many distinct lists of levels are tried; a little below powers of two, because patterns may combine."""


class HybError(Exception):
    """The patterns do not fit the format."""


@dataclass(slots=True, eq=False)
class _Node:
    levels: bytes = b""
    """Of the pattern that ends here, without leading zeros."""
    children: dict[int, "_Node"] = field(default_factory=dict)
    """By the code of the letter."""
    index: int = -1


def encode(patterns: Iterable[Pattern]) -> bytes:
    """Return the content of a file with these patterns. Raises HybError where an entry cannot hold one of them.

    An entry has room for a limited number of distinct lists of levels. Of a dictionary with more, the patterns with the
    rarest lists are left out.
    """
    patterns = list(patterns)
    codes = _codes("".join(pattern.letters for pattern in patterns))
    last_code = max(codes.values())
    for limit in _LISTS_MAX:
        root = _shared(_trie(_with_common_levels(patterns, limit), codes))
        nodes = list(_nodes(root))
        edges = sum(len(node.children) for node in nodes)
        # Finding the places takes long, and a trie has at least an entry for each edge.
        if not _fits(nodes, edges, last_code):
            continue
        size = _place(nodes) + last_code + 1
        if _fits(nodes, size, last_code):
            return _file(_alphabet(codes), nodes, size, last_code)
    raise HybError(f"a trie of {edges} edges does not fit into entries of {_ENTRY_BITS} bits")


def _file(alphabet: bytes, nodes: list[_Node], size: int, last_code: int) -> bytes:
    numbers, levels = _levels(nodes)
    trie = _packed(nodes, numbers, size, last_code)
    start = 6 * 4
    places = (start, start + len(alphabet), start + len(alphabet) + len(trie))
    return struct.pack("<6I", _MAGIC, 0, *places, places[-1] + len(levels)) + alphabet + trie + levels


def _fits(nodes: list[_Node], size: int, last_code: int) -> bool:
    lists = len({node.levels for node in nodes}) + 1
    return last_code.bit_length() + size.bit_length() + lists.bit_length() <= _ENTRY_BITS


def _with_common_levels(patterns: list[Pattern], count: int) -> list[Pattern]:
    """Return the patterns that have one of the most common lists of levels."""
    lists = Counter(pattern.levels.lstrip(b"\0") for pattern in patterns)
    common = {levels for levels, _ in lists.most_common(count)}
    return [pattern for pattern in patterns if pattern.levels.lstrip(b"\0") in common]


def _codes(letters: str) -> dict[str, int]:
    """Return the code of each letter. Upper and lower case have the same, and so have the two apostrophes."""
    codes = {_EDGE: _EDGE_CODE}
    for letter in sorted(set(letters) - {_EDGE}):
        codes.setdefault(letter, len(set(codes.values())))
        for other in (letter.upper(), *(_APOSTROPHES if letter in _APOSTROPHES else "")):
            if len(other) == 1:
                codes.setdefault(other, codes[letter])
    return codes


def _alphabet(codes: dict[str, int]) -> bytes:
    points = {ord(letter): code for letter, code in sorted(codes.items()) if letter != _EDGE}
    first, last = min(points), max(points)
    if last - first < _DENSE_ALPHABET_MAX and max(points.values()) <= _DENSE_CODES_MAX:
        dense = bytes(points.get(point, 0) for point in range(first, last + 1))
        return struct.pack("<3I", 0, first, last + 1) + dense + bytes(-len(dense) % 4)
    entries = [point << 11 | code for point, code in points.items()]
    return struct.pack(f"<2I{len(entries)}I", 1, len(entries), *entries)


def _trie(patterns: Iterable[Pattern], codes: dict[str, int]) -> _Node:
    root = _Node()
    for pattern in patterns:
        node = root
        for letter in pattern.letters:
            code = codes[letter]
            child = node.children.get(code)
            if child is None:
                child = node.children[code] = _Node()
            node = child
        node.levels = _highest(node.levels, pattern.levels.lstrip(b"\0"))
    return root


def _highest(one: bytes, other: bytes) -> bytes:
    """Return the higher level at each gap; both end at the same gap."""
    length = max(len(one), len(other))
    return bytes(map(max, one.rjust(length, b"\0"), other.rjust(length, b"\0")))


def _shared(root: _Node) -> _Node:
    """Return the trie with each subtrie once."""
    known: dict[tuple[bytes, tuple[tuple[int, int], ...]], _Node] = {}
    for node in reversed(list(_nodes(root))):
        for code, child in node.children.items():
            node.children[code] = known[_key(child)]
        known.setdefault(_key(node), node)
    return root


def _key(node: _Node) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    """Return what two nodes with the same subtrie have in common, once their children are shared."""
    edges = [(code, id(child)) for code, child in node.children.items()]
    if len(edges) > 1:
        edges.sort()
    return node.levels, tuple(edges)


def _nodes(root: _Node) -> Iterator[_Node]:
    """Yield each node once, a parent before its children."""
    known = {id(root)}
    nodes = [root]
    for node in nodes:
        yield node
        for child in node.children.values():
            if id(child) not in known:
                known.add(id(child))
                nodes.append(child)


def _levels(nodes: list[_Node]) -> tuple[dict[bytes, int], bytes]:
    """Return the number of each distinct list of levels, and the section of the file that holds them."""
    numbers = {b"": 0}
    entries, pool = [0], bytearray()
    for node in nodes:
        if node.levels in numbers:
            continue
        numbers[node.levels] = len(entries)
        text = node.levels.rstrip(b"\0")
        offset = pool.find(text)
        if offset < 0:
            offset = len(pool)
            pool += text
        entries.append(len(text) << 26 | (len(node.levels) - len(text)) << 20 | offset)
    head = struct.pack(f"<4I{len(entries)}I", 0, len(entries), 16 + 4 * len(entries), len(pool), *entries)
    return numbers, head + pool


def _packed(nodes: list[_Node], numbers: dict[bytes, int], size: int, last_code: int) -> bytes:
    """Return the trie's section: an entry has the number of a node's levels, and a letter with the node it leads to."""
    letter_bits, link_bits = last_code.bit_length(), size.bit_length()
    shift = letter_bits + link_bits
    entries = [0] * size
    for node in nodes:
        entries[node.index] |= numbers[node.levels] << shift
        for code, child in node.children.items():
            entries[node.index + code] |= child.index << letter_bits | code
    masks = ((1 << letter_bits) - 1, letter_bits, (1 << shift) - (1 << letter_bits), shift)
    return struct.pack(f"<6I{size}I", 0, *masks, size, *entries)


def _place(nodes: list[_Node]) -> int:
    """Give each node the lowest index at which the entries of its letters are free; return the highest index.

    The root has index 0. What is taken is the bits of a number, so that one look finds the index. The bits begin at an
    index below which nothing is placed any more, because long numbers are slow.
    """
    begin, taken_nodes, taken_entries = 0, 0, 0
    root, *others = nodes
    for node in (root, *sorted(others, key=lambda node: -len(node.children))):
        unfit = taken_nodes
        for code in node.children:
            unfit |= taken_entries >> code
        place = (~unfit & (unfit + 1)).bit_length() - 1
        node.index = begin + place
        taken_nodes |= 1 << place
        for code in node.children:
            taken_entries |= 1 << (place + code)
        if place > _WINDOW:
            begin += _WINDOW // 2
            taken_nodes >>= _WINDOW // 2
            taken_entries >>= _WINDOW // 2
    return max(node.index for node in nodes)
