import pytest

from tests import make

pytestmark = pytest.mark.django_db


def test_each_row_can_be_made_without_naming_anything():
    make.organiser()
    make.participation()
    make.cohort()

    registration = make.registration()

    assert make.pool(registration.session).taken == 1
