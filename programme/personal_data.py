from core.personal_data import Erasure, PersonalData, Retention, declare
from programme.models import Duty, Speaker

declare(
    PersonalData(Duty, accounts=("user",), exported=("session", "role"), retention=Retention.EVENT),
    PersonalData(
        Speaker,
        accounts=("user",),
        exported=("name", "role", "organisation", "country"),
        erasure=Erasure.UNLINKED,
        retention=Retention.PROGRAMME,
        blanked=("user",),
    ),
)
