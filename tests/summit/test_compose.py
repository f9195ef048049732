"""The container files: valid, safe, and true, since the same commands run here as plain processes against real
servers."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest

from tests.deployment import COMPOSE, ROOT, Deployment, deployment, wait_until
from tests.summit.schemas import refused

pytestmark = pytest.mark.runs_once("the containers have a PostgreSQL of their own")

OURS = ("migrate", "web", "worker", "codes", "beat")
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_compose_file_follows_the_specification():
    assert refused("vendor.compose-spec", ROOT / "docker-compose.yml") == ""


def test_the_validator_refuses_a_wrong_compose_file(tmp_path: Path):
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((ROOT / "docker-compose.yml").read_text().replace("depends_on:", "depend_on:"))

    assert "depend_on" in refused("vendor.compose-spec", wrong)


def test_the_dockerfile_can_be_read_and_follows_good_practice(tmp_path: Path):
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("there is no hadolint for this machine")
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(DOCKERFILE.replace("HEALTHCHECK", "HEALTCHECK"))
    # DL3059: the RUN lines of our own commands stay apart, for this file's tests read them.
    command = [hadolint, "--ignore", "DL3059", "--failure-threshold", "info"]

    done = subprocess.run([*command, "Dockerfile"], check=False, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
    assert subprocess.run([*command, str(wrong)], check=False, capture_output=True).returncode == 1


def test_nothing_starts_before_what_it_needs():
    needs = {name: service.get("depends_on", {}) for name, service in COMPOSE["services"].items()}

    assert needs["migrate"] == {"db": {"condition": "service_healthy"}}
    for name in ("web", "worker", "codes", "beat"):
        assert needs[name]["migrate"] == {"condition": "service_completed_successfully"}
    for name in ("worker", "beat"):
        assert needs[name]["broker"] == {"condition": "service_healthy"}
    for conditions in needs.values():
        for other, how in conditions.items():
            assert how["condition"] != "service_healthy" or "healthcheck" in COMPOSE["services"][other]


def test_ports_are_open_to_this_machine_alone():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_secret_is_written_in_the_files():
    for text in ((ROOT / "docker-compose.yml").read_text(), (ROOT / ".env.example").read_text()):
        for name in ("SECRET_KEY", "POSTGRES_PASSWORD"):
            values = re.findall(rf"^[ ]*{name}[ ]*[:=][ ]*(.*)$", text, re.M)
            assert [value for value in values if value and not value.startswith("${")] == []


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name: str):
    service = COMPOSE["services"][name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service  # the image's own


@pytest.mark.parametrize("name", sorted(set(COMPOSE["services"]) - {"migrate", "mail"}))
def test_every_lasting_service_has_a_health_check(name: str):
    assert COMPOSE["services"][name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_every_image_names_its_version():
    images = {service["image"] for service in COMPOSE["services"].values() if "build" not in service}
    images |= {
        re.sub(r"\$\{PYTHON\}", re.search(r"^ARG PYTHON=(\S+)", DOCKERFILE, re.M)[1], image) for image in _bases()
    }

    assert len(images) == 4
    assert [image for image in images if not re.search(r":v?\d", image)] == []


def test_the_image_runs_as_nobody_in_particular_and_without_tools_to_build():
    *_, last = re.split(r"^FROM ", DOCKERFILE, flags=re.M)

    assert len(_bases()) == 2
    assert re.search(r"^USER 10001:10001$", last, re.M)
    assert last.index("USER ") < last.index("CMD [")
    assert re.search(r"pip uninstall --yes pip setuptools wheel", last)
    assert not re.search(r"\b(apt-get|curl|gcc|ADD)\b", DOCKERFILE)
    assert "--only-binary=:all: --require-hashes" in DOCKERFILE
    assert re.search(r"^HEALTHCHECK .*\\\n +CMD \[.*/livez", last, re.M)


@pytest.fixture
def summit(tmp_path: Path) -> Iterator[Deployment]:
    """Every service running, with one session of two seats in an empty PostgreSQL; whoever fails prints what they
    said."""
    with deployment(tmp_path) as summit:
        summit.start_broker()
        assert "Applying outbox.0001_initial... OK" in summit.run_service("migrate")
        session = "from tests import make; make.session(slug='the-seat', title='Une séance', seats=2)"
        summit.run(
            ["python", "manage.py", "shell", "-c", session], summit.environment("web") | {"PYTHONPATH": str(ROOT)}
        )
        for service in ("web", "worker", "beat"):
            summit.start(service)
        try:
            wait_until(lambda: readyz(summit)[0] == 200, 90, "/readyz")
            yield summit
        finally:
            summit.stop_all()
            for service in ("web", "worker", "beat", "broker"):
                print(f"--- {service}\n{summit.log(service)}")


@pytest.mark.slow(20)
def test_the_same_commands_run_as_plain_processes(summit: Deployment):
    """From an empty PostgreSQL to a mail in a mailbox, through the commands of the container files."""
    assert set(readyz(summit)[1].values()) == {"ok"}

    Browser(summit.base_url).take_a_seat("the-seat", summit)

    mail = summit.mailbox.wait_for(2)
    assert (mail["To"], "Une séance" in mail["Subject"]) == ("ada@example.org", True)
    [ics, _file] = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert "BEGIN:VEVENT" in ics.get_content()
    assert [name for name in ("web", "worker", "beat") if not summit.healthcheck(name)] == []
    summit.run(
        json.loads(re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE, re.M)[1]), summit.environment("web")
    )
    assert json.loads(re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.M)[1]) == summit.command("web")

    assert [summit.stop(service) for service in ("beat", "worker", "web")] == [0, 0, 0]
    assert not summit.healthcheck("web")
    for service in ("web", "worker", "beat"):
        assert "Tell-Nobody" not in summit.log(service)
        assert "Traceback" not in summit.log(service)


@pytest.mark.proves("mail-sent-or-explained")
@pytest.mark.faults
@pytest.mark.slow(30)
def test_each_part_is_taken_away_and_comes_back(summit: Deployment):
    """/readyz names the part; seats are given and taken without the broker; nobody restarts what goes on running."""
    browser = Browser(summit.base_url)
    browser.take_a_seat("the-seat", summit)
    summit.mailbox.wait_for(2)

    summit.stop("broker")

    status, checks = timed(2, lambda: readyz(summit))
    assert (status, checks.pop("broker")) == (
        503,
        "The broker does not answer: see BROKER_URL; mails wait in the database meanwhile.",
    )
    assert set(checks.values()) == {"ok"}
    timed(4, lambda: browser.give_back("the-seat"))
    assert (summit.healthcheck("web"), summit.healthcheck("worker"), len(summit.mailbox.mails)) == (True, False, 2)

    summit.start_broker()

    assert "Une séance" in summit.mailbox.wait_for(3)["Subject"]
    wait_until(lambda: readyz(summit)[0] == 200 and summit.healthcheck("worker"), 30, "/readyz again")

    assert summit.stop("beat") == 0
    time.sleep(1)  # for a sweep that was already on its way
    age = (
        "from datetime import timedelta; from outbox.models import Heartbeat as H; h = H.objects.get(); h.seen_at -= "
        "timedelta(seconds=61)"
    )
    summit.run(["python", "manage.py", "shell", "-c", f"{age}; h.save()"], summit.environment("web"))

    assert readyz(summit)[0] == 503
    assert re.fullmatch(
        r"The last sweep came by \d{2,3} seconds ago: look at beat and the worker\.", readyz(summit)[1]["beat"]
    )
    summit.start("beat")
    wait_until(lambda: readyz(summit)[0] == 200, 30, "/readyz with beat")

    summit.stop_database()

    status, checks = timed(2, lambda: readyz(summit))
    assert (status, checks["database"], checks["broker"]) == (
        503,
        "The database cannot be used: see DATABASE_URL and the log.",
        "ok",
    )
    assert summit.healthcheck("web")  # alive: a restart would not fix the database


def timed(seconds: float, act: Callable[[], Any]) -> Any:
    began = time.monotonic()
    answer = act()
    assert time.monotonic() - began < seconds
    return answer


def readyz(summit: Deployment) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"{summit.base_url}/readyz", timeout=5) as answer:
            return answer.status, json.load(answer)["checks"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["checks"]
    except OSError:
        return 0, {}


class Browser:
    """Someone with cookies, who fills in forms."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.url = ""

    def get(self, path: str) -> str:
        return self._open(path)

    def post(self, path: str, page: str, **fields: str) -> str:
        fields["csrfmiddlewaretoken"] = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
        return self._open(path, urlencode(fields).encode())

    def take_a_seat(self, slug: str, summit: Deployment) -> None:
        page = self.post("/accounts/signup/", self.get("/accounts/signup/"), login="ada@example.org")
        letter = summit.mailbox.wait_for(1).get_body(("plain",)).get_content()
        page = self.post(self.url, page, code=re.search(r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", letter, re.M)[1])
        self.post(self.url, page, name="Ada Lovelace")
        self.post(f"/sessions/{slug}/register/", self.get(f"/sessions/{slug}/seat/"), seen="")

    def give_back(self, slug: str) -> None:
        self.post(f"/sessions/{slug}/cancel/", self.get(f"/sessions/{slug}/cancel/"))

    def _open(self, path: str, body: bytes | None = None) -> str:
        with self.opener.open(urljoin(self.base_url, path), body, timeout=15) as answer:
            self.url = answer.url
            return answer.read().decode()


def _bases() -> list[str]:
    return re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
