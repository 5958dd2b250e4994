"""Studies of every shape that the nouns allow, for tests of what must hold for all of them."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from silicus.concepts.analysis import Analysis
from silicus.concepts.causal_model import CausalModel, Equation
from silicus.concepts.design import Design
from silicus.concepts.picture import Picture
from silicus.concepts.procedure import ActionSpec, Conversation, TurnOrder
from silicus.concepts.roles import Attribute, Role
from silicus.concepts.scenario import Scenario
from silicus.concepts.seats import RoleSeat, Seat, Seats
from silicus.concepts.study import Source, Study
from silicus.concepts.variables import Item, Level, Measure, Treatment, Variable

TRICKY = (
    "no", "yes", "on", "off", "y", "true", "False", "null", "~", "", " ", "12", "012", "1.5", "1e3", ".inf", "0x1F",
    "12:30", "2024-01-31", "- dash", "# no comment", "a: b", "a #b", "trailing ", " leading", "[x]", "{x}", "'single'",
    '"double"', "*star", "&and", "!bang", "%percent", "@at", "`tick", "|", ">", "? what", "back\\slash", "---", "...",
    "two\nlines", "two\n\nparts\n", "ends\n\n", " first\nsecond", "tab\there", "carriage\rreturn", "bell\x07",
    "next\x85line", "\u2028", "\ufeffmark", "naïve café", "汉字", "emoji 🙂", "no\u00a0break", "a  b", "word " * 60,
    "x" * 200, "line " * 40 + "\nline", "nothing: [1, 2], {a: b} # not a comment",
)  # fmt: skip

words = st.one_of(st.sampled_from(TRICKY), st.text(max_size=40))
some_words = words.filter(bool)
numbers = st.one_of(
    st.integers(-1000, 1000).map(float), st.floats(-1e6, 1e6, allow_nan=False), st.sampled_from((0.1, 1e-7, 1e22))
)
_small = st.sampled_from("abcxyz0189_")
identifiers = st.text(_small, max_size=6).map(lambda end: f"v{end}").filter(lambda name: not name.endswith("_missing"))
role_names = st.builds(
    lambda first, rest: first + rest, st.sampled_from("abAB"), st.text(st.sampled_from("abYZ019_' -"), max_size=8)
)


pictures = st.builds(
    Picture,
    file=st.sampled_from(("ad.png", "pictures/two words.JPEG", "a/b/c.webp", "it is, #1 {x}.gif", "汉字/naïve.jpg")),
    sha256=st.sampled_from((None, "0" * 64, "0123456789abcdef" * 4)),
)


@st.composite
def levels(draw: st.DrawFn, *, most: int = 5) -> tuple[Level, ...]:
    codes = draw(st.lists(numbers, min_size=1, max_size=most, unique=True))
    if draw(st.booleans()):
        return tuple(Treatment(tell=("x",), phrase="x", values=codes).values)
    named = draw(st.lists(words, min_size=len(codes), max_size=len(codes), unique=True))
    public = draw(st.lists(words, min_size=len(codes), max_size=len(codes))) if draw(st.booleans()) else None
    shown = draw(st.lists(st.none() | pictures, min_size=len(codes), max_size=len(codes)))
    images = shown if draw(st.booleans()) else [None] * len(codes)
    return tuple(
        Level(words=name, code=code, public=public[i] if public else None, image=images[i])
        for i, (name, code) in enumerate(zip(named, codes, strict=True))
    )


@st.composite
def causes(draw: st.DrawFn, name: str, roles: list[str]) -> Variable:
    kind = draw(st.sampled_from(("binary", "ordinal", "nominal", "count", "continuous")))
    told = draw(st.one_of(st.just(["everyone"]), st.lists(st.sampled_from(roles), min_size=1, unique=True)))
    treatment = Treatment(
        tell=tuple(told), phrase=draw(words), values=draw(levels(most=2 if kind == "binary" else 5)),
        public=draw(st.none() | words), limit=draw(st.sampled_from((None, "at_most", "at_least"))),
    )  # fmt: skip
    pictured = any(level.image is not None for level in treatment.values)
    return Variable(
        name=name, label=draw(words), kind=kind, unit=draw(st.none() | words), operationalisation=draw(words),
        levels=treatment.values if not pictured and draw(st.booleans()) else (), treatment=treatment,
    )  # fmt: skip


@st.composite
def outcomes(draw: st.DrawFn, name: str, roles: list[str]) -> Variable:
    respondents = st.sampled_from([*roles, "coder"])
    combine = draw(st.sampled_from(("first", "mean", "sum", "min", "max")))
    if draw(st.booleans()):
        asked = st.builds(Item, ask=respondents, question=words)
        measure = Measure(items=tuple(draw(st.lists(asked, min_size=1, max_size=3))), combine=combine)
    else:
        measure = Measure(ask=draw(respondents), question=draw(some_words), combine=combine)
    kind = draw(st.sampled_from(("binary", "ordinal", "count", "continuous")))
    options = (Level(words="no", code=0), Level(words="yes", code=1)) if kind == "ordinal" else ()
    return Variable(name=name, label=draw(words), kind=kind, levels=options, measure=measure)


@st.composite
def causal_models(draw: st.DrawFn, roles: list[str]) -> CausalModel:
    names = draw(st.lists(identifiers, min_size=1, max_size=5, unique=True))
    n_outcomes = draw(st.integers(0, len(names)))
    measured, set_ = names[:n_outcomes], names[n_outcomes:]
    variables = [draw(outcomes(name, roles)) for name in measured] + [draw(causes(name, roles)) for name in set_]
    equations = []
    for position, name in enumerate(measured):
        available = [*set_, *measured[:position]]
        term = st.lists(st.sampled_from(available), min_size=1, max_size=3, unique=True).map(tuple)
        terms = draw(st.lists(term, max_size=4, unique_by=frozenset)) if available else []
        equations.append(Equation(outcome=name, terms=tuple(terms)))
    return CausalModel(variables=tuple(draw(st.permutations(variables))), paths=tuple(equations))


@st.composite
def conversations(draw: st.DrawFn, roles: list[str]) -> Conversation:
    order = draw(st.sampled_from(get_args(TurnOrder)))
    speakers = list(draw(st.permutations(roles)))
    center = speakers.pop() if order.startswith("central") else None
    actions = [ActionSpec(name="say", by=tuple(speakers[:1]), meaning=draw(words))]
    stop = draw(st.lists(st.sampled_from(("coordinator", "all_retired")), unique=True))
    if draw(st.booleans()):
        actions += [
            ActionSpec(name="offer", by=tuple(speakers), meaning=draw(words), value="money", effect=("propose",)),
            ActionSpec(name="accept", by=tuple(speakers), meaning=draw(words), effect=("agree", "end")),
            ActionSpec(
                name="pick", by=(), meaning="", value="choice", options=tuple(draw(st.lists(words, min_size=1)))
            ),
        ]
        stop.append("agreement")
    return Conversation(
        turn_order=order, speakers=tuple(speakers), center=center, max_turns=draw(st.integers(1, 200)),
        stop=tuple(stop), actions=tuple(actions),
    )  # fmt: skip


@st.composite
def designs(draw: st.DrawFn, model: CausalModel) -> Design:
    only: dict[str, Any] = {}
    for variable in model.treatments:
        assert variable.treatment is not None
        chosen = draw(st.lists(st.sampled_from(variable.treatment.values), max_size=2))
        if chosen:
            only[variable.name] = tuple(level.code if draw(st.booleans()) else level.words for level in chosen)
    subset = draw(st.booleans())
    return Design(
        assignment="random_subset" if subset else "full_factorial",
        sessions=draw(st.integers(1, 99)) if subset else None, replicates=draw(st.integers(1, 9)), only=only,
        seed=draw(st.integers(0, 2**40)),
    )  # fmt: skip


seats = st.builds(
    Seat, llm=st.sampled_from(("rehearsal", "rehearsal:bargaining", "ollama:qwen3:8b")) | words,
    temperature=st.none() | st.floats(0, 5), max_tokens=st.none() | st.integers(1, 9999),
    law=st.dictionaries(words, numbers, max_size=2),
)  # fmt: skip


@st.composite
def studies(draw: st.DrawFn) -> Study:
    names = draw(st.lists(role_names, min_size=3, max_size=4, unique=True))
    facts = st.builds(
        Attribute, name=words, public=st.booleans(), value=words | numbers | st.integers(-99, 99),
        image=st.none() | pictures,
    )  # fmt: skip
    roles = tuple(
        Role(name=name, goal=draw(words), constraint=draw(words),
             attributes=tuple(draw(st.lists(facts, max_size=3, unique_by=lambda fact: fact.name))))
        for name in names
    )  # fmt: skip
    model = draw(causal_models(names))
    clustered = draw(st.booleans())
    own_seats = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    return Study(
        format=1, name=draw(identifiers), title=draw(words),
        scenario=draw(st.builds(Scenario, text=words, language=words, population=st.none() | words)),
        mode=draw(st.sampled_from(("human_proxy", "machine_behaviour"))), roles=roles, causal_model=model,
        design=draw(designs(model)), procedure=draw(conversations(names)),
        seats=Seats(
            scientist=draw(seats), participant=draw(seats), coder=draw(seats),
            roles=tuple(
                RoleSeat(name=name, value=draw(words), temperature=draw(st.none() | st.floats(0, 5)))
                for name in own_seats
            ),
        ),
        analysis=Analysis(
            errors="cluster" if clustered else draw(st.sampled_from(("standard", "hc3"))),
            cluster="condition" if clustered else None, confidence_level=draw(st.floats(0.01, 0.99)),
            censored=draw(st.sampled_from(("exclude", "keep"))),
        ),
        source=draw(
            st.none() | st.builds(Source, citation=words, licence=words, notes=st.lists(words, max_size=3).map(tuple))
        ),
    )  # fmt: skip
