"""Who is shown which picture, when, and in place of which words."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from picture_files import FILES, JPEG, pictured_content, pictured_study, png
from stand_ins import Scripted, bargaining_study, held, scripted

from silicus.concepts.errors import SilicusError
from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.designs.plan import plan_sessions
from silicus.execution.pictures import with_pictures
from silicus.llm.prompt import Image, Prompt
from silicus.participants.knowledge import roles_shown_pictures

FACE, PLAIN, CHIPPED = Image("image/jpeg", JPEG), Image("image/png", png(1)), Image("image/png", png(2))


def sessions_of(content: dict[str, Any]) -> tuple[Session, ...]:
    return tuple(plan_sessions(with_pictures(scripted(Study.model_validate(content)), FILES)))


def asked_of(role: str, session: Session) -> list[Prompt]:
    model = Scripted(lambda p: '{"say": "Hm.", "action": "none", "value": null}')
    held(session, model)
    return [prompt for prompt in model.prompts if prompt.cue is not None and prompt.cue.role == role]


def shown(prompt: Prompt) -> list[tuple[Image, ...]]:
    return [message.images for message in prompt.messages]


def test_each_role_is_shown_its_own_and_what_is_public_in_place_of_the_words() -> None:
    for session, mug in zip(sessions_of(pictured_content()), (PLAIN, CHIPPED), strict=True):
        for role, lines in {
            "buyer": [
                "- face: picture 1 (the others know this)",
                "- shoes: brown",
                "- the mug on the table: picture 2",
            ],
            "seller": ["- your mug: picture 1 (the others know this)", "- the buyer's face: picture 2"],
        }.items():
            first = asked_of(role, session)[0]
            for line in lines:
                assert line in first.messages[0].content.splitlines()
            assert "come, in the order of their numbers, with the next message." in first.messages[0].content
            for word in ("whole", "chipped", "a woman of forty"):
                assert word not in first.messages[0].content
            assert shown(first) == [(), (FACE, mug) if role == "buyer" else (mug, FACE)]


def test_pictures_stand_in_the_first_message_and_every_later_prompt_extends_it() -> None:
    for role in ("buyer", "seller"):
        prompts = asked_of(role, sessions_of(pictured_content())[0])
        assert len(prompts) > 3
        for before, after in pairwise(prompts):
            assert after.messages[: len(before.messages)] == before.messages
        for prompt in prompts:
            assert [bool(images) for images in shown(prompt)] == [False, True] + [False] * (len(prompt.messages) - 2)


def test_a_private_picture_is_shown_to_its_owner_alone() -> None:
    content = pictured_content()
    del content["causal_model"]["variables"]["mug"]["treatment"]["public"]
    content["roles"]["buyer"]["attributes"]["face"]["public"] = False
    session = sessions_of(content)[1]
    buyer, seller = asked_of("buyer", session)[0], asked_of("seller", session)[0]
    assert (shown(buyer), shown(seller)) == ([(), (FACE,)], [(), (CHIPPED,)])
    assert "- face: picture 1\n" in buyer.messages[0].content
    assert "- your mug: picture 1 (only you know this)" in seller.messages[0].content
    assert "The picture comes with the next message." in seller.messages[0].content


def test_others_hear_the_public_words_where_there_are_some() -> None:
    content = pictured_content()
    for level, words in zip(
        content["causal_model"]["variables"]["mug"]["treatment"]["values"], ("fine", "poor"), strict=True
    ):
        level["public"] = words
    buyer = asked_of("buyer", sessions_of(content)[1])[0]
    assert "- the mug on the table: poor" in buyer.messages[0].content
    assert shown(buyer) == [(), (FACE,)]


def test_a_value_without_a_picture_is_told_in_words_beside_one_with() -> None:
    content = pictured_content()
    del content["causal_model"]["variables"]["mug"]["treatment"]["values"][0]["image"]
    seller = asked_of("seller", sessions_of(content)[0])[0]
    assert "- your mug: whole (the others know this)" in seller.messages[0].content
    assert shown(seller) == [(), (FACE,)]


def test_a_picture_that_is_told_twice_is_shown_once() -> None:
    content = pictured_content()
    content["roles"]["buyer"]["attributes"]["shoes"] = {"value": "brown", "image": "pictures/plain.png"}
    buyer = asked_of("buyer", sessions_of(content)[0])[0]
    assert "- shoes: picture 2" in buyer.messages[0].content
    assert "- the mug on the table: picture 2" in buyer.messages[0].content
    assert shown(buyer) == [(), (FACE, PLAIN)]


def test_a_role_that_only_answers_is_shown_its_pictures_with_the_question() -> None:
    content = pictured_content()
    content["roles"]["passer-by"] = {}
    content["causal_model"]["variables"]["deal"]["measure"] = {"ask": "passer-by", "question": "Would you buy it?"}
    (prompt, *_) = asked_of("passer-by", sessions_of(content)[1])
    assert "Would you buy it?" in prompt.messages[-1].content
    assert shown(prompt) == [(), (FACE, CHIPPED)]


def test_the_coder_is_shown_no_picture() -> None:
    model = Scripted(lambda p: json.dumps({"say": "Hm.", "action": "none", "value": None}))
    held(sessions_of(pictured_content())[0], model)
    coded = [prompt for prompt in model.prompts if prompt.seat == "coder"]
    assert coded
    assert all(images == () for prompt in coded for images in shown(prompt))


def test_a_picture_that_was_not_read_is_never_left_out_silently() -> None:
    session = next(iter(plan_sessions(scripted(pictured_study()))))
    with pytest.raises(SilicusError) as refused:
        asked_of("buyer", session)
    assert refused.value.code == "picture_not_read"


def test_which_roles_see_pictures_is_known_from_the_study() -> None:
    assert roles_shown_pictures(bargaining_study()) == ()
    assert roles_shown_pictures(pictured_study()) == ("buyer", "seller")
    content = pictured_content()
    content["roles"]["buyer"]["attributes"]["face"]["public"] = False
    treatment = content["causal_model"]["variables"]["mug"]["treatment"]
    del treatment["public"]
    assert roles_shown_pictures(Study.model_validate(content)) == ("buyer", "seller")
    del content["roles"]["buyer"]["attributes"]["face"]
    assert roles_shown_pictures(Study.model_validate(content)) == ("seller",)
    treatment["public"] = "the mug"
    assert roles_shown_pictures(Study.model_validate(content)) == ("buyer", "seller")
    for level in treatment["values"]:
        level["public"] = "a mug"
    assert roles_shown_pictures(Study.model_validate(content)) == ("seller",)


def test_the_rehearsal_plays_a_study_with_pictures_without_looking() -> None:
    session = plan_sessions(with_pictures(pictured_study(), FILES))[0]
    transcript, calls = held(session)
    assert transcript.status == "complete"
    assert any('"images":[{"media_type":"image/png","sha256":' in call.request for call in calls)
