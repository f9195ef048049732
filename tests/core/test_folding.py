"""People find what they look for however they type it, and lists are sorted as they expect
(docs/rules.md#search-as-typed)."""

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Attendee
from core import folding
from core.folding import Searchable, SearchField, fold, found, in_order
from programme.models import Event, Session, Track
from registrations.domain import invariants
from tests import make
from tests.partners import portal
from venues.models import Venue

# What is written, and what people type for it.
TYPED = [
    ("Café d’accueil", "Café d'accueil"),
    ("Café d'accueil", "cafe d’accueil"),
    ("L’Europe et l’IA", "l'Europe"),
    ("L’Europe et l’IA", "L`IA"),
    ("L’Europe et l’IA", "l´ia"),
    ("Chloé", "chloe"),
    ("Chloe\u0301", "CHLOÉ"),
    ("Amphithéâtre Poincaré", "amphitheatre"),
    ("Chef-d’œuvre", "oeuvre"),
    ("Chef-d’oeuvre", "ŒUVRE"),
    ("Ex æquo", "ex aequo"),
    ("Łukasz Kaiser", "lukasz"),
    ("Jan Leike", "ŁEIKE"),
    ("Søren Østergård", "soren ostergard"),
    ("Straße", "STRASSE"),
    ("Đặng Thị", "dang thi"),
    ("Þór", "thor"),
    ("Saint‑Denis", "saint denis"),  # a hyphen that does not break
    ("Saint Denis", "saint-denis"),
    ("Paris – Saclay", "paris-saclay"),
    ("Jean\u00a0Paul", "jean paul"),
    ("Prix\u202f: 12", "prix : 12"),
    ("ﬁnance", "finance"),
    ("１２ ＡＢＣ", "12 abc"),
    ("1ᵉʳ jour", "1er"),
    ("İstanbul", "istanbul"),
    ("Kadıköy", "kadikoy"),
    ("co\u00adopération", "cooperation"),
    ("Zo\u200bé", "zoe"),
    ("Ἀθῆναι", "αθηναι"),
    ("Ёлкин", "елкин"),
    ("أحمد", "احمد"),
    ("مُحَمَّد", "محمد"),
    ("שָׁלוֹם", "שלום"),
    ("« IA »", '"ia"'),
    ("O’Brien", "o'brien"),
    ("O'Brien", "oʼbrien"),
]


class TestFolding:
    pytestmark = pytest.mark.runs_once("no database is asked")

    @pytest.mark.proves("search-as-typed")
    @pytest.mark.parametrize(("written", "typed"), TYPED)
    def test_what_is_typed_stands_in_what_is_written(self, written, typed):
        assert all(word in fold(written) for word in fold(typed).split())
        assert fold(typed)

    @pytest.mark.parametrize(
        ("one", "other"), [("C", "C++"), ("R&D", "RD"), ("n° 12", "no 12"), ("が", "た"), ("42", "4 2"), ("", "a")]
    )
    def test_what_differs_stays_apart(self, one, other):
        assert fold(one) != fold(other)

    @given(st.text())
    def test_folding_twice_is_folding_once(self, text):
        assert fold(fold(text)) == fold(text)

    def test_names_are_sorted_as_in_a_directory(self):
        names = ["Zola", "Œdipe", "Łukasz", "Odile", "Éluard", "lucas", "Élan", "De la Tour", "d’Ormesson", "Ovide"]

        assert sorted(names, key=fold) == [
            *("d’Ormesson", "De la Tour", "Élan", "Éluard", "lucas", "Łukasz", "Odile", "Œdipe", "Ovide", "Zola")
        ]


@pytest.mark.django_db
class TestTheColumn:
    @pytest.mark.proves("search-as-typed")
    @pytest.mark.parametrize(("written", "typed"), TYPED)
    def test_the_database_finds_it(self, written, typed):
        session = make.session(title=written)

        assert Session.objects.filter(found(typed, "search")).get() == session

    def test_it_follows_every_way_of_saving(self):
        event = make.event(title_fr="Forum", title_en="Forum")
        event.title_fr = "Journée d’étude"
        event.save(update_fields=["title_fr"])
        venue = Venue(slug="a", name="Théâtre", city="Évry", country="FR")
        Venue.objects.bulk_create([venue])

        assert Event.objects.get(found("journee etude", "search")) == event
        assert Venue.objects.get(found("theatre evry", "search")) == venue

    def test_what_was_written_past_its_model_is_told(self):
        event = make.event(title="Forum")
        assert list(folding.stale()) == []

        Event.objects.filter(pk=event.pk).update(slug="elsewhere")

        assert list(folding.stale()) == [event]
        assert [breach["rule"] for breach in invariants.check(timezone.now())["breaches"]] == [
            "a row is found by what it says"
        ]

    def test_a_domain_is_found_in_letters_and_as_mail_servers_write_it(self):
        chloe = make.attendee(email="chloe@école.fr")

        for typed in ("chloe@ecole", "École.fr", "xn--cole-9oa", "chloe école"):
            assert Attendee.objects.filter(found(typed, "search", "user__search")).get() == chloe

    def test_signs_of_patterns_mean_themselves(self):
        make.session(title="Cent pour cent")
        full = make.session(title="100 % IA")

        assert list(Session.objects.filter(found("%", "search"))) == [full]
        assert not Session.objects.filter(found("c_nt\\", "search"))

    def test_every_column_starts_with_the_name_that_its_rows_are_sorted_by(self):
        searchable = [model for model in apps.get_models() if issubclass(model, Searchable)]

        assert len(searchable) > 15
        for model in searchable:
            field = model._meta.get_field("search")
            assert isinstance(field, SearchField)
            for source in field.sources:
                model._meta.get_field(source)
            if hasattr(model, "history"):
                assert "search" not in {field.name for field in model.history.model._meta.fields}

    @pytest.mark.proves("sorted-as-read")
    def test_lists_are_sorted_in_the_language_of_the_reader(self):
        for french, english in (
            ("Œuvres", "Works"),
            ("Opéra", "Opera"),
            ("Ovni", "UFO"),
            ("Łódź", "Lodz"),
            ("été", "Summer"),
        ):
            make.track(slug=english.lower(), name_fr=french, name_en=english)

        with override("fr"):
            assert [track.name for track in Track.objects.order_by(in_order(Track))] == [
                *("été", "Łódź", "Œuvres", "Opéra", "Ovni")
            ]
        with override("en"):
            assert [track.name for track in Track.objects.order_by(in_order(Track))] == [
                *("Lodz", "Opera", "Summer", "UFO", "Works")
            ]

    def test_blanks_come_before_letters_whatever_the_locale_of_the_database(self):
        for name in ("Delatour", "De la Tour", "de-Lamy", "Dela"):
            make.attendee(name)

        assert [who.name for who in Attendee.objects.order_by(in_order(Attendee))] == [
            *("De la Tour", "de-Lamy", "Dela", "Delatour")
        ]


@pytest.mark.django_db
class TestThePages:
    @pytest.fixture
    def olympe(self):
        return make.sign_in(Client(), make.organiser())

    @pytest.mark.proves("search-as-typed")
    @pytest.mark.parametrize(
        ("address", "create"),
        [
            ("programme/session", lambda: make.session(title="Café d’accueil")),
            ("programme/event", lambda: make.event(title="Café d’accueil")),
            ("programme/track", lambda: make.track(name="Café d’accueil")),
            ("programme/day", lambda: make.day(datetime(2027, 2, 10, tzinfo=UTC).date(), label="Café d’accueil")),
            ("programme/speaker", lambda: make.speaker(name="Café d’accueil")),
            ("venues/venue", lambda: make.venue(name="Café d’accueil")),
            ("venues/room", lambda: make.room(name="Café d’accueil")),
            ("venues/room", lambda: make.room(venue=make.venue(name="Café d’accueil"))),
            ("venues/traveltime", lambda: make.travel_time(note="Café d’accueil")),
            ("accounts/attendee", lambda: make.attendee("Café d’accueil")),
            ("accounts/user", lambda: make.attendee("Café d’accueil")),
            ("registrations/institution", lambda: make.institution(name="Café d’accueil")),
            ("registrations/cohort", lambda: make.cohort(name="Café d’accueil")),
            ("registrations/membership", lambda: make.membership(who=make.attendee("Café d’accueil"))),
            ("registrations/registration", lambda: make.registration(who=make.attendee("Café d’accueil"))),
            ("registrations/registration", lambda: make.registration(make.session(title="Café d’accueil"))),
            (
                "registrations/invitation",
                lambda: make.invitation(make.session(title="Café d’accueil", access="invitation")),
            ),
            ("allocations/allocation", lambda: make.allocation(title="Café d’accueil")),
            ("notices/announcement", lambda: make.announcement(subject_fr="Café d’accueil")),
            ("partners/invitee", lambda: portal.invitee(make.cohort(), ["Café d’accueil", "A", "a@x.fr", "21001"])),
            ("partners/upload", lambda: portal.apply(make.cohort(name="Café d’accueil"), portal.ADA)),
        ],
    )
    def test_a_list_of_the_administration_finds_what_is_typed(self, olympe, address, create):
        create()

        for typed, number in (("CAFE d'Accueil", 1), ("café d'accueil zzz", 0)):
            page = olympe.get(f"/admin/{address}/", {"q": typed})
            assert page.status_code == 200
            assert page.context["cl"].result_count == number

    def test_the_box_that_completes_finds_it_too(self, olympe):
        make.room(name="Amphithéâtre de l’Œuvre")

        said = olympe.get(
            "/admin/autocomplete/",
            {"app_label": "programme", "model_name": "session", "field_name": "room", "term": "amphitheatre l'oeuvre"},
        ).json()

        assert [one["text"] for one in said["results"]] == ["Amphithéâtre de l’Œuvre"] or len(said["results"]) == 1

    @pytest.mark.proves("sorted-as-read")
    @pytest.mark.parametrize(("language", "expected"), [("fr", ["Élan", "Œuf", "Zoo"]), ("en", ["Ark", "Egg", "Rush"])])
    def test_a_list_of_the_administration_is_sorted_as_its_reader_reads(self, olympe, language, expected):
        for french, english in (("Zoo", "Ark"), ("Œuf", "Egg"), ("Élan", "Rush")):
            make.cohort(slug=english.lower(), name_fr=french, name_en=english)

        page = olympe.get(f"{'' if language == 'fr' else '/en'}/admin/registrations/cohort/")

        with override(language):
            assert [str(cohort) for cohort in page.context["cl"].result_list] == expected

    def test_a_column_that_is_pressed_is_sorted_so_too(self, olympe):
        for name in ("Zoé", "Émile", "Œdipe", "Odile"):
            make.registration(who=make.attendee(name))

        page = olympe.get("/admin/registrations/registration/?o=1")
        backwards = olympe.get("/admin/registrations/registration/?o=-1")

        names = [registration.attendee.name for registration in page.context["cl"].result_list]
        assert names == ["Émile", "Odile", "Œdipe", "Zoé"]
        assert [registration.attendee.name for registration in backwards.context["cl"].result_list] == names[::-1]

    @pytest.mark.proves("search-as-typed")
    def test_the_portal_finds_and_sorts_people(self):
        cohort = make.cohort()
        portal.apply(
            cohort,
            ["Łoś", "Chloé", "c@x.fr", "21001"],
            ["Lucas", "Œdipe", "o@x.fr", "21002"],
            ["Élan", "Zoé", "z@x.fr", "21003"],
        )
        camille = portal.signed_in(portal.role(cohort.institution))
        address = f"/partners/{cohort.institution.slug}/{cohort.slug}/"

        found_people = camille.get(address, {"q": "CHLOE los"}).content.decode()
        everybody = camille.get(address).content.decode()

        assert "Łoś" in found_people and "Lucas" not in found_people
        assert everybody.index("Élan") < everybody.index("Łoś") < everybody.index("Lucas")

    def test_the_waiting_list_and_the_reasons_find_people(self, olympe):
        session = make.session(title="L’été de l’IA", seats=1)
        make.registration(session)
        zoe = make.attendee("Zoé d’Ormesson")
        portal.seat(session, zoe)

        line = olympe.get(f"/admin/programme/session/{session.pk}/waitlist/", {"q": "ZOE d'ormesson"})
        why = olympe.get(
            "/admin/registrations/registration/why/", {"find_session": "ete de l'ia", "find_attendee": "zoe"}
        )

        assert "Zoé d’Ormesson" in line.content.decode()
        assert "L’été de l’IA" in why.content.decode()
