"""The page as a whole: what it shows, that it is safe, whole and the same each time."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import pandas as pd
import pytest

from silicus.concepts.estimate import EstimateTable
from silicus.concepts.transcript import Action, Response, Transcript, Turn
from silicus.reporting import formats
from silicus.reporting.material import ReportMaterial
from silicus.reporting.report import render_report

VOID = {"meta", "br", "link", "img", "input", "hr"}
SECTIONS = ["answer", "question", "design", "procedure", "flow", "graph", "paths", "figures", "transcripts", "codebook",
            "compliance", "limits", "provenance", "references"]  # fmt: skip


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order, every id once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: dict[str, list[str]] = {}
        self.text = ""
        self._row = ""
        self._hidden = 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)
        self._hidden += tag in ("style", "script")
        if "id" in found:
            self.ids.append(found["id"])
        for name in ("href", "src", "xlink:href", "action", "data", "poster", "srcset"):
            if name in found:
                (self.links if found[name].startswith("#") else self.addresses).append(found[name])
        if tag == "tr":
            self._row = found.get("id", "")
            if self._row:
                self.rows[self._row] = []
        if tag in ("td", "th") and self._row:
            self.rows[self._row].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], f"</{tag}> closes <{self.open[-1:]}> at {self.getpos()}"
        self.open.pop()
        self._hidden -= tag in ("style", "script")
        if tag == "tr":
            self._row = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data
        if self._row and self.rows[self._row]:
            self.rows[self._row][-1] += data


def words(page: Page) -> str:
    return re.sub(r"\s+", " ", page.text.replace("\u00a0", " "))


@pytest.fixture(scope="session")
def mug_page(mug: ReportMaterial) -> str:
    return render_report(mug)


@pytest.fixture(scope="session")
def bail_page(bail: ReportMaterial) -> str:
    return render_report(bail)


def test_the_sections_stand_in_the_order_of_a_paper(mug_page: str) -> None:
    page = Page(mug_page)
    assert [found["id"] for tag, found in page.elements if tag == "section"] == SECTIONS
    assert page.links[1 : 1 + len(SECTIONS)] == [f"#{name}" for name in SECTIONS]  # after the skip link


@pytest.mark.parametrize("name", ["mug", "bail"])
def test_every_estimate_has_a_row_with_its_formatted_numbers(name: str, request: pytest.FixtureRequest) -> None:
    material: ReportMaterial = request.getfixturevalue(name)
    page = Page(request.getfixturevalue(f"{name}_page"))
    rows = [row for row in page.rows if row.startswith("estimate-")]
    assert len(rows) == len(material.table.estimates)
    for position, estimate in enumerate(material.table.estimates, start=1):
        cells = formats.cells(estimate)
        error = formats.MISSING if cells.std_error == formats.MISSING else f"({cells.std_error})"
        shown = [cell.strip() for cell in page.rows[f"estimate-{position}"][1:]]
        assert shown == [cells.estimate, error, cells.interval, cells.p_value, cells.standardized]


@pytest.mark.parametrize("name", ["mug_page", "bail_page"])
def test_ids_are_unique_and_every_link_leads_somewhere(name: str, request: pytest.FixtureRequest) -> None:
    page = Page(request.getfixturevalue(name))
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    named = {part for _, found in page.elements for part in found.get("aria-labelledby", "").split()}
    assert named <= set(page.ids)


@pytest.mark.parametrize("name", ["mug_page", "bail_page"])
def test_the_page_asks_for_nothing_outside_itself(name: str, request: pytest.FixtureRequest) -> None:
    text = request.getfixturevalue(name)
    page = Page(text)
    assert page.addresses == []
    assert "://" not in text
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", text)
    assert "@import" not in text
    policy = [
        f["content"] for t, f in page.elements if t == "meta" and f.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy[0].startswith("default-src 'none'")


def test_the_same_material_gives_the_same_bytes(kit: SimpleNamespace, mug_page: str) -> None:
    assert render_report(kit.mug()) == mug_page


def test_the_page_stays_small(mug_page: str, bail_page: str) -> None:
    assert len(mug_page.encode()) < 150_000
    assert len(bail_page.encode()) < 250_000


def test_a_rehearsal_says_so_before_anything_else(mug_page: str, bail_page: str) -> None:
    text = words(Page(mug_page))
    assert "(rehearsed)" in mug_page[: mug_page.index("</title>")]
    assert text.index("the study would find such an effect; they say nothing about people") < text.index(
        "Answer In this"
    )
    assert "Buyer and seller concede from opening to reservation price." in text
    assert "The coder reads the actions and never errs." in text
    assert "mark-up 0.04" in text
    assert "Rehearsed" not in words(Page(bail_page))


INJECTION = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</p></style>{{ 7*7 }}{% raw %}"


def infected(material: ReportMaterial, kit: SimpleNamespace) -> ReportMaterial:
    """Every text that a person or a language model can write holds an injection."""
    variables = {key: {**value, "label": f"{value['label']} {INJECTION}"}
                 for key, value in kit.MUG["causal_model"]["variables"].items()}  # fmt: skip
    study = kit.study(
        kit.MUG, title=INJECTION, scenario={"text": INJECTION}, source={"citation": INJECTION, "notes": [INJECTION]},
        causal_model={**kit.MUG["causal_model"], "variables": variables},
    )  # fmt: skip
    turn = Turn(
        number=1, speaker="buyer", words=INJECTION, action=Action(name="offer", value=INJECTION), irregular=(INJECTION,)
    )
    answer = Response(variable="deal", item=1, respondent="coder", question=INJECTION, raw=INJECTION, missing=INJECTION,
                      reason=INJECTION)  # fmt: skip
    transcript = Transcript(
        session_id=INJECTION, condition={"buyer_budget": 3.0}, replicate=1, status="failed", error=INJECTION,
        ended_by=INJECTION, turns=(turn,), responses=(answer,),
    )  # fmt: skip
    noted = material.table.estimates[1].model_copy(update={"diagnostics": (INJECTION,), "method": INJECTION})
    estimates = (material.table.estimates[0], noted, *material.table.estimates[2:])
    table = material.table.model_copy(update={"estimates": estimates, "notes": (INJECTION,)})
    provenance = replace(material.provenance, laws=(INJECTION, {"name": INJECTION, INJECTION: INJECTION}),
                         llms={INJECTION: INJECTION}, cost_text=INJECTION)  # fmt: skip
    return replace(
        material, study=study, study_text=INJECTION, examples=(transcript,), table=table, provenance=provenance
    )


def test_no_text_becomes_markup(mug: ReportMaterial, kit: SimpleNamespace) -> None:
    text = render_report(infected(mug, kit))
    page = Page(text)
    assert "<img" not in text
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert not any(name.startswith("on") for _, found in page.elements for name in found)
    assert page.text.count("<script>alert(1)</script>") > 20
    assert "{{ 7*7 }}" in page.text


def test_transcripts_show_who_knew_what_and_who_heard_what(mug_page: str) -> None:
    text = words(Page(mug_page))
    assert "Agreement after 5 statements" in text
    assert "your budget for the mug: 10 dollars (private)" in text
    assert "your attachment to the mug: high emotional attachment (private)" in text
    assert "offer: 9.50 dollars" in text
    assert "accept: 9.50 dollars" in text
    assert "heard by nobody" in text
    assert "Irregular: raised its own offer" in text
    assert "Did they agree on a price? asked of the coder" in text
    assert "Yes, at $9.50." in text
    assert "Whether a deal occurs for the mug: yes (coded 1)" in text
    assert "Cut off by the cap after 20 statements" in text
    assert "missing (unreadable: neither yes nor no)" in text
    assert "the provider did not answer" in text


def test_provenance_lets_a_reader_do_it_again(mug_page: str) -> None:
    text = words(Page(mug_page))
    for part in (
        "0123456789abcdef", "rehearsal:bargaining", "4,812 calls, 1,204,332 tokens sent, 88,102 received, 4.2 s",
        "nothing: no paid language model", "numpy 2.4.6", "silicus conduct mug-again",
        "# the whole file stands here", "Manning, B. S., Zhu, K. and Horton, J. J. (2024)",
    ):  # fmt: skip
        assert part in text


def test_reasons_and_diagnostics_are_notes_that_rows_lead_to(mug: ReportMaterial) -> None:
    first, second = mug.table.estimates[1:3]
    noted = (
        first.model_copy(update={"diagnostics": ("heed this", "and that")}),
        second.model_copy(update={"diagnostics": ("heed this",), "exploratory": True}),
    )
    text = render_report(replace(mug, table=mug.table.model_copy(update={"estimates": noted, "notes": ("for all",)})))
    page = Page(text)
    assert page.rows["estimate-1"][0].strip().endswith("ab")
    assert page.rows["estimate-2"][0].strip().endswith("exploratorya")
    assert page.links.count("#note-a") == 2
    assert "a heed this" in words(page)
    assert "for all" in words(page)


def test_words_of_the_study_stand_in_its_language(kit: SimpleNamespace) -> None:
    study = kit.study(kit.MUG, scenario={"text": "شخصان يتفاوضان على كوب", "language": "ar"}, title="شخصان يتفاوضان")
    page = Page(render_report(kit.material(study, kit.frame(study, 60), examples=kit.transcripts())))
    assert next(found["lang"] for tag, found in page.elements if tag == "html") == "en"
    assert next(found for tag, found in page.elements if tag == "h1") == {"lang": "ar", "dir": "auto"}
    assert sum(tag == "bdi" and found["lang"] == "ar" for tag, found in page.elements) > 30


def emptied(material: ReportMaterial, frame: pd.DataFrame) -> ReportMaterial:
    gone = tuple(
        estimate.model_copy(update={"value": None, "std_error": None, "interval": None, "p_value": None,
                                    "standardized": None, "n_units": 0, "reason": "there are no rows"})
        for estimate in material.table.estimates
    )  # fmt: skip
    samples = tuple(s.model_copy(update={"rows": 0, "used": 0, "excluded": {}, "mean": None, "std_dev": None})
                    for s in material.table.samples)  # fmt: skip
    table = material.table.model_copy(update={"estimates": gone, "samples": samples})
    return replace(material, dataset=replace(material.dataset, frame=frame), table=table, examples=())


@pytest.mark.parametrize("name", ["mug", "bail"])
def test_a_study_without_data_has_a_report(name: str, request: pytest.FixtureRequest) -> None:
    material: ReportMaterial = request.getfixturevalue(name)
    for frame in (material.dataset.frame.iloc[:0], pd.DataFrame()):
        text = words(Page(render_report(emptied(material, frame))))
        assert "could be estimated (there are no rows)" in text
        assert "No analysed session has a value to draw." in text
        assert "None were chosen." in text


def test_an_analysis_without_estimates_has_a_report(mug: ReportMaterial) -> None:
    nothing = EstimateTable(study=None, rehearsed=True, estimates=())
    text = words(Page(render_report(replace(mug, table=nothing))))
    assert "No path was estimated." in text
    assert "No analysis has been made of these sessions." in text


def test_only_censored_sessions_leave_nothing_to_draw(mug: ReportMaterial) -> None:
    frame = mug.dataset.frame.assign(status="censored")
    text = words(Page(render_report(emptied(mug, frame))))
    assert "No analysed session has a value to draw." in text


def test_an_outcome_that_was_never_realised_is_left_out_of_the_figures(bail: ReportMaterial) -> None:
    frame = bail.dataset.frame.assign(bail=float("nan"))
    page = Page(render_report(replace(bail, dataset=replace(bail.dataset, frame=frame))))
    titles = words(page)
    assert "Bail set, by plea" not in titles
    assert "Whether the defence says that it will appeal, by plea" in titles


def test_kept_censored_sessions_are_not_called_left_out(kit: SimpleNamespace) -> None:
    study = kit.study(kit.MUG, analysis={"censored": "keep"})
    text = words(Page(render_report(kit.material(study, kit.frame(study, 100)))))
    assert "of them cut off by the cap, and kept" in text
    assert "Sessions cut off by the cap are kept." in text
    assert "left out" not in text


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_texts_are_readable_by_day_by_night_and_on_paper(mug_page: str) -> None:
    palettes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", mug_page, re.DOTALL)
    ]
    assert len(palettes) == 3
    for palette in palettes:
        full = {k: v if len(v) == 7 else "#" + "".join(c * 2 for c in v[1:]) for k, v in palette.items()}
        inks = ["ink", "muted", "accent", "warn", "positive", "negative", "c1", "c2", "c3", "c4", "c5", "c6"]
        for ground in ("paper", "raised", "banner"):
            for ink in inks:
                assert contrast(full[ink], full[ground]) >= 4.5, (ink, ground, full[ink], full[ground])


def test_wide_tables_scroll_in_a_box_that_the_keyboard_reaches(mug_page: str) -> None:
    page = Page(mug_page)
    boxes = [found for _, found in page.elements if found.get("class") == "scroll"]
    assert len(boxes) >= 4
    assert all(box["tabindex"] == "0" and box["role"] == "region" and box["aria-label"] for box in boxes)


def headings(page: Page) -> list[int]:
    return [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]


def test_headings_never_skip_a_level(mug_page: str) -> None:
    levels = headings(Page(mug_page))
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels[1:]))
