"""Where somebody is signed in, and for how long (docs/rules.md#web-sessions)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.domain import web_sessions
from accounts.models import Attendee, WebSession
from tests import make
from tests.accounts.test_sign_in import sign_in

pytestmark = pytest.mark.django_db

BROWSERS, ACCOUNT = "/accounts/security/", "/me/account/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def ada() -> Attendee:
    return make.attendee("Ada Lovelace")


def browser_of(who: Any, agent: str) -> Client:
    client = Client(headers={"User-Agent": agent})
    sign_in(client, who.email)
    return client


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox, Linux"),
        (PHONE, "Safari, iPhone"),
        (f"{PHONE.replace('Version/18.5', 'CriOS/138.0')}", "Chrome, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/138.0 Safari/537.36 Edg/138.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/138.0 Mobile Safari/537.36", "Chrome, Android"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15",
            "Safari, macOS",
        ),
        ("curl/8.5", ""),
        ("", ""),
        ("\x00<b>", ""),
    ],
)
def test_a_browser_is_called_by_its_name_and_its_system(agent: str, name: str) -> None:
    assert web_sessions.browser_of(agent) == name


@pytest.mark.proves("web-sessions")
def test_people_see_where_they_are_signed_in_and_sign_out_everywhere_else(ada: Attendee) -> None:
    here, there, nobodys = browser_of(ada.user, FIREFOX), browser_of(ada.user, PHONE), browser_of(make.user(), PHONE)
    page = here.get(f"/en{BROWSERS}").content.decode()
    assert page.index("Firefox, Linux") < page.index("this browser") < page.index("Safari, iPhone")

    done = here.post(f"/en{BROWSERS}sign-out/", follow=True).content.decode()

    assert "You have been signed out of 1 other browser." in done
    assert "iPhone" not in done.partition('id="log"')[0]
    assert here.get(ACCOUNT).status_code == 200
    assert there.get(ACCOUNT).status_code == 302
    assert nobodys.get(BROWSERS).status_code == 200
    assert "signed in nowhere else" in here.post(f"/en{BROWSERS}sign-out/", follow=True).content.decode()


@pytest.mark.proves("web-sessions")
@pytest.mark.parametrize(
    ("clicks_each", "until", "is_in"), [(29, 11 * 60, True), (31, 31, False), (20, 12 * 60, False)]
)
def test_an_organiser_is_signed_out_after_half_an_hour_of_nothing_and_after_half_a_day(
    clicks_each: int, until: int, is_in: bool
) -> None:
    client = browser_of(make.organiser(), FIREFOX)
    with time_machine.travel(timezone.now(), tick=False) as now:
        for _click in range(until // clicks_each):
            now.shift(timedelta(minutes=clicks_each))
            answer = client.get("/admin/")

    assert (answer.status_code == 200) is is_in
    assert WebSession.objects.filter(account__is_staff=True).exists() is is_in


@pytest.mark.proves("web-sessions")
def test_who_becomes_an_organiser_is_one_from_the_next_click_on(ada: Attendee) -> None:
    client = browser_of(ada.user, FIREFOX)
    ada.user.is_staff = True
    ada.user.save()
    with time_machine.travel(timezone.now(), tick=False) as now:
        client.get(ACCOUNT)
        now.shift(timedelta(minutes=31))
        assert client.get(ACCOUNT).status_code == 302


@pytest.mark.proves("web-sessions")
def test_an_attendee_stays_signed_in_for_two_weeks(ada: Attendee) -> None:
    client = browser_of(ada.user, FIREFOX)
    with time_machine.travel(timezone.now() + timedelta(days=13)):
        assert client.get(ACCOUNT).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        assert client.get(ACCOUNT).status_code == 302


@pytest.mark.proves("web-sessions")
def test_whose_rights_change_signs_in_again(ada: Attendee) -> None:
    theirs, organiser = browser_of(ada.user, FIREFOX), browser_of(make.organiser(), FIREFOX)
    url = f"/admin/accounts/user/{ada.user.pk}/change/"
    form = {"email": ada.user.email, "language": "fr", "timezone": "Europe/Paris", "is_active": "on"}
    form |= {"emailaddress_set-TOTAL_FORMS": "0", "emailaddress_set-INITIAL_FORMS": "0"}
    assert organiser.post(url, form | {"timezone": "Europe/London"}).status_code == 302
    assert theirs.get(ACCOUNT).status_code == 200

    assert organiser.post(url, form | {"timezone": "Europe/London", "is_staff": "on"}).status_code == 302

    assert theirs.get(ACCOUNT).status_code == 302
    assert organiser.get("/admin/").status_code == 200


@pytest.mark.parametrize("number", [1, 4])
def test_the_page_takes_the_same_queries(ada: Attendee, number: int, django_assert_num_queries: Any) -> None:
    client = [browser_of(ada.user, FIREFOX) for _ in range(number)].pop()
    client.get(BROWSERS)

    with django_assert_num_queries(5):  # web session with account, edition, second steps, web sessions, log
        client.get(BROWSERS)
