"""The pages of wishes: ranking without a script, what is refused, what others see of it, and the result
(docs/rules.md#allocation)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from allocations.domain import allocation as allocating
from allocations.domain import wishes
from allocations.models import Wish
from outbox.models import Message
from programme.models import Session
from registrations.domain import booking
from tests import make
from tests.registrations.pages import words

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages: what they say is decided in Python, by rules that run on both"),
]

NOON = datetime(2027, 2, 10, 12, 0, tzinfo=UTC)


def session(begins=0, **fields):
    return make.session(starts_at=NOON + timedelta(hours=begins), **fields)


def url(allocation):
    return reverse("allocations:allocation", args=[allocation.slug])


def order(allocation, person):
    return [wish.session for wish in Wish.objects.filter(allocation=allocation, attendee=person).order_by("rank")]


def shown(client, allocation):
    return client.get(url(allocation)).content.decode()


def press(client, allocation, act, one, *, htmx=False, page=None):
    """Press a button of the page as it is now, or as `page` showed it: its hidden order goes with it."""
    page = page or shown(client, allocation)
    seen = re.findall(r'<input type="hidden" name="wish" value="([^"]+)"', page)
    assert f'name="{act}" value="{one.slug}"' in page, "there is such a button"
    headers = {"HX-Request": "true", "HX-Target": "wishes"} if htmx else {}
    return client.post(url(allocation), {"wish": seen, act: one.slug}, headers=headers)


@pytest.fixture
def ada(client: Client):
    ada = make.attendee()
    make.sign_in(client, ada)
    return ada


@pytest.fixture
def three():
    return [session(title="Éthique"), session(3, title="Sobriété"), session(6, title="Santé")]


def commit(allocation):
    return allocating.commit(make.simulation(allocation), actor=make.organiser(), at=allocation.closes_at)


# --- Ranking ----------------------------------------------------------------------------------------------------------


def test_wishes_are_added_moved_and_removed_by_plain_buttons(client, ada, three):
    """Without a script: each button is a form of its own, and lands where it was pressed."""
    one, two, three_ = three
    allocation = make.allocation(*three)

    answer = press(client, allocation, "add", two)
    assert (answer.status_code, answer.url) == (302, f"{url(allocation)}#session-{two.slug}")
    press(client, allocation, "add", one)
    press(client, allocation, "add", three_)
    assert order(allocation, ada) == [two, one, three_]

    answer = press(client, allocation, "up", three_)
    assert answer.url.endswith("#mine")
    assert order(allocation, ada) == [two, three_, one]
    press(client, allocation, "down", two)
    assert order(allocation, ada) == [three_, two, one]
    press(client, allocation, "leave", two)
    press(client, allocation, "drop", one)
    assert order(allocation, ada) == [three_]
    assert "«\u00a0Éthique\u00a0» ne fait plus partie de vos souhaits." in shown(client, allocation)


def test_with_a_script_the_page_changes_in_place(client, ada, three):
    allocation = make.allocation(*three)

    answer = press(client, allocation, "add", three[1], htmx=True)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.lstrip().startswith("<form")
    assert "« Sobriété » est votre souhait numéro 1." in words(page)
    assert f'<input type="hidden" name="wish" value="{three[1].slug}">' in page
    assert "private" in answer.headers["Cache-Control"]


@pytest.mark.proves("atomic-ranking")
def test_a_double_click_and_a_form_sent_again_change_nothing(client, ada, three):
    """What is sent is the whole order, so sending it twice is sending it once."""
    allocation = make.allocation(*three)
    page = shown(client, allocation)

    for _ in range(3):
        answer = press(client, allocation, "add", three[0], page=page, htmx=True)
        assert "est votre souhait numéro 1" in words(answer.content.decode())

    assert order(allocation, ada) == [three[0]]


@pytest.mark.proves("atomic-ranking")
def test_a_window_left_open_does_not_overwrite_what_was_done_in_another(client, ada, three):
    allocation = make.allocation(*three)
    old = shown(client, allocation)
    press(client, allocation, "add", three[0])

    answer = press(client, allocation, "add", three[1], page=old, htmx=True)

    assert "Vos souhaits ont changé entre-temps" in words(answer.content.decode())
    assert order(allocation, ada) == [three[0]]


def test_once_there_are_as_many_wishes_as_one_may_have_no_more_can_be_added(client, ada, three):
    allocation = make.allocation(*three, wishes_at_most=2)
    for one in three[:2]:
        press(client, allocation, "add", one)

    page = shown(client, allocation)
    assert 'name="add"' not in page
    assert "retirez-en un d’abord" in words(page)
    answer = client.post(url(allocation), {"wish": [one.slug for one in three[:2]], "add": three[2].slug}, follow=True)

    assert "2 souhaits au plus" in words(answer.content.decode())
    assert order(allocation, ada) == three[:2]


@pytest.mark.proves("wish-time-does-not-count")
def test_what_cannot_be_had_says_why_and_offers_no_button(client, ada, three):
    one, two, closed = three
    closed.status = Session.Status.CANCELLED
    closed.save()
    invited_only = session(9, access="invitation")
    speaks = session(0, title="Discours")
    make.participation(session=speaks, speaker=make.speaker(user=ada.user))
    make.registration(two, ada)
    allocation = make.allocation(one, two, closed, invited_only, speaks)

    page = shown(client, allocation)

    rows = {
        slug: words(row)
        for slug, row in re.findall(r'<li class="row[^"]*" id="session-([\w-]+)">(.*?)</li>', page, re.S)
    }
    assert (
        "Vous intervenez dans « Discours » au même moment. Vous ne pourrez donc pas obtenir celle-ci." in rows[one.slug]
    )
    assert "Vous y avez déjà une place" in rows[two.slug]
    assert "annulée" in rows[closed.slug]
    assert "réservées à d’autres" in rows[invited_only.slug]
    assert "Vous y avez déjà une place" in rows[speaks.slug]
    assert re.findall(r'name="add" value="([\w-]+)"', page) == [one.slug]


@pytest.mark.proves("wish-time-does-not-count")
def test_wishes_that_clash_with_each_other_say_so(client, ada, three):
    one, two, _three = three
    beside, far = session(0, title="Arts"), make.session(starts_at=NOON + timedelta(hours=4, minutes=10), title="Loin")
    allocation = make.allocation(*three, beside, far)
    for wish in (one, two, beside):
        press(client, allocation, "add", wish)

    page = words(shown(client, allocation))

    assert "En même temps que votre souhait 3. Vous n’en obtiendrez qu’une au plus." in page
    assert "Trop proche de votre souhait 2, compte tenu du trajet." in page


@pytest.mark.proves("wish-time-does-not-count")
def test_the_deadline_is_on_the_clocks_of_the_venue(client, ada):
    tokyo = make.room(venue=make.venue(timezone="Asia/Tokyo"))
    closes_at = timezone.now().replace(hour=16, minute=30) + timedelta(days=3)
    allocation = make.allocation(make.session(room=tokyo), closes_at=closes_at)

    assert "à 1 h 30 (heure de Tokyo)" in words(shown(client, allocation))


@pytest.mark.on_both("runs a statement that no other test runs")
def test_a_title_is_shown_as_text(client, ada):
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    allocation = make.allocation(session(title=hostile), title=hostile)
    client.post(url(allocation), {"add": allocation.sessions.get().slug})

    for page in (shown(client, allocation), client.get(reverse("allocations:wishes")).content.decode()):
        assert "<script>alert" not in page
        assert "<img src=x" not in page


@pytest.mark.parametrize("number", [2, 20])
def test_the_page_takes_the_same_queries_for_two_sessions_and_for_twenty(
    client, ada, django_assert_num_queries, number
):
    cohort = make.membership(who=ada).cohort
    sessions = [session(3 * n, access="invitation" if n == 0 else "registration") for n in range(number)]
    make.registration(session(1000), ada)
    allocation = make.allocation(*sessions)
    allocating.express(allocation, ada, sessions[1:9])
    assert cohort

    with django_assert_num_queries(15):
        assert client.get(url(allocation)).status_code == 200


# --- Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.proves("atomic-ranking")
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"wish": ["{one}"]},
        {"add": ""},
        {"add": "unknown"},
        {"add": "{elsewhere}"},
        {"add": "{draft}"},
        {"add": "{cancelled}"},
        {"add": "{two}\x00"},
        {"add": "\x00"},
        {"add": "\ud800"},
        {"add": "x" * 10_000},
        {"add": "1 OR 1=1"},
        {"wish": ["{one}", "{one}"], "add": "{two}"},
        {"wish": ["{one}", "{elsewhere}"], "add": "{two}"},
        {"wish": ["{one}"], "add": "{one}"},
        {"wish": ["{one}"] * 500, "add": "{two}"},
        {"wish": ["x" * 10_000], "add": "{two}"},
        {"wish": ["{two}"], "up": "{two}"},
        {"wish": ["{one}"], "down": "{elsewhere}"},
        {"wish": ["{one}"], "leave": "unknown"},
    ],
)
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_a_forged_ranking_changes_nothing_and_gets_a_clear_answer(client, ada, three, sent):
    one, two, cancelled = three
    cancelled.status = Session.Status.CANCELLED
    cancelled.save()
    draft, elsewhere = session(12, status="draft"), session(15)
    make.allocation(elsewhere)
    allocation = make.allocation(one, two, cancelled, draft)
    allocating.express(allocation, ada, [one])
    slugs = {
        "one": one.slug,
        "two": two.slug,
        "elsewhere": elsewhere.slug,
        "draft": draft.slug,
        "cancelled": cancelled.slug,
    }

    def filled(text):
        return (
            re.sub(r"\{(\w+)\}", lambda found: slugs[found[1]], text)
            .encode("utf-8", "surrogatepass")
            .decode("utf-8", "replace")
        )

    body = {
        name: [filled(text) for text in value] if isinstance(value, list) else filled(value)
        for name, value in sent.items()
    }
    for headers in ({}, {"HX-Request": "true", "HX-Target": "wishes"}):
        answer = client.post(url(allocation), body, headers=headers, follow=True)

        assert answer.status_code == 200
        assert 'class="note error"' in answer.content.decode()
        assert order(allocation, ada) == [one]


def test_a_body_of_a_megabyte_is_refused_without_an_error_of_ours(client, ada, three):
    allocation = make.allocation(*three)

    answer = client.post(url(allocation), {"wish": ["x" * 1000] * 1100, "add": three[0].slug})

    assert answer.status_code in (302, 400, 413)
    assert order(allocation, ada) == []


# --- Who sees what ----------------------------------------------------------------------------------------------------


@pytest.mark.on_both("runs a statement that no other test runs")
def test_strangers_sign_in_first(client, three):
    allocation = make.allocation(*three)

    for address in (url(allocation), reverse("allocations:wishes")):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer.url.startswith("/accounts/login/")
    assert client.post(url(allocation), {"add": three[0].slug, "next": url(allocation)}).status_code == 302
    assert Wish.objects.count() == 0


def test_what_is_not_public_is_not_found(client, ada, three):
    now = timezone.now()
    soon = make.allocation(*three, opens_at=now + timedelta(minutes=1), closes_at=now + timedelta(days=1))
    only_drafts = make.allocation(session(status="draft"))

    for allocation in (soon, only_drafts):
        assert client.get(url(allocation)).status_code == 404
        assert client.post(url(allocation), {"add": three[0].slug}).status_code == 404
        assert allocation.title not in client.get(reverse("allocations:wishes")).content.decode()
    assert client.get("/wishes/unknown/").status_code == 404
    assert client.put(url(soon)).status_code == 405


def test_drafts_among_the_sessions_are_not_shown(client, ada):
    allocation = make.allocation(session(title="Publique"), session(2, title="Secrète", status="draft"))

    page = shown(client, allocation)

    assert "Publique" in page
    assert "Secrète" not in page


@pytest.mark.proves("wish-time-does-not-count")
def test_nobody_sees_the_wishes_of_others(client, ada, three):
    allocation = make.allocation(*three)
    bob = make.attendee("Bob")
    allocating.express(allocation, bob, three)

    assert "Souhait 1" not in words(shown(client, allocation))
    assert 'name="wish"' not in shown(client, allocation)
    press(client, allocation, "add", three[2])

    assert order(allocation, bob) == three
    assert order(allocation, ada) == [three[2]]
    commit(allocation)
    page = shown(client, allocation)
    assert "Bob" not in page
    assert allocating.person_key(ada.pk) in page
    assert f">{allocating.person_key(bob.pk)}<" not in page


# --- States -----------------------------------------------------------------------------------------------------------


def test_the_list_says_what_is_open_closed_and_done(client, ada, three):
    now = timezone.now()
    make.allocation(three[0], title="Ouverte")
    mine = make.allocation(three[1], title="Commencée")
    allocating.express(mine, ada, [three[1]])
    closed = make.allocation(
        three[1], title="Fermée", opens_at=now - timedelta(days=3), closes_at=now - timedelta(days=1)
    )
    done = make.allocation(three[2], title="Attribuée")
    allocating.express(done, ada, [three[2]])
    commit(done)

    page = client.get(reverse("allocations:wishes")).content.decode()

    rows = {}
    for row in re.findall(r"<li>(.*?)</li>", page, re.S):
        said = words(row)
        rows[said.split()[0]] = said
    assert "Jusqu’au" in rows["Ouverte"]
    assert "Aucun souhait pour l’instant" in rows["Ouverte"]
    assert "1 souhait enregistré" in rows["Commencée"]
    assert "clos" in rows["Fermée"]
    assert "Voir votre résultat" in rows["Attribuée"]
    assert closed.title


def test_the_list_is_whole_when_there_is_nothing(client, ada):
    page = words(client.get(reverse("allocations:wishes")).content.decode())

    assert "Aucune place n’est attribuée sur souhaits pour l’instant." in page
    assert "Parcourir le programme" in page


@pytest.mark.parametrize("number", [1, 5])
def test_the_list_takes_the_same_queries_for_one_and_for_five(client, ada, django_assert_num_queries, number):
    for n in range(number):
        make.allocation(session(n), session(n + 9))

    with django_assert_num_queries(4):
        assert client.get(reverse("allocations:wishes")).status_code == 200


def test_after_the_deadline_ones_order_is_read_only(client, ada, three):
    allocation = make.allocation(*three)
    allocating.express(allocation, ada, three[:2])
    allocation.closes_at = timezone.now() - timedelta(minutes=1)
    allocation.save()

    page = shown(client, allocation)

    assert "<button" not in page.partition('id="wishes"')[2].partition("</form>")[0]
    assert "Souhait 1" in words(page)
    assert "Nous enverrons à chacun par courriel" in words(page)
    answer = client.post(
        url(allocation), {"wish": [one.slug for one in three[:2]], "leave": three[0].slug}, follow=True
    )
    assert "étaient ouverts jusqu’au" in words(answer.content.decode())
    assert order(allocation, ada) == three[:2]


@pytest.mark.proves("allocation-told")
def test_the_result_says_what_one_got_and_why_not_the_rest(client, ada):
    one, beside, full = session(title="Éthique"), session(0, title="Arts"), session(5, title="Complète", seats=1)
    allocation = make.allocation(one, beside, full)
    allocating.express(allocation, ada, [one, beside, full])
    allocating.express(allocation, make.attendee(), [full])
    run = commit(allocation)

    page = shown(client, allocation)
    said = words(page)

    assert "Vous avez obtenu 1 place." in said
    assert re.search(r"1 Éthique .*?Votre place", said)
    assert re.search(r"2 Arts .*?En conflit avec « Éthique », où l’on vous attend\.", said)
    assert re.search(r"3 Complète .*?Complète : ses places sont allées", said)
    for fact in (run.seed, str(run.uuid), run.inputs_hash, run.algorithm, f"replay_allocation {run.uuid}"):
        assert fact in page
    booking.cancel(one, ada, actor=ada.user)
    assert "Vous n’avez plus cette place." in words(shown(client, allocation))


@pytest.mark.on_both("runs a statement that no other test runs")
def test_who_got_nothing_reads_why_and_what_to_do(client, ada):
    one = session(seats=1)
    make.registration(one)
    allocation = make.allocation(one)
    allocating.express(allocation, ada, [one])
    commit(allocation)

    page = words(shown(client, allocation))

    assert "Vous n’avez pas obtenu de place cette fois." in page
    assert "liste d’attente" in page
    assert Message.objects.filter(kind="allocations.allocated", to=ada.user.email).exists()


def test_who_had_no_wishes_is_sent_to_the_programme(client, ada, three):
    allocation = make.allocation(*three)
    commit(allocation)

    assert "vous n’aviez pas fait de souhaits ici" in words(shown(client, allocation))


@pytest.mark.parametrize("number", [1, 6])
def test_the_result_takes_the_same_queries_for_one_wish_and_for_six(client, ada, django_assert_num_queries, number):
    sessions = [session(3 * n) for n in range(number)]
    allocation = make.allocation(*sessions)
    allocating.express(allocation, ada, sessions)
    commit(allocation)

    with django_assert_num_queries(7):
        assert "Votre place" in shown(client, allocation)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_answers_in_both_languages(client, ada, three, language):
    allocation = make.allocation(*three)
    with override(language):
        assert client.get(reverse("allocations:wishes")).status_code == 200
        page = client.get(url(allocation)).content.decode()
    assert ("Your wishes" in page) == (language == "en")
    assert not re.search(r"""<[^>]+\s(style|on\w+)=|<style|<script>""", page)


@pytest.mark.on_both("runs a statement that no other test runs")
def test_the_waiting_list_for_my_programme_tells_what_is_open(ada, three):
    from django.template.loader import render_to_string  # noqa: PLC0415 - the page that includes it is not ours

    make.allocation(three[0], title="Ateliers du soir")

    said = words(render_to_string("allocations/_wishes_link.html", {"allocations": wishes.listed(ada, timezone.now())}))

    assert "Ateliers du soir" in said
    assert "Aucun souhait pour l’instant" in said
