from attendees.models import PrivacyRequest
from core.personal_data import PersonalData, declare

declare(PersonalData(PrivacyRequest, accounts=("user",), exported=("text", "created_at", "answered_at")))
