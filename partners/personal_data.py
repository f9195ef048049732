from core.erasure import Stage, after_restore, role, step
from core.personal_data import Erasure, PersonalData, Retention, declare
from partners.domain import erasure
from partners.models import Correction, Invitee, Objection, PartnerRole, Upload, UploadFile, UploadRow

declare(
    PersonalData(
        Invitee,
        accounts=("attendee__user",),
        addresses=("email",),
        exported=(
            *("institution", "cohort", "last_name", "first_name", "email", "reference", "programme"),
            *("status", "created_at", "answered_at", "reminded_at", "corrected_at"),
        ),
        retention=Retention.LIST,
    ),
    PersonalData(PartnerRole, accounts=("user",), exported=("institution", "role", "created_at")),
    # Found by comparing hashes, never by an address that is kept.
    PersonalData(
        Objection, exported=("institution", "created_at"), erasure=Erasure.BLANKED, retention=Retention.OBJECTION
    ),
    PersonalData(
        UploadRow,
        addresses=("person__email",),
        exported=("line", "cells"),
        retention=Retention.UPLOAD,
        buried=("cells", "person", "was", "findings", "fixes", "offered"),
    ),
    PersonalData(
        Correction,
        addresses=("email",),
        exported=("institution", "fixes"),
        retention=Retention.LIST,
        buried=("fixes",),
    ),
    PersonalData(UploadFile, erasure=Erasure.WITH_PARENT, retention=Retention.UPLOAD, buried=("data",)),
    PersonalData(
        Upload,
        accounts=("uploaded_by", "shared_by"),
        exported=("institution", "file_name", "created_at", "shared_at"),
        erasure=Erasure.BLANKED,
        blanked=("uploaded_by", "shared_by"),
        buried=("removed", "file_name", "read_as"),
    ),
)

step(Stage.WIDEN, erasure.widen)
step(Stage.LOCK, erasure.lock)
step(Stage.REFUSE, erasure.refuse)
step(Stage.END, erasure.object_for_good)
step(Stage.CLEAN, erasure.clean_uploads)
step(Stage.CLEAN, erasure.clean_names)
role("erased-partner", erasure.partners)
after_restore(erasure.replay)
