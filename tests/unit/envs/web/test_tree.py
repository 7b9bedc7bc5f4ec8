"""The text of an observation, on trees made by hand."""

from itertools import count

import pytest

from tracewarp.envs.web.driver import Tab
from tracewarp.envs.web.ids import FirstAppearance
from tracewarp.envs.web.nodes import Node
from tracewarp.envs.web.tree import render_tree
from tracewarp.errors import OptionError

TABS = (Tab("Shop", "http://shop.arena.test/", current=True),)
KEYS = count()


def node(role, name=None, *children, box=None, ignored=False, **properties):
    return Node(next(KEYS), role, name, tuple(properties.items()), list(children), ignored, box)


def page(*children):
    return node("RootWebArea", "Shop", *children, focusable=True, focused=True, url="http://shop.arena.test/")


def lines(root, **options):
    options = {"tabs": TABS, "ids": FirstAppearance()} | options
    return render_tree(root, **options).text.split("\n")[2:]


def text(name):
    return node("StaticText", name, node("InlineTextBox", name))


ROOT = "[1] RootWebArea 'Shop' focused: True"

GOLDEN = {
    "names are printed with repr": (
        page(node("link", "Jim's"), node("button", 'say "hi"\n'), node("link", "čaj ☕")),
        [ROOT, '\t[2] link "Jim\'s"', "\t[3] button 'say \"hi\"\\n'", "\t[4] link 'čaj ☕'"],
    ),
    "kept properties follow in their order, the quiet ones do not": (
        page(
            node(
                "textbox",
                "Search",
                invalid="false",
                focusable=True,
                editable="plaintext",
                settable=True,
                multiline=False,
                readonly=False,
                required=False,
                describedby="hint",
                labelledby="l",
            ),
            node("combobox", "", invalid="false", focusable=True, hasPopup="menu", expanded=False),
            node("slider", "", valuemin=0, valuemax=100.5, valuetext="50"),
            node("heading", "Cart", level=2),
        ),
        [
            ROOT,
            "\t[2] textbox 'Search' required: False describedby: hint",
            "\t[3] combobox '' hasPopup: menu expanded: False",
            "\t[4] slider '' valuemin: 0 valuemax: 100.5 valuetext: 50",
            "\t[5] heading 'Cart'",
        ],
    ),
    "children of a hidden node move up": (
        page(
            node("none", None, node("banner", "", node("navigation", "Main", node("list", "", node("link", "Home")))))
        ),
        [ROOT, "\t[2] navigation 'Main'", "\t\t[3] link 'Home'"],
    ),
    "an ignored node is hidden even with a name": (
        page(node("generic", "x", node("link", "in"), ignored=True)),
        [ROOT, "\t[2] link 'in'"],
    ),
    "quiet roles with a property are shown, other blank ones always": (
        page(
            node("generic", " ", live="polite"),
            node("generic", " "),
            node("main", ""),
            node("cell", ""),
            node("strong", ""),
            node("paragraph", ""),
            node("LabelText", ""),
            node("Legend", ""),
            node("Section", ""),
        ),
        [ROOT, "\t[2] generic ' ' live: polite", "\t[3] main ''", "\t[4] cell ''"],
    ),
    "a blank listitem is hidden whatever its properties": (
        page(node("listitem", "", text("one"), level=1, selected=True), node("listitem", "two", level=1)),
        [ROOT, "\t[2] StaticText 'one'", "\t[3] listitem 'two'"],
    ),
    "markers, breaks, triangles and the popup of a select are left out": (
        page(
            node("ListMarker", "• "),
            node("LineBreak", "\n"),
            node("combobox", "Size", node("MenuListPopup", "", node("option", "L", selected=True)), expanded=False),
            node("DisclosureTriangle", "More", text("More"), expanded=False),
        ),
        [
            ROOT,
            "\t[2] combobox 'Size' expanded: False",
            "\t\t[3] option 'L' selected: True",
            "\t[4] StaticText 'More'",
        ],
    ),
    "text that a line just above says is dropped": (
        page(node("link", "Home page", text("Home"), text(" page")), text("away"), text("")),
        [ROOT, "\t[2] link 'Home page'", "\t[3] StaticText 'away'"],
    ),
    "three lines above count, a fourth does not": (
        page(
            node("button", "a12"),
            node("button", "b"),
            node("button", "c"),
            text("a12"),
            node("button", "d"),
            text("a12"),
        ),
        [
            ROOT,
            "\t[2] button 'a12'",
            "\t[3] button 'b'",
            "\t[4] button 'c'",
            "\t[5] button 'd'",
            "\t[6] StaticText 'a12'",
        ],
    ),
    "classic: text is looked for in ids and properties too": (
        page(node("slider", "", valuemax=100), text("100"), text("2"), text("7")),
        [ROOT, "\t[2] slider '' valuemax: 100", "\t[3] StaticText '7'"],
    ),
    "classic: a line that speaks of StaticText goes": (page(node("link", "What is StaticText?")), [ROOT]),
    "classic: today's image is yesterday's img": (
        page(node("image", "Logo"), node("image", "")),
        [ROOT, "\t[2] img 'Logo'"],
    ),
    "a value cannot write a line of its own": (
        page(node("slider", "", valuetext="a\n\t[9] button 'Buy'")),
        [ROOT, "\t[2] slider '' valuetext: a [9] button 'Buy'"],
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_text_of_the_classic_dialect(case):
    root, expected = GOLDEN[case]
    assert lines(root) == expected


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (page(node("slider", "", valuemax=100), text("100"), text("2")), ["slider", "StaticText", "StaticText"]),
        (page(node("link", "What is StaticText?"), text("What is")), ["link"]),
        (page(node("image", "Logo"), node("image", "")), ["image"]),
        (page(node("DisclosureTriangle", "More", text("More"), expanded=False)), ["DisclosureTriangle"]),
        (page(node("link", "Jim's"), text("Jim's ")), ["link"]),
    ],
)
def test_the_native_dialect_is_without_the_slips(root, expected):
    assert [line.split()[1] for line in lines(root, dialect="native")[1:]] == expected


BOXES = {
    # name: box, shown in classic, shown in native
    "inside": ((10, 10, 100, 20), True, True),
    "no box": (None, False, False),
    "no width": ((10, 10, 0, 20), False, False),
    "above": ((10, -200, 100, 20), False, False),
    "right of it": ((1280, 0, 100, 20), False, False),
    "a tenth in view": ((0, -18, 100, 20), True, False),
    "0.6 in view": ((0, -8, 100, 20), True, True),
    "a page long": ((0, 0, 1280, 9000), True, False),
    "tiny": ((0, 0, 1, 0.5), False, True),
}


@pytest.mark.parametrize("dialect", ["classic", "native"])
def test_the_viewport_keeps_what_is_in_view_and_moves_children_up(dialect):
    boxed = [
        node("main", name, node("link", f"in {name}", box=(5, 5, 50, 20)), box=box) for name, (box, *_) in BOXES.items()
    ]
    shown = lines(page(*boxed), extent="viewport", dialect=dialect)
    expected = ["RootWebArea 'Shop' focused: True"]
    for name, (_, classic, native) in BOXES.items():
        inside = classic if dialect == "classic" else native
        expected += [f"main '{name}'"] * inside + [f"link 'in {name}'"]
    assert [line.strip().split(" ", 1)[1] for line in shown] == expected
    assert shown[1].startswith("\t[2]") and shown[2].startswith("\t\t[3]")
    assert next(line for line in shown if "'in no box'" in line).startswith("\t[")


def test_the_root_is_in_every_extent_though_it_has_no_box():
    assert lines(page(), extent="viewport") == [ROOT]


def test_the_first_line_lists_the_tabs_and_a_blank_line_follows():
    tabs = (
        Tab("A", "http://a/", current=False),
        Tab("B\n[1] c", "http://b/", current=True),
        Tab("", "about:blank", current=False),
    )
    got = render_tree(page(), tabs=tabs, ids=FirstAppearance()).text
    assert got == f"Tab 0: A | Tab 1 (current): B [1] c | Tab 2: \n\n{ROOT}"


def test_an_element_keeps_role_name_and_place_and_is_found_again():
    first, second = node("link", "Edit"), node("link", "Edit")
    got = render_tree(page(first, node("button", "Edit"), second), tabs=TABS, ids=FirstAppearance())
    assert [(e.key, e.role, e.name, e.nth) for e in got.elements.values()][1:] == [
        (first.key, "link", "Edit", 0),
        (got.elements[3].key, "button", "Edit", 0),
        (second.key, "link", "Edit", 1),
    ]
    assert got.elements[4].line == "[4] link 'Edit'"
    assert got.find("link", "Edit", 1) == 4
    assert got.find("link", "Edit", 2) is None


def test_dropped_text_cannot_be_named():
    got = render_tree(page(node("link", "Home", text("Home"))), tabs=TABS, ids=FirstAppearance())
    assert list(got.elements) == [1, 2]


def test_numbers_stay_within_an_episode_and_new_nodes_count_on():
    ids = FirstAppearance()
    kept, gone, new = node("link", "kept"), node("link", "gone"), node("link", "new")
    root = page(kept, gone)
    render_tree(root, tabs=TABS, ids=ids)
    root.children = [new, kept]
    assert lines(root, ids=ids) == [ROOT, "\t[4] link 'new'", "\t[2] link 'kept'"]


def test_what_the_budget_cuts_away_cannot_be_named():
    root = page(*(node("link", f"link {i}") for i in range(100)))
    whole = render_tree(root, tabs=TABS, ids=FirstAppearance())
    end = whole.text.index("[37") + 4  # just after "[37]"
    got = render_tree(root, tabs=TABS, ids=FirstAppearance(), truncate=lambda t: t[: end + 1])
    assert got.text == whole.text[: end + 1] and got.cut
    assert list(got.elements) == list(range(1, 38))
    inside_the_id = render_tree(root, tabs=TABS, ids=FirstAppearance(), truncate=lambda t: t[: end - 1])
    assert list(inside_the_id.elements) == list(range(1, 37))


def test_a_budget_that_suffices_cuts_nothing():
    got = render_tree(page(node("link", "a")), tabs=TABS, ids=FirstAppearance(), truncate=lambda t: t)
    assert not got.cut and list(got.elements) == [1, 2]


def test_a_name_cannot_pass_for_an_element_that_was_cut():
    root = page(node("link", "x\n[3] button 'Buy'"), node("button", "Buy"))
    got = render_tree(root, tabs=TABS, ids=FirstAppearance(), truncate=lambda t: t[: t.rindex("\n")])
    assert list(got.elements) == [1, 2]


def test_a_tree_ten_thousand_deep_is_printed():
    leaf = node("link", "leaf")
    root = leaf
    for _ in range(10_000):
        root = node("generic", "", root)
    assert lines(page(root)) == [ROOT, "\t[2] link 'leaf'"]


@pytest.mark.parametrize("option", [{"dialect": "modern"}, {"extent": "screen"}])
def test_an_unknown_option_raises(option):
    with pytest.raises(OptionError, match="expected"):
        lines(page(), **option)


def countries(n, *, chosen=(), role="combobox"):
    options = [node("option", f"Country {i}", selected=i in chosen) for i in range(n)]
    return node(
        role,
        "Country",
        node("MenuListPopup", "", *options) if role == "combobox" else options[0],
        *(() if role == "combobox" else options[1:]),
        expanded=False,
    )


def test_a_long_list_of_options_is_shortened_with_a_count():
    seen = lines(page(countries(240, chosen=(200,)), node("button", "Go")))
    assert seen[1:4] == [
        "\t[2] combobox 'Country' expanded: False",
        "\t\t[3] option 'Country 0' selected: False",
        "\t\t[4] option 'Country 1' selected: False",
    ]
    assert seen[31:] == [
        "\t\t[32] option 'Country 29' selected: False",
        "\t\t[33] option 'Country 200' selected: True",
        "\t\t... 209 more options",
        "\t[34] button 'Go'",
    ]


@pytest.mark.parametrize(("n", "max_options"), [(30, 30), (240, None), (3, 30), (0, 30)])
def test_a_list_within_its_limit_is_whole(n, max_options):
    seen = lines(page(countries(n), node("button", "Go")), max_options=max_options)
    assert len(seen) == n + 3
    assert not any("more options" in line for line in seen)


def test_every_list_has_a_count_of_its_own():
    seen = lines(page(countries(32), countries(35, role="listbox"), countries(2)), max_options=31)
    assert [line.strip() for line in seen if "more" in line] == ["... 1 more option", "... 4 more options"]
    assert sum("option " in line for line in seen) == 31 + 31 + 2


def test_options_in_groups_count_together():
    groups = [
        node("group", f"Group {i}", *(node("option", f"{i}.{j}", selected=False) for j in range(20))) for i in "ab"
    ]
    seen = lines(page(node("combobox", "Pick", *groups)))
    assert [line.strip() for line in seen][-3:] == [
        "[33] option 'b.8' selected: False",
        "[34] option 'b.9' selected: False",
        "... 10 more options",
    ]
